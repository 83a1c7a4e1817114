/** A board as a small picture, drawn by DOM calls with the same shapes and colours as the board itself. */
import * as Y from 'yjs';
import { Canvas, type Shape } from '../canvas';
import type { End } from '../canvas.gen';
import { connectorBody, body as shapeBody } from '../draw/shape';
import { node } from '../draw/svg';
import { type Box, bounds, connect, type EndPlace, type Line, union } from '../geometry';

/** Past this many shapes a picture 280 px wide shows no more of them, and takes longer. */
const MAX_DRAWN = 300;
/** Longer labels than this cannot be read at this size. */
const MAX_LABEL = 80;
const MARGIN = 24;
/** At least this much board is shown, so that one small shape does not fill the picture. px */
const LEAST = { w: 640, h: 400 };

type Plain = Record<string, unknown>;
const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const area = (shape: Plain): number => {
  const size = Number(shape.w ?? 100) * Number(shape.h ?? 100);
  return Number.isFinite(size) ? size : 0;
};

/** Live shapes of a document's JSON that are not only proposed, lowest first, the largest when there are too many. Never throws. */
export function shapesOf(document: unknown): readonly Shape[] {
  const shapes = isPlain(document) && isPlain(document.shapes) ? document.shapes : {};
  const live = Object.entries(shapes).filter(
    (entry): entry is [string, Plain] => isPlain(entry[1]) && entry[1].deleted !== true && !entry[1].draft,
  );
  if (live.length > MAX_DRAWN) live.sort(([, a], [, b]) => area(b) - area(a)).length = MAX_DRAWN;
  // Through a document, so that the one tolerant reader (canvas.ts) reads these shapes too.
  const doc = new Y.Doc();
  const canvas = new Canvas(doc);
  doc.transact(() => {
    for (const [id, fields] of live) {
      const text = typeof fields.text === 'string' ? fields.text.slice(0, MAX_LABEL) : '';
      doc.getMap('shapes').set(id, new Y.Map(Object.entries({ ...fields, text })));
    }
  });
  const found = [...canvas.shapes()];
  doc.destroy();
  return found;
}

function endOf(end: End | null, shapes: ReadonlyMap<string, Shape>): EndPlace | null {
  if (!end) return null;
  if (end.id === undefined) return { at: { x: end.x ?? 0, y: end.y ?? 0 } };
  const shape = shapes.get(end.id);
  return shape && shape.type !== 'connector' ? { type: shape.type, place: shape, anchor: end.anchor ?? 'auto' } : null;
}

function lineOf(shape: Shape, shapes: ReadonlyMap<string, Shape>): Line | null {
  const from = endOf(shape.from, shapes);
  const to = endOf(shape.to, shapes);
  return from && to ? connect(from, to, shape.route) : null;
}

function widened(box: Box): Box {
  const w = Math.max(LEAST.w, box.w + 2 * MARGIN);
  const h = Math.max(LEAST.h, box.h + 2 * MARGIN);
  return { x: box.x + (box.w - w) / 2, y: box.y + (box.h - h) / 2, w, h };
}

/** The picture, or null for an empty board. */
export function draw(document: unknown): SVGSVGElement | null {
  const shapes = shapesOf(document);
  const byId = new Map(shapes.map((shape) => [shape.id, shape]));
  const boxes: Box[] = [];
  const groups: SVGElement[] = [];
  for (const shape of shapes) {
    const group = node('g', { opacity: shape.opacity });
    if (shape.type === 'connector') {
      const line = lineOf(shape, byId);
      if (!line) continue;
      boxes.push(
        union([
          { ...line.start, w: 0, h: 0 },
          { ...line.end, w: 0, h: 0 },
        ]) as Box,
      );
      group.append(...connectorBody(shape, line));
    } else {
      boxes.push(bounds(shape));
      const turned = shape.rotation ? ` rotate(${shape.rotation} ${shape.w / 2} ${shape.h / 2})` : '';
      group.setAttribute('transform', `translate(${shape.x} ${shape.y})${turned}`);
      group.append(...shapeBody(shape));
    }
    groups.push(group);
  }
  const all = union(boxes);
  if (!all) return null;
  const { x, y, w, h } = widened(all);
  const svg = node('svg', {
    viewBox: `${x} ${y} ${w} ${h}`,
    preserveAspectRatio: 'xMidYMid meet',
    'aria-hidden': 'true',
  });
  svg.append(...groups);
  return svg;
}
