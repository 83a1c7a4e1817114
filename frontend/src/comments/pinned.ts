/** Which open comments are about which shapes. */
import { type ReadonlySignal, signal } from '@preact/signals';
import type * as Y from 'yjs';
import { MAIN_THREAD } from '../canvas.gen';
import { oncePerFrame } from '../frames';
import { byTime } from '../panel/card';
import { type MessageEntry, readMessage } from '../panel/read';

export type Pinned = ReadonlyMap<string, readonly MessageEntry[]>;

/** Comments by shape, oldest first; a comment on several shapes is pinned to the first. */
export function pinnedIn(messages: Y.Map<unknown>): Pinned {
  const found = new Map<string, MessageEntry[]>();
  for (const [id, entry] of messages) {
    const message = readMessage(id, entry);
    if (message?.role !== 'user' || message.run !== null || message.thread !== MAIN_THREAD) continue;
    const [shape] = message.context.selection;
    if (shape === undefined || message.resolved || message.body.trim() === '') continue;
    const others = found.get(shape);
    if (others) others.push(message);
    else found.set(shape, [message]);
  }
  for (const comments of found.values()) comments.sort(byTime);
  return found;
}

/** The same, kept fresh, at most once a frame. */
export function watchPinned(doc: Y.Doc): ReadonlySignal<Pinned> {
  const messages = doc.getMap<unknown>('messages');
  const pinned = signal(pinnedIn(messages));
  messages.observeDeep(
    oncePerFrame(() => {
      pinned.value = pinnedIn(messages);
    }),
  );
  return pinned;
}
