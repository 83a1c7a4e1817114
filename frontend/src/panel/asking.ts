/** What people write about runs: ask, ask again, stop, take out of the queue, keep. Works offline: it is the document. */
import * as Y from 'yjs';
import type { Person } from '../board';
import { newId } from '../canvas';
import { MAIN_THREAD } from '../canvas.gen';
import type { Context } from './read';

/** Characters of one prompt, some three pages; the same as MAX_PROMPT of sync/board.py for prompts over REST. */
export const MAX_PROMPT = 8_000;
/** Ids of the selection that travel with a prompt; past it the view says more than the list. */
const MAX_SELECTION = 200;
const AGENT = 'assistant';

/** Writes the prompt and its queued run in one transaction. Returns the run's id, or null for an empty prompt. */
export function ask(doc: Y.Doc, me: Person, text: string, context: Context, now: number): string | null {
  // Half a surrogate pair (cut by the limit, or pasted) must not reach the other replicas' CRDT libraries.
  const body = text
    .trim()
    .slice(0, MAX_PROMPT)
    .replace(/\p{Surrogate}/gu, '\ufffd');
  if (body === '') return null;
  const message = newId();
  const run = newId();
  doc.transact(() => {
    const { view } = context;
    doc.getMap('messages').set(
      message,
      new Y.Map<unknown>([
        ['thread', MAIN_THREAD],
        ['role', 'user'],
        ['by', me.id],
        ['by_name', me.name],
        ['at', now],
        ['run', run],
        ['body', body],
        ['context', { selection: context.selection.slice(0, MAX_SELECTION), ...(view ? { view: { ...view } } : {}) }],
      ]),
    );
    doc.getMap('runs').set(
      run,
      new Y.Map<unknown>([
        ['thread', MAIN_THREAD],
        ['prompt', message],
        ['agent', AGENT],
        ['asked_by', me.id],
        ['at', now],
        ['status', 'queued'],
      ]),
    );
  });
  return run;
}

function setField(doc: Y.Doc, run: string, field: string, value: unknown): void {
  const entry = doc.getMap('runs').get(run);
  if (entry instanceof Y.Map) doc.transact(() => entry.set(field, value));
}

/** Asks the assistant to stop; it looks at the flag on each model event and inside each call. */
export const stop = (doc: Y.Doc, me: Person, run: string, now: number): void =>
  setField(doc, run, 'cancel', { by: me.id, at: now });

/** Takes a queued run out of the queue. */
export const remove = (doc: Y.Doc, run: string): void => setField(doc, run, 'remove', true);

/** Accepts the changes: the card's footer goes away for everybody. */
export const keep = (doc: Y.Doc, run: string): void => setField(doc, run, 'kept', true);
