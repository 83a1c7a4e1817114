/** A quiet word on whose a shape is, when the pointer rests on it or Tab reaches it. */
import { effect } from '@preact/signals';
import * as Y from 'yjs';
import type { Editor } from '../editor';
import { me } from '../me';
import { nameOf } from '../time/people';
import { attributionOf } from './who';
import { Writers } from './writers';
import './attribution.css';

/** Long enough not to follow a pointer that only passes. */
const REST_MS = 700;
const OFF = 14; // px between pointer and tooltip

function promptOf(editor: Editor, run: string): string {
  const { doc } = editor.room;
  const entry = doc.getMap<unknown>('runs').get(run);
  const id = entry instanceof Y.Map ? entry.get('prompt') : null;
  const message = typeof id === 'string' ? doc.getMap<unknown>('messages').get(id) : null;
  const body = message instanceof Y.Map ? message.get('body') : null;
  return typeof body === 'string' ? body : '';
}

export function mountAttribution(editor: Editor, canvas: HTMLElement): void {
  const writers = new Writers(editor.room.name);
  effect(() => {
    for (const { clientId, user } of editor.presence.here.value) writers.met(clientId, user.id, user.name);
  });
  const tip = document.createElement('div');
  tip.className = 'attribution';
  tip.dataset.testid = 'attribution';
  tip.setAttribute('role', 'tooltip');
  tip.hidden = true;
  canvas.append(tip);

  const writer = (client: number): string | null => {
    const found = writers.of(client);
    if (!found) return null;
    return found.id === me.peek().id ? 'you' : nameOf(editor, found.id) || found.name;
  };
  const linesFor = (id: string): string[] => {
    const shape = editor.canvas.get(id);
    if (!shape) return [];
    return attributionOf(shape, {
      stamp: (field) => editor.canvas.stamp(id, field),
      writer,
      name: (user) => nameOf(editor, user),
      prompt: (run) => promptOf(editor, run),
      now: Date.now(),
    });
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  let over: string | null = null;
  const hide = (): void => {
    clearTimeout(timer);
    tip.hidden = true;
    over = null;
  };
  const show = (id: string, x: number, y: number): void => {
    const lines = linesFor(id);
    tip.hidden = lines.length === 0;
    tip.replaceChildren(
      ...lines.map((line) => {
        const row = document.createElement('div');
        row.textContent = line;
        return row;
      }),
    );
    const { width, height } = tip.getBoundingClientRect();
    const { clientWidth, clientHeight } = canvas;
    tip.style.left = `${Math.max(4, Math.min(x + OFF, clientWidth - width - 4))}px`;
    tip.style.top = `${y + OFF + height > clientHeight ? y - OFF - height : y + OFF}px`;
  };
  canvas.addEventListener('pointermove', (event) => {
    const isIdle = event.pointerType === 'mouse' && !event.buttons && editor.tool.peek() === 'select';
    const target = isIdle && !editor.editing.peek() && event.target instanceof Element ? event.target : null;
    const id = target?.closest<SVGElement>('[data-shape-id]')?.dataset.shapeId ?? null;
    if (id === over && !tip.hidden) return; // it stays where it came up
    hide();
    if (id === null) return;
    over = id;
    const { left, top } = canvas.getBoundingClientRect();
    timer = setTimeout(() => show(id, event.clientX - left, event.clientY - top), REST_MS);
  });
  canvas.addEventListener('focusin', (event) => {
    const target = event.target instanceof Element && event.target.matches(':focus-visible') ? event.target : null;
    const id = target?.closest<SVGElement>('[data-shape-id]')?.dataset.shapeId;
    if (!id || !target) return;
    hide();
    over = id;
    const { right, top } = target.getBoundingClientRect();
    timer = setTimeout(() => show(id, right, top), REST_MS);
  });
  for (const end of ['pointerdown', 'pointerleave', 'wheel', 'focusout']) {
    canvas.addEventListener(end, hide, { passive: true });
  }
  addEventListener('keydown', hide, true);
}
