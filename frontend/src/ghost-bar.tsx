/** Accept and Reject at the ghost that the pointer is on: whoever looks at the board need not look for it in the panel. */
import { signal } from '@preact/signals';
import { Check, X } from 'lucide-preact';
import { type JSX, render } from 'preact';
import { accept, reject } from './drafts';
import type { Editor } from './editor';
import { type Box, bounds, type Point, union } from './geometry';
import { ghostOf } from './ghosts';
import { me } from './me';
import { decided, nameOf, whatOf } from './panel/deciding';
import { shapeLookup } from './panel/feed';
import { type OpenShape, proposalsOf } from './proposals';
import './ghost-bar.css';

/** The pointer may leave a ghost by so much on its way to the buttons, px of the screen. */
const NEAR = 44;
const GAP = 8;
const WIDTH = 76;
const HEIGHT = 40;

interface Pointed {
  run: string;
  shape: OpenShape;
  box: Box;
}

/** Where a proposal would be seen: the ghost, and the shape that it would change. */
function boxOf(editor: Editor, shape: OpenShape): Box | null {
  const ghost = ghostOf(editor.canvas, shape);
  if (!ghost) return null;
  const now = editor.place(shape.id);
  const parts = [now && bounds(now), ghost.type === 'connector' ? null : bounds(ghost)];
  return union(parts.filter((part): part is Box => part !== null));
}

const isNear = ({ x, y, w, h }: Box, at: Point, by: number): boolean =>
  at.x >= x - by && at.x <= x + w + by && at.y >= y - by && at.y <= y + h + by;

/** The smallest ghost at a point of the board: those that lie on a larger one can be reached. */
function pointedAt(editor: Editor, at: Point, by: number): Pointed | null {
  let found: Pointed | null = null;
  for (const [run, { open }] of proposalsOf(editor.room.doc).peek()) {
    for (const shape of open) {
      const box = boxOf(editor, shape);
      if (!box || !isNear(box, at, by)) continue;
      if (!found || box.w * box.h < found.box.w * found.box.h) found = { run, shape, box };
    }
  }
  return found;
}

export function mountGhostBar(editor: Editor, app: HTMLElement): void {
  const canvas = app.querySelector<HTMLElement>('.canvas')!;
  const host = document.createElement('div');
  host.className = 'ghost-bar-host';
  app.append(host);
  const pointed = signal<{ run: string; id: string } | null>(null);

  const point = (event: MouseEvent): void => {
    if (editor.tool.peek() !== 'select' || !editor.canWrite || !proposalsOf(editor.room.doc).peek().size) {
      pointed.value = null;
      return;
    }
    const at = editor.boardPoint(event);
    const found = pointedAt(editor, at, 0);
    if (found) {
      const now = pointed.peek();
      if (now?.run !== found.run || now.id !== found.shape.id) pointed.value = { run: found.run, id: found.shape.id };
      return;
    }
    const kept = pointed.peek();
    const shape = kept && openOf(editor, kept);
    const box = shape && boxOf(editor, shape);
    if (!box || !isNear(box, at, NEAR / editor.camera.zoom.peek())) pointed.value = null;
  };
  canvas.addEventListener('pointermove', (event) => {
    if (event.pointerType !== 'touch' && !event.buttons) point(event);
  });
  canvas.addEventListener('click', point); // a tap
  render(<GhostBar editor={editor} pointed={pointed} />, host);
}

function openOf(editor: Editor, { run, id }: { run: string; id: string }): OpenShape | undefined {
  return proposalsOf(editor.room.doc)
    .value.get(run)
    ?.open.find((shape) => shape.id === id);
}

function GhostBar(props: {
  editor: Editor;
  pointed: { value: { run: string; id: string } | null };
}): JSX.Element | null {
  const { editor, pointed } = props;
  const at = pointed.value;
  const shape = at && openOf(editor, at);
  void editor.scene.version.value;
  const port = editor.camera.port.value;
  const { w, h } = editor.camera.size.value;
  const box = shape && boxOf(editor, shape);
  if (!box || !editor.room.canWrite.value || editor.busy.value) return null;
  const lookup = shapeLookup(editor.room.doc.getMap('shapes'));
  const what = `${whatOf(shape)} ${nameOf(shape.id, lookup)}`;
  const decide = (isAccepted: boolean): void => {
    const how = isAccepted ? accept : reject;
    const decision = how(editor.room.doc, at.run, [shape.id], me.peek().id, Date.now());
    const { done, left } = decided(decision, isAccepted, lookup);
    if (left.length || decision.shapes.length > 1)
      editor.notice.value = { text: [done, ...left.slice(0, 2)].join(' ') };
    editor.spoken.value = [done, ...left].join(' ');
    pointed.value = null;
  };
  const middle = (box.x + box.w / 2 - port.x) * port.zoom;
  const below = (box.y + box.h - port.y) * port.zoom + GAP;
  const { inset } = editor.camera;
  const left = Math.max(GAP, Math.min(w - inset.right - WIDTH, middle - WIDTH / 2));
  const top = Math.max(inset.top, Math.min(h - inset.bottom - HEIGHT, below));
  return (
    <div
      class="island ghost-bar"
      role="toolbar"
      aria-label={`Proposal: ${what}`}
      data-testid="ghost-bar"
      style={{ transform: `translate(${Math.round(left)}px, ${Math.round(top)}px)` }}
    >
      <button
        type="button"
        class="icon-button accept"
        data-testid="accept-ghost"
        aria-label={`Accept: ${what}`}
        title="Accept"
        onClick={() => decide(true)}
      >
        <Check size={17} strokeWidth={2} aria-hidden="true" />
      </button>
      <button
        type="button"
        class="icon-button"
        data-testid="reject-ghost"
        aria-label={`Reject: ${what}`}
        title="Reject"
        onClick={() => decide(false)}
      >
        <X size={17} strokeWidth={2} aria-hidden="true" />
      </button>
    </div>
  );
}
