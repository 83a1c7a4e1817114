/**
 * The shapes of a document: tolerant reads, writes as edits. The only file that touches the Y.Maps of shapes.
 *
 * A shape is a nested Y.Map, one key a field; only fields that change are set, a map is never set again under an
 * existing id, deleting sets `deleted`. Rules: docs/spec.md, section D.
 */
import { generateKeyBetween } from 'fractional-indexing';
import * as Y from 'yjs';
import {
  type Anchor,
  DEFAULT_STYLE,
  DEFAULTS,
  type End,
  MAX_COORDINATE,
  MAX_KEY,
  MAX_POINTS,
  MAX_SIZE,
  MAX_TEXT,
  MIN_SIZE,
  PALETTE,
  SHAPE_TYPES,
  type ShapeFields,
} from './canvas.gen';

export interface Shape extends ShapeFields {
  id: string;
}
export type FieldName = keyof ShapeFields;

/** New values for some fields of one shape; `create` makes the shape. */
export interface Edit {
  id: string;
  fields: Partial<ShapeFields>;
  create?: boolean;
}
/** One field as it was and as it was written; undefined = absent. */
export interface Change {
  id: string;
  field: FieldName;
  before: unknown;
  after: unknown;
}
/** What an edit did: enough to take it back. */
export interface Written {
  changes: Change[];
  created: string[];
}

/** The identity of one write: Yjs' client id and clock. */
export interface Stamp {
  client: number;
  clock: number;
}
const sameStamp = (a: Stamp, b: Stamp): boolean => a.client === b.client && a.clock === b.clock;

const COLOUR = /^(#[0-9a-fA-F]{6}|hsl\(\s*\d{1,3}(\.\d+)?\s*,\s*\d{1,3}(\.\d+)?%\s*,\s*\d{1,3}(\.\d+)?%\s*\))$/;
const ANCHORS: readonly string[] = ['auto', 'top', 'right', 'bottom', 'left', 'center'];

export function isColour(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    (value === 'none' || (PALETTE as readonly string[]).includes(value) || COLOUR.test(value))
  );
}

const isNumber = (value: unknown, low: number, high: number): value is number =>
  typeof value === 'number' && value >= low && value <= high;

function isEnd(value: unknown): value is End | null {
  if (value === null) return true;
  if (typeof value !== 'object') return false;
  const end = value as Record<string, unknown>;
  if (typeof end.id === 'string') return end.anchor === undefined || ANCHORS.includes(end.anchor as Anchor);
  return isNumber(end.x, -MAX_COORDINATE, MAX_COORDINATE) && isNumber(end.y, -MAX_COORDINATE, MAX_COORDINATE);
}

const isOptionalText = (value: unknown): boolean => value === null || typeof value === 'string';
const isBool = (value: unknown): boolean => typeof value === 'boolean';
const oneOf =
  (...choices: readonly string[]) =>
  (value: unknown): boolean =>
    choices.includes(value as string);
const isCoordinate = (value: unknown): boolean => isNumber(value, -MAX_COORDINATE, MAX_COORDINATE);
const isSize = (value: unknown): boolean => isNumber(value, MIN_SIZE, MAX_SIZE);

const CHECKS: { [F in FieldName]: (value: unknown) => boolean } = {
  type: oneOf(...SHAPE_TYPES),
  x: isCoordinate,
  y: isCoordinate,
  w: isSize,
  h: isSize,
  rotation: (v) => isNumber(v, -1e9, 1e9),
  z: (v) => typeof v === 'string' && v.length <= 64,
  fill: isColour,
  stroke: isColour,
  stroke_width: (v) => isNumber(v, 0, 100),
  opacity: (v) => isNumber(v, 0, 1),
  dashed: isBool,
  text: (v) => typeof v === 'string' && v.length <= MAX_TEXT,
  font_size: (v) => isNumber(v, 4, 400),
  text_align: oneOf('left', 'center', 'right'),
  parent: isOptionalText,
  group: isOptionalText,
  locked: isBool,
  from: isEnd,
  to: isEnd,
  route: oneOf('straight', 'elbow', 'curve'),
  start_head: oneOf('none', 'arrow'),
  end_head: oneOf('none', 'arrow'),
  points: (v) => Array.isArray(v) && v.length % 2 === 0 && v.length <= MAX_POINTS && v.every(isCoordinate),
  deleted: isBool,
  draft: isOptionalText,
  by: (v) => typeof v === 'string',
  at: (v) => isNumber(v, 0, Number.MAX_SAFE_INTEGER),
  run: isOptionalText,
  call: isOptionalText,
};
const FIELDS = Object.keys(CHECKS) as FieldName[];

