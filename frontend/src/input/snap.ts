/** Snapping: edges and middles of what moves catch those of what lies around it, and gaps become equal. */
import type { Editor } from '../editor';
import { type Box, bounds, type HandleName, touches } from '../geometry';

/** A line that says what caught what, board px. */
export interface Guide {
  x1: number;
  y1: number;
  x2: number;
  y2: number;
}

const REACH_SCREEN_PX = 5;
/** More neighbours than this cost more than a snap is worth at 60 frames a second. */
const MOST_NEIGHBOURS = 300;

const marksX = (box: Box): number[] => [box.x, box.x + box.w / 2, box.x + box.w];
const marksY = (box: Box): number[] => [box.y, box.y + box.h / 2, box.y + box.h];

/** What lies around in the view and does not move; null when that is too much. */
function neighbours(editor: Editor, moving: ReadonlySet<string>): Box[] | null {
  const view = editor.camera.view();
  const others: Box[] = [];
  for (const shape of editor.canvas.shapes()) {
    if (moving.has(shape.id) || shape.draft || shape.type === 'connector' || shape.type === 'draw') continue;
    const around = bounds(shape);
    if (touches(view, around)) others.push(around);
    if (others.length > MOST_NEIGHBOURS) return null;
  }
  return others;
}

const reachOf = (editor: Editor): number => REACH_SCREEN_PX / editor.camera.port.peek().zoom;

/** The shift that is nearest to (dx, dy) and in line with a neighbour, each axis by itself; else one that makes two gaps equal. */
export function snap(
  editor: Editor,
  box: Box,
  dx: number,
  dy: number,
  moving: ReadonlySet<string>,
): { dx: number; dy: number; guides: Guide[] } {
  const others = neighbours(editor, moving);
  if (!others) return { dx, dy, guides: [] };
  const reach = reachOf(editor);
  const moved = { ...box, x: box.x + dx, y: box.y + dy };
  const byX = nearest(marksX(moved), others, marksX, reach);
  const byY = nearest(marksY(moved), others, marksY, reach);
  const gapX = byX ? null : equalGap(moved, others, reach);
  const gapY = byY ? null : equalGap(flip(moved), others.map(flip), reach);
  const shift = { x: byX?.off ?? gapX?.off ?? 0, y: byY?.off ?? gapY?.off ?? 0 };
  const final = { ...moved, x: moved.x + shift.x, y: moved.y + shift.y };
  const guides = alignments(final, byX, byY);
  if (gapX) guides.push(...gapX.gaps.map(([x1, x2]) => level(final, x1, x2)));
  if (gapY) guides.push(...gapY.gaps.map(([y1, y2]) => turned(level(flip(final), y1, y2))));
  return { dx: dx + shift.x, dy: dy + shift.y, guides };
}

/** A box while it is resized by a handle: the edges that the handle moves catch those of neighbours. */
export function snapResize(
  editor: Editor,
  box: Box,
  handle: HandleName,
  moving: ReadonlySet<string>,
): { dx: number; dy: number; guides: Guide[] } {
  const others = neighbours(editor, moving) ?? [];
  const reach = reachOf(editor);
  const x = handle.includes('e') ? box.x + box.w : handle.includes('w') ? box.x : null;
  const y = handle.includes('s') ? box.y + box.h : handle.includes('n') ? box.y : null;
  const byX = x === null ? null : nearest([x], others, marksX, reach);
  const byY = y === null ? null : nearest([y], others, marksY, reach);
  return { dx: byX?.off ?? 0, dy: byY?.off ?? 0, guides: alignments(box, byX, byY) };
}

interface Catch {
  off: number;
  mark: number;
  box: Box;
}

function alignments(box: Box, byX: Catch | null, byY: Catch | null): Guide[] {
  const guides: Guide[] = [];
  if (byX) {
    const y1 = Math.min(box.y, byX.box.y);
    const y2 = Math.max(box.y + box.h, byX.box.y + byX.box.h);
    guides.push({ x1: byX.mark, x2: byX.mark, y1, y2 });
  }
  if (byY) {
    const x1 = Math.min(box.x, byY.box.x);
    const x2 = Math.max(box.x + box.w, byY.box.x + byY.box.w);
    guides.push({ y1: byY.mark, y2: byY.mark, x1, x2 });
  }
  return guides;
}

function nearest(
  own: readonly number[],
  others: readonly Box[],
  marksOf: (box: Box) => number[],
  reach: number,
): Catch | null {
  let best: Catch | null = null;
  for (const box of others) {
    for (const mark of marksOf(box)) {
      for (const from of own) {
        const off = mark - from;
        if (Math.abs(off) <= reach && (!best || Math.abs(off) < Math.abs(best.off))) best = { off, mark, box };
      }
    }
  }
  return best;
}

const flip = ({ x, y, w, h }: Box): Box => ({ x: y, y: x, w: h, h: w });
const turned = ({ x1, y1, x2, y2 }: Guide): Guide => ({ x1: y1, y1: x1, x2: y2, y2: x2 });

/** A line across a gap, through the middle of the box that made it equal. */
function level(box: Box, x1: number, x2: number): Guide {
  const y = box.y + box.h / 2;
  return { x1, x2, y1: y, y2: y };
}

/**
 * The shift along x that makes the gap to a neighbour as wide as the one beside it: between two neighbours, or beyond
 * two that stand in a row. Only what stands beside the box counts.
 */
function equalGap(box: Box, others: readonly Box[], reach: number): { off: number; gaps: [number, number][] } | null {
  const row = others.filter((other) => other.y < box.y + box.h && other.y + other.h > box.y);
  const left = row.filter((other) => other.x + other.w <= box.x + reach).sort((a, b) => b.x + b.w - a.x - a.w);
  const right = row.filter((other) => other.x >= box.x + box.w - reach).sort((a, b) => a.x - b.x);
  const end = (other: Box): number => other.x + other.w;
  const places: { x: number; gaps: (x: number) => [number, number][] }[] = [];
  const [l1, l2] = left;
  const [r1, r2] = right;
  if (l1 && r1) {
    const x = (end(l1) + r1.x - box.w) / 2;
    places.push({
      x,
      gaps: (at) => [
        [end(l1), at],
        [at + box.w, r1.x],
      ],
    });
  }
  if (l1 && l2 && l1.x > end(l2)) {
    const x = end(l1) + l1.x - end(l2);
    places.push({
      x,
      gaps: (at) => [
        [end(l2), l1.x],
        [end(l1), at],
      ],
    });
  }
  if (r1 && r2 && r2.x > end(r1)) {
    const x = r1.x - (r2.x - end(r1)) - box.w;
    places.push({
      x,
      gaps: (at) => [
        [at + box.w, r1.x],
        [end(r1), r2.x],
      ],
    });
  }
  const found = places.filter(({ x }) => Math.abs(x - box.x) <= reach);
  const best = found.sort((a, b) => Math.abs(a.x - box.x) - Math.abs(b.x - box.x))[0];
  return best ? { off: best.x - box.x, gaps: best.gaps(best.x) } : null;
}
