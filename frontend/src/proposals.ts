/** What runs propose in a document just now, kept fresh: for the ghosts on the board and the cards in the panel. */
import { type ReadonlySignal, signal } from '@preact/signals';
import * as Y from 'yjs';
import { same } from './canvas';
import { applied, draftOf, pending } from './drafts';
import { oncePerFrame } from './frames';

export interface OpenShape {
  id: string;
  kind: 'new' | 'change' | 'delete';
  /** what accepting would write, of a change */
  fields: Record<string, unknown>;
}

export interface Proposal {
  /** what people have yet to decide on */
  open: readonly OpenShape[];
  /** shapes with something that was accepted */
  accepted: readonly string[];
}

export type Proposals = ReadonlyMap<string, Proposal>;

const known = new WeakMap<Y.Doc, ReadonlySignal<Proposals>>();

/** Run -> what it proposes; only runs that propose or did. */
export function proposalsOf(doc: Y.Doc): ReadonlySignal<Proposals> {
  const found = known.get(doc);
  if (found) return found;
  const proposals = signal<Proposals>(read(doc));
  known.set(doc, proposals);
  const refresh = oncePerFrame(() => {
    const next = read(doc);
    if (!same(Object.fromEntries(proposals.peek()), Object.fromEntries(next))) proposals.value = next;
  });
  for (const root of ['calls', 'drafts', 'runs']) doc.getMap(root).observeDeep(refresh);
  doc.getMap('shapes').observeDeep((events) => {
    // Most of what people do to shapes is no matter of proposals.
    if (events.some((event) => concerns(event, proposals.peek()))) refresh();
  });
  return proposals;
}

function concerns(event: Y.YEvent<Y.AbstractType<unknown>>, proposals: Proposals): boolean {
  const [id] = event.path;
  if (id === undefined) return true; // shapes came or went
  const { keys } = event.changes;
  if (keys.has('draft') || keys.has('deleted')) return true;
  for (const { open } of proposals.values()) if (open.some((shape) => shape.id === id)) return true;
  return false;
}

function read(doc: Y.Doc): Proposals {
  const calls = new Map<string, string[]>();
  for (const [id, run] of doc.getMap<unknown>('runs')) {
    if (run instanceof Y.Map && run.get('propose') === true) calls.set(id, []);
  }
  if (!calls.size) return new Map();
  for (const [id, call] of doc.getMap<unknown>('calls')) {
    if (call instanceof Y.Map) calls.get(String(call.get('run')))?.push(id);
  }
  const ghosts = new Map<string, string[]>();
  for (const [id, shape] of doc.getMap<unknown>('shapes')) {
    if (!(shape instanceof Y.Map) || shape.get('deleted') === true) continue;
    const run = draftOf({ draft: shape.get('draft') });
    if (run !== null) ghosts.set(run, [...(ghosts.get(run) ?? []), id]);
  }
  const proposalOf = ([run, ids]: [string, string[]]): [string, Proposal] => {
    return [run, { open: openOf(doc, ids, ghosts.get(run) ?? []), accepted: acceptedOf(doc, ids) }];
  };
  return new Map([...calls].map(proposalOf));
}

function openOf(doc: Y.Doc, calls: readonly string[], ghosts: readonly string[]): OpenShape[] {
  const made = [...ghosts].sort().map((id): OpenShape => ({ id, kind: 'new', fields: {} }));
  const shapes = doc.getMap<unknown>('shapes');
  const changes = [...pending(doc, calls).shapes].map(([id, pairs]): OpenShape => {
    const shape = shapes.get(id);
    const raw = shape instanceof Y.Map ? Object.fromEntries(shape.entries()) : undefined;
    const { writes } = applied(id, raw, pairs);
    return { id, kind: pairs.deleted?.[1] === true ? 'delete' : 'change', fields: writes };
  });
  return [...made, ...changes];
}

function acceptedOf(doc: Y.Doc, ids: readonly string[]): string[] {
  const found = new Set<string>();
  const shapes = doc.getMap<unknown>('shapes');
  const calls = doc.getMap<Y.Map<unknown>>('calls');
  const drafts = doc.getMap<unknown>('drafts');
  for (const id of ids) {
    const call = calls.get(id)!;
    if (call.get('status') !== 'done') continue;
    const proposed: readonly unknown[] = Array.isArray(call.get('proposed')) ? (call.get('proposed') as unknown[]) : [];
    for (const shape of proposed) {
      const verdict = drafts.get(`${id}:${String(shape)}`) as { accepted?: unknown } | undefined;
      if (verdict?.accepted === true) found.add(String(shape));
    }
    const created: readonly unknown[] = Array.isArray(call.get('created')) ? (call.get('created') as unknown[]) : [];
    for (const shape of created) {
      const stored = shapes.get(String(shape));
      if (stored instanceof Y.Map && draftOf({ draft: stored.get('draft') }) === null) found.add(String(shape));
    }
  }
  return [...found];
}
