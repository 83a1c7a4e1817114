/** What people write about runs: ask, ask again, stop, take out of the queue, keep. Works offline: it is the document. */
import * as Y from 'yjs';
import type { Person } from '../board';
import { newId } from '../canvas';
import { MAIN_THREAD, MAX_ANSWER, type RunQuestion } from '../canvas.gen';
import { type Context, readQuestion } from './read';

/** Characters of one prompt, some three pages; the same as MAX_PROMPT of sync/board.py for prompts over REST. */
export const MAX_PROMPT = 8_000;
/** Ids of the selection that travel with a prompt; past it the view says more than the list. */
const MAX_SELECTION = 200;
const AGENT = 'assistant';

/** Half a surrogate pair (cut by the limit, or pasted) must not reach the other replicas' CRDT libraries. */
const tidied = (text: string, limit: number): string =>
  text
    .trim()
    .slice(0, limit)
    .replace(/\p{Surrogate}/gu, '\ufffd');

/** What every message has. */
function said(me: Person, body: string, now: number): [string, unknown][] {
  return [
    ['thread', MAIN_THREAD],
    ['role', 'user'],
    ['by', me.id],
    ['by_name', me.name],
    ['at', now],
    ['body', body],
  ];
}

/** Writes the prompt and its queued run in one transaction. Returns the run's id, or null for an empty prompt. */
export function ask(doc: Y.Doc, me: Person, text: string, context: Context, now: number): string | null {
  const body = tidied(text, MAX_PROMPT);
  if (body === '') return null;
  const message = newId();
  const run = newId();
  doc.transact(() => {
    const { view } = context;
    doc.getMap('messages').set(
      message,
      new Y.Map<unknown>([
        ...said(me, body, now),
        ['run', run],
        [
          'context',
          {
            selection: context.selection.slice(0, MAX_SELECTION),
            ...(view ? { view: { ...view } } : {}),
            ...(context.propose ? { propose: true } : {}),
          },
        ],
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

/** Says something to everybody here, about these shapes: a message without a run, which asks nothing of the assistant. */
export function comment(doc: Y.Doc, me: Person, text: string, about: readonly string[], now: number): string | null {
  const body = tidied(text, MAX_PROMPT);
  if (body === '') return null;
  const message = newId();
  const selection = about.slice(0, MAX_SELECTION);
  doc.transact(() => {
    doc
      .getMap('messages')
      .set(
        message,
        new Y.Map<unknown>([
          ...said(me, body, now),
          ...(selection.length > 0 ? [['context', { selection }] as [string, unknown]] : []),
        ]),
      );
  });
  return message;
}

/** Dealt with, or open again. For who may write: a comment is one entry, written once by whoever says it. */
export function resolve(doc: Y.Doc, message: string, isResolved: boolean): void {
  const entry = doc.getMap('messages').get(message);
  if (entry instanceof Y.Map) doc.transact(() => entry.set('state', isResolved ? 'resolved' : 'open'));
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

/** Answers the question a run waits with. Returns false when there is nothing to answer any more, or no words to it. */
export function answer(doc: Y.Doc, me: Person, run: string, call: string, words: string, now: number): boolean {
  const body = tidied(words, MAX_ANSWER);
  const entry = doc.getMap('runs').get(run);
  if (body === '' || !(entry instanceof Y.Map) || entry.get('status') !== 'requires_user') return false;
  const question = readQuestion(entry.get('question'));
  // Somebody else was first, or the run asks something else by now.
  if (question === null || question.call !== call || question.answer !== null) return false;
  const value: RunQuestion = {
    text: question.text,
    options: question.options,
    call,
    answer: { text: body, by: me.id, by_name: me.name, at: now },
  };
  setField(doc, run, 'question', value);
  return true;
}

/** Accepts the changes: the card's footer goes away for everybody. */
export const keep = (doc: Y.Doc, run: string): void => setField(doc, run, 'kept', true);
