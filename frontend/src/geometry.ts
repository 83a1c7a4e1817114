/** Boxes, turns and connector lines. Pure arithmetic; px, x right, y down, degrees clockwise. */
import type { Anchor, Route, ShapeType } from './canvas.gen';

export interface Point {
  x: number;
  y: number;
}
export interface Box extends Point {
  w: number;
  h: number;
}
/** Where a shape lies: its unrotated box and its turn about the centre. */
export interface Placement extends Box {
  rotation: number;
}

export const centre = (box: Box): Point => ({ x: box.x + box.w / 2, y: box.y + box.h / 2 });

export function turn(point: Point, about: Point, degrees: number): Point {
  if (!degrees) return point;
  const angle = (degrees * Math.PI) / 180;
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const dx = point.x - about.x;
  const dy = point.y - about.y;
  return { x: about.x + dx * cos - dy * sin, y: about.y + dx * sin + dy * cos };
}

export function boxOf(a: Point, b: Point): Box {
  return { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), w: Math.abs(a.x - b.x), h: Math.abs(a.y - b.y) };
}

export function union(boxes: Iterable<Box>): Box | null {
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (const box of boxes) {
    left = Math.min(left, box.x);
    top = Math.min(top, box.y);
    right = Math.max(right, box.x + box.w);
    bottom = Math.max(bottom, box.y + box.h);
  }
  return left === Infinity ? null : { x: left, y: top, w: right - left, h: bottom - top };
}

/** The upright box around a turned one. */
export function bounds(placement: Placement): Box {
  if (!placement.rotation) return { x: placement.x, y: placement.y, w: placement.w, h: placement.h };
  const angle = (placement.rotation * Math.PI) / 180;
  const cos = Math.abs(Math.cos(angle));
  const sin = Math.abs(Math.sin(angle));
  const w = placement.w * cos + placement.h * sin;
  const h = placement.w * sin + placement.h * cos;
  const c = centre(placement);
  return { x: c.x - w / 2, y: c.y - h / 2, w, h };
}

export function contains(outer: Box, inner: Box): boolean {
  return (
    outer.x <= inner.x &&
    outer.y <= inner.y &&
    outer.x + outer.w >= inner.x + inner.w &&
    outer.y + outer.h >= inner.y + inner.h
  );
}

export function holds(box: Box, point: Point): boolean {
  return point.x >= box.x && point.x <= box.x + box.w && point.y >= box.y && point.y <= box.y + box.h;
}

export const touches = (a: Box, b: Box): boolean =>
  a.x <= b.x + b.w && b.x <= a.x + a.w && a.y <= b.y + b.h && b.y <= a.y + a.h;

export type HandleName = 'nw' | 'n' | 'ne' | 'e' | 'se' | 's' | 'sw' | 'w';

/**
 * The box after a handle was dragged by (dx, dy), given in the shape's own turned axes. `keepRatio` is Shift,
 * `fromCentre` is Alt. Never turns inside out: sizes stop at `least`. The opposite corner stays where it is on screen.
 */
export function resize(
  start: Placement,
  handle: HandleName,
  drag: Point,
  options: { keepRatio: boolean; fromCentre: boolean; least?: number },
): Placement {
  const local = turn(drag, { x: 0, y: 0 }, -start.rotation);
  const east = handle.includes('e') ? 1 : handle.includes('w') ? -1 : 0;
  const south = handle.includes('s') ? 1 : handle.includes('n') ? -1 : 0;
  const reach = options.fromCentre ? 2 : 1;
  const least = options.least ?? 8;
  let w = Math.max(least, start.w + east * local.x * reach);
  let h = Math.max(least, start.h + south * local.y * reach);
  if (options.keepRatio && start.w > 0 && start.h > 0) {
    const scale = east && south ? Math.max(w / start.w, h / start.h) : east ? w / start.w : south ? h / start.h : 1;
    w = Math.max(least, start.w * scale);
    h = Math.max(least, start.h * scale);
  }
  const c = centre(start);
  const shift = options.fromCentre ? { x: 0, y: 0 } : { x: (east * (w - start.w)) / 2, y: (south * (h - start.h)) / 2 };
  const moved = turn(shift, { x: 0, y: 0 }, start.rotation);
  return { x: c.x + moved.x - w / 2, y: c.y + moved.y - h / 2, w, h, rotation: start.rotation };
}

