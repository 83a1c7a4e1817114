/** Lines of connectors and freehand paths are those that the server draws: tests/vectors/route.json. */
import { describe, expect, it } from 'vitest';
import vectorsJson from '../../tests/vectors/route.json';
import type { Anchor, Route, ShapeType } from '../src/canvas.gen';
import { connect, type EndPlace, type Placement, smoothPath } from '../src/geometry';

type Placed = Placement & { type: ShapeType };
interface End {
  id?: 'a' | 'b';
  anchor?: Anchor;
  x?: number;
  y?: number;
}
interface Case {
  route: Route;
  a?: Placed;
  b?: Placed;
  from: End;
  to: End;
  path: string;
}

const vectors = vectorsJson as { lines: Case[]; strokes: { points: number[]; path: string }[] };

function place(one: Case, end: End): EndPlace {
  const shape = end.id && one[end.id];
  if (!shape) return { at: { x: end.x ?? 0, y: end.y ?? 0 } };
  return { type: shape.type, place: shape, anchor: end.anchor ?? 'auto' };
}

/** The letters of a path as they are, its numbers to within the rounding of two languages. */
function same(actual: string, expected: string): void {
  expect(actual.replace(/[-\d.]+/g, '#')).toBe(expected.replace(/[-\d.]+/g, '#'));
  const numbers = (path: string): number[] => (path.match(/-?[\d.]+/g) ?? []).map(Number);
  numbers(actual).forEach((value, i) => {
    expect(Math.abs(value - numbers(expected)[i]!)).toBeLessThan(0.011);
  });
}

describe('what the server draws', () => {
  it.each(vectors.lines.map((one, i) => [i, one] as const))('connector %i', (_, one) => {
    same(connect(place(one, one.from), place(one, one.to), one.route).path, one.path);
  });
  it.each(vectors.strokes)('freehand $points.length', ({ points, path }) => {
    same(smoothPath(points, 1.5, 0.5), path);
  });
});
