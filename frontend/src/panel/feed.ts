/**
 * The assistant panel's feed, derived from the document: one list for all people, no DOM.
 *
 * `Feed` keeps an index of runs, messages and calls and, after Y events, derives again only the runs they touch,
 * once a microtask. What did not change keeps its object identity, so components skip it.
 */
import * as Y from 'yjs';
import { MAIN_THREAD } from '../canvas.gen';
import { byTime, cardOf, isRemoved, queuePositions, type RunCard } from './card';
import { type MessageEntry, type RunEntry, readCall, readMessage, readRun, runOfCall, text } from './read';
import type { ShapeLookup, ShapeName } from './steps';

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

/** What a person says to the others, about shapes or the whole board; it asks nothing of the assistant. */
export interface CommentItem {
  kind: 'comment';
  id: string;
  by: string;
  byName: string;
  at: number;
  body: string;
  about: readonly string[];
  resolved: boolean;
}

export type FeedItem = PromptItem | NoticeItem | CommentItem;

/** Looks shapes up for their names; tombstones included, since a deleted shape is still named in a step. */
export const shapeLookup =
  (shapes: Y.Map<unknown>): ShapeLookup =>
  (id): ShapeName | null => {
    const shape = shapes.get(id);
    if (!(shape instanceof Y.Map)) return null;
    const isEven = shape.get('w') === shape.get('h');
    return { type: text(shape.get('type')), text: text(shape.get('text')), isEven };
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
  private readonly comments = new Map<string, CommentItem>();
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
    this.comments.delete(id);
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
    if (message.run === null) return this.commentOf(message);
    const run = this.cards.get(message.run) ?? null;
    // Somebody took the prompt out of the queue: it leaves the feed with its run.
    const entry = this.entries.runs.get(message.run);
    if (entry && isRemoved(entry)) return null;
    const known = this.prompts.get(message.id);
    if (known && known.run === run) return known;
    const { id, by, byName, at, body } = message;
    const item: PromptItem = { kind: 'prompt', id, by, byName, at, body, run };
    this.prompts.set(id, item);
    return item;
  }
  private commentOf({ id, by, byName, at, body, context, resolved }: MessageEntry): CommentItem | null {
    if (body.trim() === '') return null;
    const known = this.comments.get(id);
    if (known) return known;
    const item: CommentItem = { kind: 'comment', id, by, byName, at, body, about: context.selection, resolved };
    this.comments.set(id, item);
    return item;
  }
}