/** `inner` as it lies after its surrounding box went from `before` to `after` (several shapes resized together). */
export function scaleInto(inner: Placement, before: Box, after: Box): Placement {
  const sx = before.w ? after.w / before.w : 1;
  const sy = before.h ? after.h / before.h : 1;
  return {
    x: after.x + (inner.x - before.x) * sx,
    y: after.y + (inner.y - before.y) * sy,
    w: Math.max(1, inner.w * sx),
    h: Math.max(1, inner.h * sy),
    rotation: inner.rotation,
  };
}

/** Corners of a shape's outline, unrotated; an ellipse has none. */
export function corners(type: ShapeType, b: Box): Point[] {
  const right = b.x + b.w;
  const bottom = b.y + b.h;
  const cx = b.x + b.w / 2;
  const cy = b.y + b.h / 2;
  switch (type) {
    case 'diamond':
      return [
        { x: cx, y: b.y },
        { x: right, y: cy },
        { x: cx, y: bottom },
        { x: b.x, y: cy },
      ];
    case 'triangle':
      return [
        { x: cx, y: b.y },
        { x: right, y: bottom },
        { x: b.x, y: bottom },
      ];
    default:
      return [
        { x: b.x, y: b.y },
        { x: right, y: b.y },
        { x: right, y: bottom },
        { x: b.x, y: bottom },
      ];
  }
}

function crossing(a: Point, b: Point, c: Point, d: Point): number | null {
  const denominator = (b.x - a.x) * (d.y - c.y) - (b.y - a.y) * (d.x - c.x);
  if (Math.abs(denominator) < 1e-9) return null;
  const t = ((c.x - a.x) * (d.y - c.y) - (c.y - a.y) * (d.x - c.x)) / denominator;
  const u = ((c.x - a.x) * (b.y - a.y) - (c.y - a.y) * (b.x - a.x)) / denominator;
  return t >= 0 && t <= 1 && u >= -1e-9 && u <= 1 + 1e-9 ? t : null;
}

/** Where the line from the centre towards a point leaves the outline. */
export function outlinePoint(type: ShapeType, place: Placement, towards: Point): Point {
  const c = centre(place);
  const aim = turn(towards, c, -place.rotation);
  const dx = aim.x - c.x;
  const dy = aim.y - c.y;
  if (!dx && !dy) return c;
  let leave: Point;
  if (type === 'ellipse') {
    const t = 1 / Math.hypot(dx / (place.w / 2), dy / (place.h / 2));
    leave = { x: c.x + dx * t, y: c.y + dy * t };
  } else {
    // Far beyond the box, so that a point inside it still finds the border.
    const reach = (place.w + place.h) / Math.hypot(dx, dy);
    const far = { x: c.x + dx * reach, y: c.y + dy * reach };
    const polygon = corners(type, place);
    let best = 1;
    for (let i = 0; i < polygon.length; i++) {
      const t = crossing(c, far, polygon[i]!, polygon[(i + 1) % polygon.length]!);
      if (t !== null && t > 0 && t < best) best = t;
    }
    leave = { x: c.x + (far.x - c.x) * best, y: c.y + (far.y - c.y) * best };
  }
  return turn(leave, c, place.rotation);
}

const SIDES = { top: [0.5, 0], right: [1, 0.5], bottom: [0.5, 1], left: [0, 0.5], center: [0.5, 0.5] } as const;

export function anchorPoint(place: Placement, anchor: Exclude<Anchor, 'auto'>): Point {
  const [fx, fy] = SIDES[anchor];
  return turn({ x: place.x + place.w * fx, y: place.y + place.h * fy }, centre(place), place.rotation);
}

/** One end of a connector as the router sees it: a free point, or a shape with the side it leaves from. */
export type EndPlace = { at: Point } | { type: ShapeType; place: Placement; anchor: Anchor };

