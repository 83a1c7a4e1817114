/**
 * The assistant panel's feed, derived from the document: one list for all people, no DOM.
 *
 * `Feed` keeps an index of runs, messages and calls and, after Y events, derives again only the runs they touch,
 * once a microtask. What did not change keeps its object identity, so components skip it.
 */
import * as Y from 'yjs';
import { MAIN_THREAD, type RunStatus } from '../canvas.gen';
import {
  type CallEntry,
  type Context,
  hasEnded,
  type KeptField,
  type MessageEntry,
  type RunEntry,
  readCall,
  readMessage,
  readRun,
  runOfCall,
  text,
} from './read';
import { changesOf, type ShapeLookup, type ShapeName, type Step, stepOf } from './steps';

export interface Words {
  kind: 'words';
  id: string;
  body: string;
  at: number;
}

/** What one run looks like. Presence (thinking, streaming words) is laid over it by the component. */
export interface RunCard {
  id: string;
  status: RunStatus;
  askedBy: string;
  at: number;
  /** Unfinished runs of the same assistant before this one; 0 is next or running. */
  ahead: number;
  stopping: boolean;
  stoppedBy: string | null;
  error: RunEntry['error'];
  startedAt: number | null;
  endedAt: number | null;
  summary: string;
  kept: boolean;
  /** Steps and finished words in the order they happened. */
  entries: (Step | Words)[];
  /** Distinct shapes changed and not taken back. */
  changes: string[];
  /** Set when every change was taken back: by whom, and which fields stayed. */
  undone: { by: string; at: number; kept: KeptField[] } | null;
  /** What to ask again with. */
  prompt: { body: string; context: Context };
}

export interface PromptItem {
  kind: 'prompt';
  id: string;
  by: string;
  byName: string;
  at: number;
  body: string;
  run: RunCard | null;
}

/** A message that belongs to no run: something the system or the assistant says to all. */
export interface NoticeItem {
  kind: 'notice';
  id: string;
  at: number;
  body: string;
}

export type FeedItem = PromptItem | NoticeItem;

const byTime = (a: { at: number; id: string }, b: { at: number; id: string }): number =>
  a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** Taken out of the queue in time; a `remove` that came after the start changes nothing. */
const isRemoved = (run: RunEntry): boolean => run.removed && run.startedAt === null;

/** Unfinished runs of each assistant in queue order, (at, id): run id -> how many stand before it. */
export function queuePositions(runs: Iterable<RunEntry>): Map<string, number> {
  const queues = new Map<string, RunEntry[]>();
  for (const run of runs) {
    if (hasEnded(run.status) || isRemoved(run)) continue;
    const queue = queues.get(run.agent);
    if (queue) queue.push(run);
    else queues.set(run.agent, [run]);
  }
  const positions = new Map<string, number>();
  for (const queue of queues.values()) {
    // What is already running stands first, whatever its clock said.
    queue.sort((a, b) => Number(a.status === 'queued') - Number(b.status === 'queued') || byTime(a, b));
    for (const [index, run] of queue.entries()) positions.set(run.id, index);
  }
  return positions;
}

function undoneBy(calls: readonly CallEntry[]): RunCard['undone'] {
  const undone = calls.filter((call) => call.status === 'undone');
  if (undone.length === 0 || changesOf(calls).length > 0) return null;
  const undos = undone.flatMap((call) => (call.undo ? [call.undo] : []));
  const last = undos.reduce((a, b) => (b.at > a.at ? b : a), undos[0] ?? { by: '', at: 0, kept: [] });
  return { by: last.by, at: last.at, kept: undos.flatMap((undo) => undo.kept) };
}

/** The card of one run. Pure. */
export function cardOf(
  run: RunEntry,
  prompt: MessageEntry | null,
  calls: readonly CallEntry[],
  words: readonly MessageEntry[],
  ahead: number,
  lookup: ShapeLookup,
): RunCard {
  const ordered = [...calls].sort((a, b) => a.seq - b.seq || byTime(a, b));
  const ended = hasEnded(run.status);
  const steps = ordered.map((call, i) => stepOf(call, ordered.slice(i + 1), ended, lookup));
  const said = [...words].sort(byTime).filter((message) => message.body.trim() !== '');
  const entries: RunCard['entries'] = [];
  // Calls keep the order of their seq; words go before the first call that is younger than they are.
  for (const step of steps) {
    while (said[0] && said[0].at < step.at) entries.push(wordsOf(said.shift() as MessageEntry));
    entries.push(step);
  }
  entries.push(...said.map(wordsOf));
  return {
    id: run.id,
    status: run.status,
    askedBy: run.askedBy,
    at: run.at,
    ahead,
    stopping: run.cancelledBy !== null && !ended,
    stoppedBy: run.cancelledBy,
    error: run.error,
    startedAt: run.startedAt,
    endedAt: run.endedAt,
    summary: run.summary,
    kept: run.kept,
    entries,
    changes: changesOf(ordered),
    undone: undoneBy(ordered),
    prompt: { body: prompt?.body ?? '', context: prompt?.context ?? { selection: [], view: null } },
  };
}

const wordsOf = (message: MessageEntry): Words => ({
  kind: 'words',
  id: message.id,
  body: message.body,
  at: message.at,
});

/** Looks shapes up for their names; tombstones included, since a deleted shape is still named in a step. */
export const shapeLookup =
  (shapes: Y.Map<unknown>): ShapeLookup =>
  (id): ShapeName | null => {
    const shape = shapes.get(id);
    return shape instanceof Y.Map ? { type: text(shape.get('type')), text: text(shape.get('text')) } : null;
  };

