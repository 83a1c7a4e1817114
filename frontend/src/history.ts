/**
 * Undo: one's own steps, field by field, and whole runs of the assistant by compare-and-revert. A field is written
 * back only where it still holds what the step wrote; what somebody changed since stays, and the report says so.
 */
import { signal } from '@preact/signals';
import * as Y from 'yjs';
import type { UndoReport } from './board';
import { type Canvas, type Change, type Edit, type FieldName, same, type Written } from './canvas';
import type { ShapeType, Verdict } from './canvas.gen';

interface Step extends Written {
  /** Steps with one tag in a row are one (typing in a label, nudging). */
  tag: string | null;
  /** of a step that was undone: what it made, to be made again by redo */
  made?: Written;
}
type Kept = [shape: string, field: string, why: string];

const CHANGED = 'changed since';
const LIMIT = 500; // steps kept; a session rarely passes it, and a step is small

/** Steps of one person on this page. */
export class History {
  readonly canUndo = signal(false);
  readonly canRedo = signal(false);
  readonly #undo: Step[] = [];
  readonly #redo: Step[] = [];

  constructor(
    readonly canvas: Canvas,
    /** Called with what an undo had to leave alone. */
    readonly onKept: (report: UndoReport) => void = () => {},
  ) {}

  /** Writes edits in one transaction and remembers how to take them back. */
  commit(edits: readonly Edit[], tag: string | null = null): Written {
    const written = this.canvas.apply(edits, this);
    if (!written.changes.length) return written;
    const last = this.#undo.at(-1);
    if (tag !== null && last?.tag === tag) merge(last, written);
    else this.#undo.push({ ...written, tag });
    if (this.#undo.length > LIMIT) this.#undo.shift();
    this.#redo.length = 0;
    this.#signal();
    return written;
  }

  /** Ends a run of steps that share a tag. */
  seal(): void {
    const last = this.#undo.at(-1);
    if (last) last.tag = null;
  }

  undo(): UndoReport | null {
    return this.#move(this.#undo, this.#redo);
  }

  redo(): UndoReport | null {
    return this.#move(this.#redo, this.#undo);
  }

  /** Takes steps until one does something: a step that others overwrote wholly would look like a dead key. */
  #move(from: Step[], to: Step[]): UndoReport | null {
    const kept: Kept[] = [];
    let restored = 0;
    while (from.length && !restored) {
      const step = from.pop()!;
      const plan = takeBack(this.canvas, step);
      kept.push(...plan.kept);
      const written = this.canvas.apply(plan.edits, this);
      restored = written.changes.length;
      if (restored) to.push(opposite(step, written));
    }
    this.#signal();
    const report = { restored, kept, text: sentence(this.canvas, restored, kept) };
    if (kept.length) this.onKept(report);
    return report;
  }

  #signal(): void {
    this.canUndo.value = this.#undo.length > 0;
    this.canRedo.value = this.#redo.length > 0;
  }
}

/** The step that leads back from where `written` led. What redo brings back counts as made: undo removes it untouched only. */
function opposite(step: Step, written: Written): Step {
  if (!step.made)
    return { changes: written.changes, created: [], tag: null, ...(step.created.length && { made: step }) };
  const { changes, created } = step.made;
  const back = new Set(written.changes.filter((c) => c.field === 'deleted' && created.includes(c.id)).map((c) => c.id));
  const rest = written.changes.filter((change) => !back.has(change.id));
  return { changes: [...changes.filter((change) => back.has(change.id)), ...rest], created: [...back], tag: null };
}

function merge(last: Step, next: Written): void {
  for (const change of next.changes) {
    const known = last.changes.find((c) => c.id === change.id && c.field === change.field);
    // When somebody wrote in between, undo goes back to what they wrote, not past it.
    if (known && !same(known.after, change.before)) known.before = change.before;
    if (known) known.after = change.after;
    else last.changes.push(change);
  }
  last.created.push(...next.created);
}

/** What writing a step back means now: the edits to make and the fields to leave. */
function takeBack(canvas: Canvas, step: Written): { edits: Edit[]; kept: Kept[] } {
  const edits = new Map<string, Record<string, unknown>>();
  const kept: Kept[] = [];
  const put = (id: string, field: string, value: unknown) =>
    edits.set(id, { ...edits.get(id), [field]: value ?? null });
  for (const id of step.created) {
    if (canvas.raw(id, 'deleted') === true) continue;
    const changed = changedSince(canvas, id, step.changes);
    if (changed === null) put(id, 'deleted', true);
    else kept.push([id, changed, CHANGED]);
  }
  const created = new Set(step.created);
  for (const { id, field, before, after } of step.changes) {
    if (created.has(id)) continue;
    const now = canvas.raw(id, field);
    if (same(now, after)) put(id, field, before);
    else if (!same(now, before)) kept.push([id, field, CHANGED]);
  }
  return { edits: [...edits].map(([id, fields]) => ({ id, fields })), kept };
}