const middle = (end: EndPlace): Point => {
  if ('at' in end) return end.at;
  return end.anchor === 'auto' ? centre(end.place) : anchorPoint(end.place, end.anchor);
};

type Side = 'top' | 'right' | 'bottom' | 'left';
const OUT: Record<Side, Point> = {
  top: { x: 0, y: -1 },
  right: { x: 1, y: 0 },
  bottom: { x: 0, y: 1 },
  left: { x: -1, y: 0 },
};

function sideTowards(end: EndPlace, other: Point): Side {
  if (!('at' in end) && end.anchor !== 'auto' && end.anchor !== 'center') return end.anchor;
  const c = middle(end);
  const dx = other.x - c.x;
  const dy = other.y - c.y;
  const wide = 'at' in end ? 1 : end.place.w / Math.max(1, end.place.h);
  return Math.abs(dx) > Math.abs(dy) * wide ? (dx > 0 ? 'right' : 'left') : dy > 0 ? 'bottom' : 'top';
}

export interface Line {
  start: Point;
  end: Point;
  /** SVG path */
  path: string;
  middle: Point;
  /** direction the line has when it arrives at each end, for heads */
  startFrom: Point;
  endFrom: Point;
}

const n = (value: number): string => String(Math.round(value * 100) / 100);
const p = (point: Point): string => `${n(point.x)} ${n(point.y)}`;

/** A connector's line between its ends. */
export function connect(from: EndPlace, to: EndPlace, route: Route): Line {
  if (route === 'straight') {
    const start = meet(from, middle(to));
    const end = meet(to, middle(from));
    const mid = { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 };
    return { start, end, path: `M${p(start)}L${p(end)}`, middle: mid, startFrom: end, endFrom: start };
  }
  const sideA = sideTowards(from, middle(to));
  const sideB = sideTowards(to, middle(from));
  const start = 'at' in from ? from.at : anchorPoint(from.place, sideA);
  const end = 'at' in to ? to.at : anchorPoint(to.place, sideB);
  const outA = OUT[sideA];
  const outB = OUT[sideB];
  if (route === 'curve') {
    const bend = Math.max(30, Math.hypot(end.x - start.x, end.y - start.y) / 2.4);
    const c1 = { x: start.x + outA.x * bend, y: start.y + outA.y * bend };
    const c2 = { x: end.x + outB.x * bend, y: end.y + outB.y * bend };
    const mid = { x: (start.x + 3 * c1.x + 3 * c2.x + end.x) / 8, y: (start.y + 3 * c1.y + 3 * c2.y + end.y) / 8 };
    return { start, end, path: `M${p(start)}C${p(c1)} ${p(c2)} ${p(end)}`, middle: mid, startFrom: c1, endFrom: c2 };
  }
  const bends = elbow(start, end, outA, outB);
  const points = [start, ...bends, end];
  const half = points.length >> 1;
  const a = points[half - 1]!;
  const b = points[half]!;
  return {
    start,
    end,
    path: `M${points.map(p).join('L')}`,
    middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 },
    startFrom: points[1]!,
    endFrom: points.at(-2)!,
  };
}

function meet(end: EndPlace, other: Point): Point {
  if ('at' in end) return end.at;
  if (end.anchor !== 'auto') return anchorPoint(end.place, end.anchor);
  return outlinePoint(end.type, end.place, other);
}

function elbow(start: Point, end: Point, outA: Point, outB: Point): Point[] {
  const level = (out: Point) => out.x !== 0;
  if (level(outA) && level(outB)) {
    const x =
      outA.x === outB.x ? (outA.x > 0 ? Math.max : Math.min)(start.x, end.x) + outA.x * 24 : (start.x + end.x) / 2;
    return [
      { x, y: start.y },
      { x, y: end.y },
    ];
  }
  if (!level(outA) && !level(outB)) {
    const y =
      outA.y === outB.y ? (outA.y > 0 ? Math.max : Math.min)(start.y, end.y) + outA.y * 24 : (start.y + end.y) / 2;
    return [
      { x: start.x, y },
      { x: end.x, y },
    ];
  }
  return level(outA) ? [{ x: end.x, y: start.y }] : [{ x: start.x, y: end.y }];
}

