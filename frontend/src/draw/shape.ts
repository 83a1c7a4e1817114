/** What one shape looks like: the nodes of its body, in its own coordinates (0,0 = top left of its box). */
import type { Shape } from '../canvas';
import { arrowHead, type Box, bounds, corners, type Line, smoothPath } from '../geometry';
import { fillOf, inkOn, strokeOf } from './colour';
import { node, stamp } from './svg';
import { LINE_HEIGHT, wrap } from './text';

const CORNER = 10;
const NOTE_PADDING = 14;
/** Left-aligned words end ragged: they may come closer to the right edge. */
const NOTE_RIGHT = 8;
const LABEL_PADDING = 10;
/** A frame's name stands this far above it, px. */
const FRAME_NAME = 24;
/** Words on a connector: their largest size and the width they break at, px. */
const MOST_ON_LINE = 13;
const LINE_WORDS = 200;
/** Thin lines are still easy to hit: this many px around them. */
const HIT_WIDTH = 16;

export const weightOf = (shape: Shape): number =>
  shape.type === 'note' || shape.type === 'text' || shape.type === 'connector' ? 400 : 500;

/** Space between a shape's box and its words, px. */
export const paddingOf = (shape: Shape): number =>
  shape.type === 'note' ? NOTE_PADDING : shape.type === 'text' ? 0 : LABEL_PADDING;

/** Width that words may take. A diamond and a triangle leave less room than their box. */
export function textWidth(shape: Shape): number {
  if (shape.type === 'note') return Math.max(8, shape.w - NOTE_PADDING - NOTE_RIGHT);
  const room = shape.type === 'diamond' ? 0.62 : shape.type === 'triangle' ? 0.55 : shape.type === 'ellipse' ? 0.8 : 1;
  return Math.max(8, shape.w * room - 2 * paddingOf(shape));
}

export function textInk(shape: Shape): string {
  if (shape.type === 'text' && shape.stroke !== 'none') return strokeOf(shape.stroke);
  if (shape.type === 'text' || shape.type === 'connector' || shape.type === 'frame') return 'var(--text)';
  return inkOn(shape.fill);
}

/** Everything the look depends on besides place and turn: nodes are made anew only when one of these changes. */
const LOOKS = [
  'type',
  'w',
  'h',
  'fill',
  'stroke',
  'stroke_width',
  'dashed',
  'text',
  'font_size',
  'text_align',
  'points',
  'start_head',
  'end_head',
] as const satisfies readonly (keyof Shape)[];

/** Whether two states of a shape have the same body; lists of points are compared by identity, they are never changed. */
export const hasSameLook = (a: Shape, b: Shape): boolean => LOOKS.every((field) => a[field] === b[field]);

/**
 * The box that a shape's ink may cover. Words may run out of a small shape, and a frame's name out of its top: an
 * estimate that errs on the large side, without measuring a word.
 */
export function inkReach(shape: Shape): Box {
  const box = bounds(shape);
  const size = shape.font_size;
  const broken = shape.text.split('\n').length;
  const lines = Math.min(shape.text.length, broken + (shape.text.length * size * 0.9) / textWidth(shape));
  const isTop = shape.type === 'frame';
  const out = isTop ? shape.text.length * 8 : lines * size * LINE_HEIGHT;
  const by = FRAME_NAME + Math.max(shape.stroke_width, shape.text ? size : 0, out - (isTop ? shape.w : shape.h));
  return { x: box.x - by, y: box.y - by, w: box.w + 2 * by, h: box.h + 2 * by };
}

/** Where a shape's body is put. */
export function placing(shape: Shape): string {
  const move = `translate(${shape.x} ${shape.y})`;
  return shape.rotation ? `${move} rotate(${shape.rotation} ${shape.w / 2} ${shape.h / 2})` : move;
}

function outline(shape: Shape): Record<string, string | number> {
  const width = shape.stroke === 'none' ? 0 : shape.stroke_width;
  return {
    stroke: width ? strokeOf(shape.stroke) : 'none',
    'stroke-width': width,
    'stroke-linejoin': 'round',
    'stroke-linecap': 'round',
    ...(shape.dashed ? { 'stroke-dasharray': `${Math.max(4, width * 3)} ${Math.max(4, width * 2.5)}` } : {}),
  };
}