/** Keys of a set-valued map; the set is made on first use. */
function into<K>(map: Map<K, Set<string>>, key: K): Set<string> {
  const found = map.get(key);
  if (found) return found;
  const made = new Set<string>();
  map.set(key, made);
  return made;
}

/** The feed of one thread, kept fresh. Call `dispose` when done. */
export class Feed {
  items: readonly FeedItem[] = [];
  private readonly messages: Y.Map<unknown>;
  private readonly runs: Y.Map<unknown>;
  private readonly calls: Y.Map<unknown>;
  private readonly lookup: ShapeLookup;
  private readonly entries = { messages: new Map<string, MessageEntry>(), runs: new Map<string, RunEntry>() };
  private readonly callsOf = new Map<string, Set<string>>();
  private readonly wordsOf = new Map<string, Set<string>>();
  private readonly cards = new Map<string, RunCard>();
  private readonly prompts = new Map<string, PromptItem>();
  private readonly dirty = new Set<string>();
  private readonly listeners = new Set<() => void>();
  private readonly stops: (() => void)[] = [];
  private scheduled = false;
  private disposed = false;

  constructor(
    doc: Y.Doc,
    private readonly thread: string = MAIN_THREAD,
  ) {
    this.messages = doc.getMap('messages');
    this.runs = doc.getMap('runs');
    this.calls = doc.getMap('calls');
    this.lookup = shapeLookup(doc.getMap('shapes'));
    this.observe(this.messages, (id) => this.loadMessage(id));
    this.observe(this.runs, (id) => this.loadRun(id));
    this.observe(this.calls, (id) => this.loadCall(id));
    for (const id of this.messages.keys()) this.loadMessage(id);
    for (const id of this.runs.keys()) this.loadRun(id);
    for (const id of this.calls.keys()) this.loadCall(id);
    this.derive();
  }

  /** Called after each change of `items`. Returns the way to stop. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  dispose(): void {
    this.disposed = true;
    this.listeners.clear();
    for (const stop of this.stops) stop();
  }

  private observe(root: Y.Map<unknown>, load: (id: string) => void): void {
    const onEvents = (events: Y.YEvent<Y.AbstractType<unknown>>[]): void => {
      for (const event of events) {
        const [id] = event.path;
        if (typeof id === 'string') load(id);
        else for (const key of event.changes.keys.keys()) load(key);
      }
      this.schedule();
    };
    root.observeDeep(onEvents);
    this.stops.push(() => root.unobserveDeep(onEvents));
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      if (this.disposed) return;
      this.derive();
      for (const listener of this.listeners) listener();
    });
  }

  private loadMessage(id: string): void {
    const before = this.entries.messages.get(id);
    if (before?.run) {
      this.wordsOf.get(before.run)?.delete(id);
      this.dirty.add(before.run);
    }
    this.prompts.delete(id);
    const message = readMessage(id, this.messages.get(id));
    if (!message || message.thread !== this.thread) {
      this.entries.messages.delete(id);
      return;
    }
    this.entries.messages.set(id, message);
    if (!message.run) return;
    if (message.role === 'assistant') into(this.wordsOf, message.run).add(id);
    this.dirty.add(message.run);
  }

  private loadRun(id: string): void {
    const run = readRun(id, this.runs.get(id));
    if (run && run.thread === this.thread) this.entries.runs.set(id, run);
    else this.entries.runs.delete(id);
    this.dirty.add(id);
  }

  private loadCall(id: string): void {
    const run = runOfCall(id, this.calls.get(id));
    const calls = into(this.callsOf, run);
    if (this.calls.has(id)) calls.add(id);
    else calls.delete(id);
    this.dirty.add(run);
  }

  private derive(): void {
    const positions = queuePositions(this.entries.runs.values());
    for (const [id, card] of this.cards) {
      if (card.ahead !== (positions.get(id) ?? 0)) this.dirty.add(id);
    }
    for (const id of this.dirty) this.deriveRun(id, positions.get(id) ?? 0);
    this.dirty.clear();
    const items: FeedItem[] = [];
    for (const message of this.entries.messages.values()) {
      const item = this.itemOf(message);
      if (item) items.push(item);
    }
    this.items = items.sort(byTime);
  }

  private deriveRun(id: string, ahead: number): void {
    const run = this.entries.runs.get(id);
    if (!run || isRemoved(run)) {
      this.cards.delete(id);
      return;
    }
    const calls = [...(this.callsOf.get(id) ?? [])].flatMap((call) => readCall(call, this.calls.get(call)) ?? []);
    const words = [...(this.wordsOf.get(id) ?? [])].flatMap((message) => this.entries.messages.get(message) ?? []);
    const prompt = this.entries.messages.get(run.prompt) ?? null;
    this.cards.set(id, cardOf(run, prompt, calls, words, ahead, this.lookup));
  }

  private itemOf(message: MessageEntry): FeedItem | null {
    if (message.role !== 'user') {
      // Words of a run are drawn inside its card.
      if (message.run !== null || message.body.trim() === '') return null;
      return { kind: 'notice', id: message.id, at: message.at, body: message.body };
    }
    const run = message.run === null ? null : (this.cards.get(message.run) ?? null);
    // Somebody took the prompt out of the queue: it leaves the feed with its run.
    const entry = message.run === null ? undefined : this.entries.runs.get(message.run);
    if (entry && isRemoved(entry)) return null;
    const known = this.prompts.get(message.id);
    if (known && known.run === run) return known;
    const { id, by, byName, at, body } = message;
    const item: PromptItem = { kind: 'prompt', id, by, byName, at, body, run };
    this.prompts.set(id, item);
    return item;
  }
}