/** An open arrow head at `tip` for a line that comes from `from`. */
export function arrowHead(tip: Point, from: Point, size: number): string {
  const angle = Math.atan2(tip.y - from.y, tip.x - from.x);
  const wing = (side: number): Point => ({
    x: tip.x - size * Math.cos(angle + side * 0.5),
    y: tip.y - size * Math.sin(angle + side * 0.5),
  });
  return `M${p(wing(1))}L${p(tip)}L${p(wing(-1))}`;
}

/** A turn by more than 60 degrees is a corner: a V stays a V. */
const CORNER_COS = 0.5;

/** Freehand points (flat x, y) as a path through all of them: curves where the line bends, corners where it turns. */
export function smoothPath(points: readonly number[], sx = 1, sy = 1): string {
  const count = points.length >> 1;
  if (!count) return '';
  const at = Array.from({ length: count }, (_, i): Point => ({ x: points[2 * i]! * sx, y: points[2 * i + 1]! * sy }));
  if (count < 3) return `M${p(at[0]!)}L${p(at[count - 1]!)}`;
  let path = `M${p(at[0]!)}`;
  let leaving: Point | null = null;
  for (let i = 1; i < count; i++) {
    const from = at[i - 1]!;
    const to = at[i]!;
    const arriving = i + 1 < count ? heading(from, to, at[i + 1]!) : null;
    if (leaving || arriving) {
      const third = Math.hypot(to.x - from.x, to.y - from.y) / 3;
      const straight = { x: (to.x - from.x) / 3, y: (to.y - from.y) / 3 };
      const out = leaving ? { x: leaving.x * third, y: leaving.y * third } : straight;
      const into = arriving ? { x: arriving.x * third, y: arriving.y * third } : straight;
      path += `C${p({ x: from.x + out.x, y: from.y + out.y })} ${p({ x: to.x - into.x, y: to.y - into.y })} ${p(to)}`;
    } else path += `L${p(to)}`;
    leaving = arriving;
  }
  return path;
}

/** The direction, of length 1, in which a line passes its middle point; null when it has a corner there. */
function heading(before: Point, here: Point, after: Point): Point | null {
  const a = Math.hypot(here.x - before.x, here.y - before.y);
  const b = Math.hypot(after.x - here.x, after.y - here.y);
  if (!a || !b) return null;
  const [ax, ay] = [(here.x - before.x) / a, (here.y - before.y) / a];
  const [bx, by] = [(after.x - here.x) / b, (after.y - here.y) / b];
  if (ax * bx + ay * by < CORNER_COS) return null;
  const length = Math.hypot(ax + bx, ay + by);
  return { x: (ax + bx) / length, y: (ay + by) / length };
}

/** Fewer points for the same line (Ramer-Douglas-Peucker); `tolerance` in px. */
export function simplify(points: readonly Point[], tolerance: number): Point[] {
  if (points.length < 3) return [...points];
  const keep = new Uint8Array(points.length);
  keep[0] = keep[points.length - 1] = 1;
  const stack: [number, number][] = [[0, points.length - 1]];
  while (stack.length) {
    const [first, last] = stack.pop()!;
    const a = points[first]!;
    const b = points[last]!;
    const length = Math.hypot(b.x - a.x, b.y - a.y);
    let worst = 0;
    let where = -1;
    for (let i = first + 1; i < last; i++) {
      const q = points[i]!;
      const off = length
        ? Math.abs((b.x - a.x) * (a.y - q.y) - (a.x - q.x) * (b.y - a.y)) / length
        : Math.hypot(q.x - a.x, q.y - a.y);
      if (off > worst) {
        worst = off;
        where = i;
      }
    }
    if (worst > tolerance && where > 0) {
      keep[where] = 1;
      stack.push([first, where], [where, last]);
    }
  }
  return points.filter((_, i) => keep[i]);
}