/** The body of any shape but a connector; without its words where they would be too small to see. */
export function body(shape: Shape, hasWords = true): SVGElement[] {
  const { w, h } = shape;
  const fill = fillOf(shape.fill);
  const paint = { ...outline(shape), fill, 'pointer-events': 'all' };
  const nodes: SVGElement[] = [];
  switch (shape.type) {
    case 'ellipse':
      nodes.push(stamp('ellipse', paint, { cx: w / 2, cy: h / 2, rx: w / 2, ry: h / 2 }));
      break;
    case 'diamond':
    case 'triangle': {
      const points = corners(shape.type, { x: 0, y: 0, w, h });
      nodes.push(stamp('polygon', paint, { points: points.map((c) => `${c.x},${c.y}`).join(' ') }));
      break;
    }
    case 'note':
      nodes.push(node('rect', { y: 3, width: w, height: h, rx: 4, class: 'note-shadow' }));
      nodes.push(stamp('rect', paint, { width: w, height: h, rx: 3 }));
      break;
    case 'text':
      nodes.push(node('rect', { width: w, height: h, fill: 'transparent', 'pointer-events': 'all' }));
      break;
    case 'draw': {
      const reach = extent(shape.points);
      const path = smoothPath(shape.points, reach.w ? w / reach.w : 1, reach.h ? h / reach.h : 1);
      nodes.push(hit(path), stamp('path', { ...paint, fill: 'none', 'pointer-events': 'none' }, { d: path }));
      break;
    }
    case 'frame':
      // Only its border and name are its own: what lies inside can be clicked and lassoed.
      nodes.push(stamp('rect', { ...paint, 'pointer-events': 'none' }, { width: w, height: h, rx: CORNER }));
      nodes.push(node('path', { d: `M0 0H${w}V${h}H0Z`, class: 'hit', 'stroke-width': HIT_WIDTH }));
      break;
    case 'connector':
      break;
    case 'rect':
      nodes.push(stamp('rect', paint, { width: w, height: h, rx: Math.min(CORNER, w / 2, h / 2) }));
      break;
  }
  const words = hasWords && (shape.type === 'frame' ? frameName(shape) : lettering(shape));
  if (words) nodes.push(words);
  return nodes;
}

/** The size that freehand points span; a shape's w and h stretch it. */
export function extent(points: readonly number[]): { w: number; h: number } {
  let w = 0;
  let h = 0;
  for (let i = 0; i + 1 < points.length; i += 2) {
    w = Math.max(w, points[i]!);
    h = Math.max(h, points[i + 1]!);
  }
  return { w, h };
}

const hit = (path: string): SVGElement => node('path', { d: path, class: 'hit', 'stroke-width': HIT_WIDTH });

function frameName(shape: Shape): SVGElement {
  const words = node('text', { x: 2, y: -8, class: 'frame-name', 'font-size': 12, fill: 'var(--text-2)' });
  words.textContent = shape.text.trim() || 'Frame';
  return words;
}

/** The lines that a shape's words break into, as they are drawn. */
export function linesOf(shape: Shape): string[] {
  const lines =
    shape.type === 'connector'
      ? wrap(shape.text, LINE_WORDS, Math.min(shape.font_size, MOST_ON_LINE), 400)
      : wrap(shape.text, textWidth(shape) + 0.5, shape.font_size, weightOf(shape));
  return lines.map((line) => line || '\u200b');
}

/** The label, wrapped into the shape; notes and text from the top, the rest from the middle. */
function lettering(shape: Shape): SVGElement | null {
  if (!shape.text) return null;
  const size = shape.font_size;
  const weight = weightOf(shape);
  const padding = paddingOf(shape);
  const lines = linesOf(shape);
  const leading = size * LINE_HEIGHT;
  const isTop = shape.type === 'note' || shape.type === 'text';
  const middle = shape.type === 'triangle' ? shape.h * 0.64 : shape.h / 2;
  const top = isTop ? padding : middle - (lines.length * leading) / 2;
  const left = shape.type === 'note' ? NOTE_PADDING : (shape.w - textWidth(shape)) / 2;
  const at = { left, center: shape.w / 2, right: (shape.w + textWidth(shape)) / 2 };
  const anchor = { left: 'start', center: 'middle', right: 'end' };
  const look = { 'font-size': size, 'font-weight': weight, 'text-anchor': anchor[shape.text_align] };
  const words = stamp('text', { class: 'label', ...look, fill: textInk(shape) }, {});
  lines.forEach((line, i) => {
    // 0.35 em below the middle of a line is where its baseline lies.
    const span = node('tspan', { x: at[shape.text_align], y: top + leading * (i + 0.5) + size * 0.35 });
    span.textContent = line;
    words.append(span);
  });
  return words;
}

/** The body of a connector, in board coordinates. */
export function connectorBody(shape: Shape, line: Line, hasWords = true): SVGElement[] {
  const paint = { ...outline(shape), fill: 'none', 'pointer-events': 'none' };
  const nodes: SVGElement[] = [hit(line.path), stamp('path', paint, { d: line.path })];
  const size = 7 + shape.stroke_width * 2;
  const { 'stroke-dasharray': _dashes, ...solid } = { 'stroke-dasharray': '', ...paint };
  const head = (d: string): SVGElement => stamp('path', solid, { d });
  if (shape.end_head === 'arrow') nodes.push(head(arrowHead(line.end, line.endFrom, size)));
  if (shape.start_head === 'arrow') nodes.push(head(arrowHead(line.start, line.startFrom, size)));
  if (shape.text && hasWords) {
    const size = Math.min(shape.font_size, MOST_ON_LINE);
    const words = node('text', {
      class: 'label on-line',
      'font-size': size,
      'text-anchor': 'middle',
      fill: 'var(--text)',
    });
    const lines = linesOf(shape);
    lines.forEach((text, i) => {
      const y = line.middle.y + (i - (lines.length - 1) / 2) * size * LINE_HEIGHT + size * 0.35;
      const span = node('tspan', { x: line.middle.x, y });
      span.textContent = text;
      words.append(span);
    });
    nodes.push(words);
  }
  return nodes;
}
