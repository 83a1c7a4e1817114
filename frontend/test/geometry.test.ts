import { describe, expect, it } from 'vitest';
import { bounds, connect, outlinePoint, resize, simplify, smoothPath, turn, union } from '../src/geometry';

const box = { x: 0, y: 0, w: 100, h: 50, rotation: 0 };
const free = { keepRatio: false, fromCentre: false };

describe('resize', () => {
  it('keeps the opposite corner', () => {
    expect(resize(box, 'nw', { x: 10, y: 20 }, free)).toMatchObject({ x: 10, y: 20, w: 90, h: 30 });
    expect(resize(box, 'e', { x: 30, y: 99 }, free)).toMatchObject({ x: 0, y: 0, w: 130, h: 50 });
  });
  it('keeps the ratio with Shift and the centre with Alt', () => {
    expect(resize(box, 'se', { x: 100, y: 0 }, { ...free, keepRatio: true })).toMatchObject({ w: 200, h: 100 });
    expect(resize(box, 'e', { x: 10, y: 0 }, { ...free, fromCentre: true })).toMatchObject({ x: -10, w: 120 });
  });
  it('never turns inside out', () => {
    expect(resize(box, 'se', { x: -900, y: -900 }, free)).toMatchObject({ x: 0, y: 0, w: 8, h: 8 });
  });
  it('keeps the opposite corner of a turned shape where it is on screen', () => {
    const turned = { ...box, rotation: 30 };
    const after = resize(turned, 'se', { x: 40, y: 25 }, free);
    const corner = (b: typeof box) => turn({ x: b.x, y: b.y }, { x: b.x + b.w / 2, y: b.y + b.h / 2 }, b.rotation);
    expect(corner(after).x).toBeCloseTo(corner(turned).x, 6);
    expect(corner(after).y).toBeCloseTo(corner(turned).y, 6);
  });
});

describe('outlines', () => {
  it('are met at the border, whatever the shape', () => {
    expect(outlinePoint('rect', box, { x: 500, y: 25 })).toEqual({ x: 100, y: 25 });
    expect(outlinePoint('ellipse', box, { x: 50, y: -300 })).toEqual({ x: 50, y: 0 });
    const diamond = outlinePoint('diamond', box, { x: 100, y: 0 });
    expect(diamond.x).toBeCloseTo(75);
    expect(diamond.y).toBeCloseTo(12.5);
  });
  it('are met from a point inside, too', () => {
    expect(outlinePoint('rect', box, { x: 60, y: 25 })).toEqual({ x: 100, y: 25 });
  });
  it('turn with the shape', () => {
    const point = outlinePoint('rect', { ...box, rotation: 90 }, { x: 50, y: 500 });
    expect(point.x).toBeCloseTo(50);
    expect(point.y).toBeCloseTo(75);
  });
});

describe('connectors', () => {
  const a = { type: 'rect', place: box, anchor: 'auto' } as const;
  const b = { type: 'rect', place: { ...box, x: 300 }, anchor: 'auto' } as const;
  it('run from border to border', () => {
    expect(connect(a, b, 'straight')).toMatchObject({ start: { x: 100, y: 25 }, end: { x: 300, y: 25 } });
  });
  it('leave by the anchor they were given', () => {
    expect(connect({ ...a, anchor: 'top' }, b, 'straight').start).toEqual({ x: 50, y: 0 });
  });
  it('turn at right angles when they are elbows', () => {
    const path = connect(a, { at: { x: 300, y: 200 } }, 'elbow').path;
    const points = path
      .slice(1)
      .split('L')
      .map((p) => p.split(' ').map(Number));
    for (let i = 1; i < points.length; i++) {
      const [from, to] = [points[i - 1]!, points[i]!];
      expect(from[0] === to[0] || from[1] === to[1]).toBe(true);
    }
  });
  it('have no NaN in them when both ends are at one place', () => {
    for (const route of ['straight', 'elbow', 'curve'] as const) expect(connect(a, a, route).path).not.toMatch(/NaN/);
  });
});

it('bounds a turned box', () => {
  const around = bounds({ ...box, rotation: 90 });
  expect(around.w).toBeCloseTo(50);
  expect(around.h).toBeCloseTo(100);
});

it('has no union of nothing', () => {
  expect(union([])).toBeNull();
  expect(union([box, { x: -10, y: 10, w: 5, h: 100 }])).toEqual({ x: -10, y: 0, w: 110, h: 110 });
});

it('simplifies a straight line to its ends and keeps a corner', () => {
  const line = Array.from({ length: 50 }, (_, i) => ({ x: i, y: 0 }));
  expect(simplify(line, 0.5)).toHaveLength(2);
  expect(simplify([...line, { x: 49, y: 40 }], 0.5)).toHaveLength(3);
});

it('draws a path for any number of points', () => {
  expect(smoothPath([])).toBe('');
  expect(smoothPath([1, 2])).toBe('M1 2L1 2');
  expect(smoothPath([0, 0, 0, 0, 5, 5])).toBe('M0 0L0 0L5 5');
});

it('draws a path through its points: a V has its corner, and a circle is round between them', () => {
  expect(smoothPath([0, 0, 50, 100, 100, 0])).toBe('M0 0L50 100L100 0');
  const points = Array.from({ length: 13 }, (_, i) => (Math.PI * i) / 6);
  const path = smoothPath(points.flatMap((turn) => [1000 * Math.cos(turn), 1000 * Math.sin(turn)]));
  const curves = path.split('C').slice(2, -1); // the ends of a line have no direction of their own
  expect(curves).toHaveLength(10);
  let [x, y] = path.split('C')[1]!.split(' ').slice(-2).map(Number) as [number, number];
  for (const curve of curves) {
    const [x1, y1, x2, y2, toX, toY] = curve.split(' ').map(Number) as [number, number, number, number, number, number];
    const middle = Math.hypot((x + 3 * x1 + 3 * x2 + toX) / 8, (y + 3 * y1 + 3 * y2 + toY) / 8);
    expect(Math.abs(middle - 1000)).toBeLessThan(2);
    [x, y] = [toX, toY];
  }
});
