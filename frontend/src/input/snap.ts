/** Snapping: edges and middles of what moves catch those of what lies around it. */
import type { Editor } from '../editor';
import { type Box, bounds, touches } from '../geometry';

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

/** The shift that is nearest to (dx, dy) and in line with a neighbour, each axis by itself. */
export function snap(
  editor: Editor,
  box: Box,
  dx: number,
  dy: number,
  moving: ReadonlySet<string>,
): { dx: number; dy: number; guides: Guide[] } {
  const view = editor.camera.view();
  const reach = REACH_SCREEN_PX / editor.camera.port.peek().zoom;
  const moved = { ...box, x: box.x + dx, y: box.y + dy };
  const others: Box[] = [];
  for (const shape of editor.canvas.shapes()) {
    if (moving.has(shape.id) || shape.type === 'connector' || shape.type === 'draw') continue;
    const around = bounds(shape);
    if (touches(view, around)) others.push(around);
    if (others.length > MOST_NEIGHBOURS) return { dx, dy, guides: [] };
  }
  const byX = nearest(marksX(moved), others, marksX, reach);
  const byY = nearest(marksY(moved), others, marksY, reach);
  const final = { ...moved, x: moved.x + (byX?.off ?? 0), y: moved.y + (byY?.off ?? 0) };
  const guides: Guide[] = [];
  if (byX) {
    const y1 = Math.min(final.y, byX.box.y);
    const y2 = Math.max(final.y + final.h, byX.box.y + byX.box.h);
    guides.push({ x1: byX.mark, x2: byX.mark, y1, y2 });
  }
  if (byY) {
    const x1 = Math.min(final.x, byY.box.x);
    const x2 = Math.max(final.x + final.w, byY.box.x + byY.box.w);
    guides.push({ y1: byY.mark, y2: byY.mark, x1, x2 });
  }
  return { dx: dx + (byX?.off ?? 0), dy: dy + (byY?.off ?? 0), guides };
}

function nearest(
  own: readonly number[],
  others: readonly Box[],
  marksOf: (box: Box) => number[],
  reach: number,
): { off: number; mark: number; box: Box } | null {
  let best: { off: number; mark: number; box: Box } | null = null;
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