/** Whether two JSON values are the same; absent and null count as the same. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b || (a ?? null) === (b ?? null)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => same((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}

function read(id: string, stored: { get(field: string): unknown }): Shape {
  const shape = { ...DEFAULTS, id } as Record<string, unknown>;
  for (const field of FIELDS) {
    const value = stored.get(field);
    if (value !== undefined && CHECKS[field](value)) shape[field] = value;
  }
  const rotation = shape.rotation as number;
  shape.rotation = ((rotation % 360) + 360) % 360;
  return shape as unknown as Shape;
}

/** A shape of fields that came from outside; those that are wrong or missing have their defaults. */
export const shapeOf = (id: string, fields: Readonly<Record<string, unknown>>): Shape =>
  read(id, new Map(Object.entries(fields)));

/** Lowest first. */
export const byOrder = (a: Shape, b: Shape): number => (a.z < b.z ? -1 : a.z > b.z ? 1 : a.id < b.id ? -1 : 1);

function keyBetween(below: string | null, above: string | null): string | null {
  try {
    return generateKeyBetween(below, above);
  } catch {
    return null; // a stored z that is no key, or two equal ones
  }
}

/** 16 characters, sortable by nothing, unique enough for a board. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  return Array.from(bytes, (byte) => byte.toString(36).padStart(2, '0'))
    .join('')
    .slice(0, 16);
}

export type CanvasListener = (ids: ReadonlySet<string>, transaction: Y.Transaction) => void;

export class Canvas {
  readonly #map: Y.Map<Y.Map<unknown>>;
  readonly #shapes = new Map<string, Shape>();
  readonly #listeners = new Set<CanvasListener>();
  #order: readonly Shape[] | null = null;
  /** ids of live shapes, lowest first: most changes leave it as it is, and sorting 10 000 takes longer than a frame */
  #sequence: readonly string[] | null = null;

  constructor(readonly doc: Y.Doc) {
    this.#map = doc.getMap('shapes');
    for (const id of this.#map.keys()) this.#refresh(id);
    this.#map.observeDeep((events, transaction) => {
      const ids = new Set<string>();
      for (const event of events) {
        if (event.path.length) ids.add(String(event.path[0]));
        else for (const id of (event as Y.YMapEvent<unknown>).keysChanged) ids.add(id);
      }
      for (const id of ids) this.#refresh(id);
      this.#order = null;
      for (const listener of this.#listeners) listener(ids, transaction);
    });
  }

  #refresh(id: string): void {
    const stored = this.#map.get(id);
    const before = this.#shapes.get(id);
    const after = stored instanceof Y.Map ? read(id, stored) : undefined;
    if (after) this.#shapes.set(id, after);
    else this.#shapes.delete(id);
    if (before?.z !== after?.z || before?.deleted !== after?.deleted) this.#sequence = null;
  }

  /** The shape, also when it is a tombstone. */
  find(id: string): Shape | undefined {
    return this.#shapes.get(id);
  }

  /** The live shape. */
  get(id: string): Shape | undefined {
    const shape = this.#shapes.get(id);
    return shape?.deleted ? undefined : shape;
  }

  /** A field exactly as it is stored, undefined when absent. */
  raw(id: string, field: string): unknown {
    return this.#map.get(id)?.get(field);
  }

  /** Which write a field's value is. */
  stamp(id: string, field: FieldName): Stamp | null {
    return this.#map.get(id)?._map.get(field)?.id ?? null;
  }

  /** Whether the field's present value was written by somebody who knew that write: false when the two were concurrent. */
  isAfter(id: string, field: FieldName, stamp: Stamp): boolean {
    let item: Y.Item | null | undefined = this.#map.get(id)?._map.get(field);
    while (item) {
      if (sameStamp(item.id, stamp)) return true;
      // What the writer saw when it wrote; all writes to one key hang together by `left`.
      const seen: Y.ID | null = item.origin;
      item = seen && item.left;
      while (item && seen && !sameStamp(item.id, seen)) item = item.left;
    }
    return false;
  }

  /** Names of the fields that are stored with a value. */
  storedFields(id: string): string[] {
    const stored = this.#map.get(id);
    return stored instanceof Y.Map ? [...stored.keys()].filter((key) => stored.get(key) != null) : [];
  }

  /** Live shapes, lowest first. */
  shapes(): readonly Shape[] {
    this.#sequence ??= [...this.#shapes.values()]
      .filter((shape) => !shape.deleted)
      .sort(byOrder)
      .map((shape) => shape.id);
    this.#order ??= this.#sequence.map((id) => this.#shapes.get(id)!);
    return this.#order;
  }

  /** Live shapes inside a frame, and inside frames in it. */
  descendants(ids: Iterable<string>): Set<string> {
    const found = new Set<string>();
    let wave = new Set(ids);
    while (wave.size) {
      const next = new Set<string>();
      for (const shape of this.shapes()) {
        // A proposal is nobody's to move before it is accepted.
        if (shape.parent && !shape.draft && wave.has(shape.parent) && !found.has(shape.id)) next.add(shape.id);
      }
      for (const id of next) found.add(id);
      wave = next;
    }
    return found;
  }

  onChange(listener: CanvasListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  topZ(): string {
    return this.zBetween(this.shapes().at(-1)?.z ?? null, null);
  }

  bottomZ(): string {
    return this.zBetween(null, this.shapes()[0]?.z ?? null);
  }

  /** A key between two; when there is no room (equal or malformed keys), one above everything. */
  zBetween(below: string | null, above: string | null): string {
    const key = keyBetween(below, above);
    if (key !== null && key.length <= MAX_KEY) return key;
    const keys = this.shapes().map((shape) => shape.z);
    for (const top of keys.reverse()) {
      const next = keyBetween(top, null);
      if (next !== null) return next;
    }
    return 'a0';
  }

  /** Writes edits in one transaction; fields that already have the value are not written. */
  apply(edits: readonly Edit[], origin: unknown = this): Written {
    const written: Written = { changes: [], created: [] };
    this.doc.transact(() => {
      for (const edit of edits) this.#applyOne(edit, written);
    }, origin);
    return written;
  }

  #applyOne(edit: Edit, written: Written): void {
    let stored = this.#map.get(edit.id);
    if (!(stored instanceof Y.Map)) {
      if (!edit.create) return;
      stored = new Y.Map();
      this.#map.set(edit.id, stored);
      written.created.push(edit.id);
    }
    for (const [name, value] of Object.entries(edit.fields)) {
      const field = name as FieldName;
      const before = stored.get(field);
      if (value === undefined || (value !== null && !CHECKS[field](value))) continue;
      if (same(before, value) || (before === undefined && same(DEFAULTS[field], value) && !edit.create)) continue;
      stored.set(field, value);
      written.changes.push({ id: edit.id, field, before, after: value });
    }
  }

  /** The fields a new shape starts with: its type's style, on top, who made it. */
  fresh(fields: Partial<ShapeFields> & Pick<ShapeFields, 'type'>, by: string, now: number): Edit {
    const style = (DEFAULT_STYLE as Record<string, Partial<ShapeFields>>)[fields.type] ?? {};
    return { id: newId(), create: true, fields: { z: this.topZ(), ...style, ...fields, by, at: now } };
  }
}
