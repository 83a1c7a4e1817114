/** The picture of one board, fetched and drawn when it comes into view. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { readDocument } from './api';
import { draw } from './picture';

/** Pictures on their way at one time: the list is for finding a board, not for loading all of them. */
const AT_ONCE = 3;
let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) await new Promise<void>((go) => waiting.push(go));
  running++;
  try {
    return await work();
  } finally {
    running--;
    waiting.shift()?.();
  }
}

export function Thumbnail({ room, editedAt }: { room: string; editedAt: number }): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const state = useSignal<'waiting' | 'drawn' | 'empty' | 'failed'>('waiting');
  // `editedAt` is a dependency: a board that was edited is drawn anew.
  useEffect(() => {
    const el = frame.current;
    if (!el) return;
    let isGone = false;
    const load = async (): Promise<void> => {
      try {
        const document = await inTurn(async () => (isGone ? null : await readDocument(room)));
        if (isGone) return;
        const picture = draw(document);
        el.replaceChildren(...(picture ? [picture] : []));
        state.value = picture ? 'drawn' : 'empty';
      } catch {
        // The card still works without its picture; the list itself says when the server is away.
        state.value = 'failed';
      }
    };
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        void load();
      },
      { rootMargin: '120px' },
    );
    observer.observe(el);
    return () => {
      isGone = true;
      observer.disconnect();
    };
  }, [room, editedAt]);
  return (
    <div class="thumb" data-state={state.value}>
      <div class="thumb-picture" ref={frame} />
      {state.value === 'empty' && <span class="thumb-words">Empty board</span>}
      {state.value === 'failed' && <span class="thumb-words">No preview</span>}
    </div>
  );
}
