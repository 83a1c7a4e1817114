/** A board, or a part of it, as JSON: what the clipboard carries, and what `GET .../export.json` gives and `.../import` takes. */
import { type Canvas, type Shape, same, shapeOf } from '../canvas';
import { DEFAULTS, MAX_SHAPES, SCHEMA_VERSION } from '../canvas.gen';
import type { Line, Point } from '../geometry';

export const FORMAT = 'coplayer';
/** The clipboard's own kind, beside the words as plain text. */
export const CLIPBOARD_TYPE = 'application/vnd.coplayer+json';

/** The stored fields of a shape: those that differ from the defaults. */
function fieldsOf({ id: _id, ...fields }: Shape): Record<string, unknown> {
  const told = Object.entries(fields).filter(([name, value]) => {
    return name === 'type' || !same(value, (DEFAULTS as unknown as Record<string, unknown>)[name]);
  });
  return Object.fromEntries(told);
}

/** A connector whose other shape stays behind ends where that shape is now. */
function loosened(shape: Shape, ids: ReadonlySet<string>, line: Line | undefined): Shape {
  if (shape.type !== 'connector' || !line) return shape;
  const free = ({ x, y }: Point): Point => ({ x: Math.round(x), y: Math.round(y) });
  const end = (name: 'from' | 'to', at: Point): Shape['from'] => {
    const now = shape[name];
    return now?.id !== undefined && !ids.has(now.id) ? free(at) : now;
  };
  return { ...shape, from: end('from', line.start), to: end('to', line.end) };
}

export function boardJson(shapes: readonly Shape[], title: string, lineOf: (id: string) => Line | undefined): string {
  const ids = new Set(shapes.map((shape) => shape.id));
  const entries = shapes.map((shape) => [shape.id, fieldsOf(loosened(shape, ids, lineOf(shape.id)))] as const);
  return JSON.stringify({
    format: FORMAT,
    schema: SCHEMA_VERSION,
    meta: { title },
    shapes: Object.fromEntries(entries),
    groups: {},
  });
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The shapes of such JSON, lowest first, wrong fields replaced by their defaults; null when the text is something else. */
export function parseBoard(text: string): Shape[] | null {
  if (!text.trimStart().startsWith('{')) return null;
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return null; // words that merely begin like ours
  }
  if (!isRecord(found) || found.format !== FORMAT || !isRecord(found.shapes)) return null;
  const shapes = Object.entries(found.shapes).flatMap(([id, fields]) => (isRecord(fields) ? shapeOf(id, fields) : []));
  const live = shapes.filter((shape) => !shape.deleted);
  return live.sort((a, b) => (a.z < b.z ? -1 : a.z > b.z ? 1 : a.id < b.id ? -1 : 1)).slice(0, MAX_SHAPES);
}

/** What leaves with a board: what is only proposed is not on it yet. */
export const settled = (canvas: Canvas): readonly Shape[] => canvas.shapes().filter((shape) => !shape.draft);

/** These shapes and all that lies in frames among them, lowest first. */
export function withInside(canvas: Canvas, shapes: readonly Shape[]): Shape[] {
  const ids = new Set(shapes.map((shape) => shape.id));
  for (const id of canvas.descendants(ids)) ids.add(id);
  return canvas.shapes().filter((shape) => ids.has(shape.id));
}