/** The first field of a created shape, by name, that is no longer as it was made; null when there is none. */
function changedSince(canvas: Canvas, id: string, changes: readonly Change[]): string | null {
  const made = new Map(changes.filter((c) => c.id === id).map((c) => [c.field as string, c.after]));
  const fields = new Set([...made.keys(), ...canvas.storedFields(id)]);
  // That it lives, or is proposed, is no change to it.
  const isState = (field: string): boolean =>
    field === 'draft' || (field === 'deleted' && canvas.raw(id, field) === false);
  const differing = [...fields].filter((field) => !isState(field) && !same(canvas.raw(id, field), made.get(field)));
  return differing.sort()[0] ?? null;
}

const FIELD_WORDS: Partial<Record<string, string>> = {
  x: 'position',
  y: 'position',
  w: 'size',
  h: 'size',
  rotation: 'turn',
  fill: 'colour',
  stroke: 'colour',
  text: 'text',
  deleted: 'removal',
  z: 'order',
};

/** "Took back 4 changes. Kept the position of Sync server: changed since." */
export function sentence(canvas: Canvas, restored: number, kept: readonly Kept[]): string {
  const done = restored ? `Took back ${restored} ${restored === 1 ? 'change' : 'changes'}.` : 'Nothing to take back.';
  if (!kept.length) return done;
  const [id, field, why] = kept[0]!;
  const word = FIELD_WORDS[field] ?? field.replaceAll('_', ' ');
  const rest = new Set(kept.map(([shape]) => shape)).size - 1;
  const more = rest > 0 ? ` and ${rest} more` : '';
  return `${done} Kept the ${word} of ${label(canvas, id)}${more}: ${why}.`;
}

export const TYPE_WORDS: Record<ShapeType, string> = {
  rect: 'Rectangle',
  ellipse: 'Ellipse',
  diamond: 'Diamond',
  triangle: 'Triangle',
  note: 'Note',
  text: 'Text',
  draw: 'Drawing',
  frame: 'Frame',
  connector: 'Connector',
};

/** What people call a shape: its words, else its kind. */
export function label(canvas: Canvas, id: string): string {
  const shape = canvas.find(id);
  if (!shape) return 'a removed shape';
  const words = shape.text.trim().replace(/\s+/gu, ' ');
  if (!words) return TYPE_WORDS[shape.type];
  return words.length > 40 ? `${words.slice(0, 39)}…` : words;
}

/**
 * Takes back tool calls of the assistant, newest first, in one transaction, and marks them undone. `before` is null
 * for a field that was absent. The same rule stands in sync/canvas/history.py; tests/vectors/undo.json holds both to it.
 */
export function undoCalls(canvas: Canvas, ids: readonly string[], by: string, now: number): UndoReport {
  const calls = canvas.doc.getMap<unknown>('calls');
  const kept: Kept[] = [];
  let restored = 0;
  canvas.doc.transact(() => {
    const found = ids.flatMap((id) => {
      const stored = calls.get(id);
      return stored instanceof Y.Map && stored.get('status') === 'done' ? [{ id, stored, call: stored.toJSON() }] : [];
    });
    for (const { id, stored, call } of found.sort(newestFirst)) {
      const plan = takeBack(canvas, inEffect(canvas.doc, id, call));
      restored += canvas.apply(plan.edits, undoCalls).changes.length;
      kept.push(...plan.kept);
      stored.set('status', 'undone');
      stored.set('undo', { by, at: now, kept: plan.kept });
    }
  }, undoCalls);
  return { restored, kept, text: sentence(canvas, restored, kept) };
}

interface Found {
  id: string;
  call: Record<string, unknown>;
}
const newestFirst = (a: Found, b: Found): number =>
  Number(b.call.at ?? 0) - Number(a.call.at ?? 0) ||
  Number(b.call.seq ?? 0) - Number(a.call.seq ?? 0) ||
  (a.id < b.id ? 1 : -1);

export function callsOfRun(doc: Y.Doc, run: string): string[] {
  const found: string[] = [];
  for (const [id, call] of doc.getMap<unknown>('calls')) {
    if (call instanceof Y.Map && call.get('run') === run) found.push(id);
  }
  return found;
}

/** What a call has changed of the board: all but what it only proposed and nobody accepted. */
function inEffect(doc: Y.Doc, id: string, call: Record<string, unknown>): Written {
  const written = asWritten(call);
  const proposed: readonly unknown[] = Array.isArray(call.proposed) ? call.proposed : [];
  const drafts = doc.getMap<unknown>('drafts');
  const isHeld = (shape: string): boolean =>
    proposed.includes(shape) && (drafts.get(`${id}:${shape}`) as Partial<Verdict> | undefined)?.accepted !== true;
  return { ...written, changes: written.changes.filter((change) => !isHeld(change.id)) };
}

/** A logged call as a step; what cannot be read in it counts as not there. */
function asWritten(call: Record<string, unknown>): Written {
  const changes: Change[] = [];
  for (const [id, fields] of Object.entries((call.changes ?? {}) as object)) {
    for (const [field, pair] of Object.entries((fields ?? {}) as object)) {
      if (Array.isArray(pair)) changes.push({ id, field: field as FieldName, before: pair[0], after: pair[1] });
    }
  }
  const created = Array.isArray(call.created) ? call.created.filter((id) => typeof id === 'string') : [];
  return { changes, created };
}
