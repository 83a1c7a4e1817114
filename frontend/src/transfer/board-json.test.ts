import { describe, expect, it } from 'vitest';
import { shapeOf } from '../canvas';
import { boardJson, parseBoard } from './board-json';

const json = (shapes: Record<string, unknown>): string => JSON.stringify({ format: 'coplayer', schema: 1, shapes });
const noLine = (): undefined => undefined;

describe('a board as JSON', () => {
  it('comes back as it went', () => {
    const box = shapeOf('a', { type: 'rect', x: 10, y: 20, w: 30, h: 40, text: 'Hi "there"', fill: 'blue', z: 'a1' });
    const frame = shapeOf('b', { type: 'frame', z: 'a0' });
    expect(parseBoard(boardJson([box, frame], 'Plan', noLine))).toEqual([frame, box]);
  });

  it('tells only fields that differ from the defaults', () => {
    const told = JSON.parse(boardJson([shapeOf('a', { type: 'rect', x: 7 })], 'Plan', noLine));
    expect(told.shapes).toEqual({ a: { type: 'rect', x: 7 } });
  });

  it('ends a connector where the shape is that stays behind', () => {
    const link = shapeOf('l', { type: 'connector', from: { id: 'here' }, to: { id: 'there' } });
    const at = { x: 0, y: 0 };
    const line = { start: at, end: { x: 99.6, y: 10 }, path: '', middle: at, startFrom: at, endFrom: at };
    const found = parseBoard(boardJson([link, shapeOf('here', {})], '', () => line));
    expect(found?.find((shape) => shape.id === 'l')).toMatchObject({ from: { id: 'here' }, to: { x: 100, y: 10 } });
  });

  it.each([
    '',
    'words',
    '{',
    '[]',
    'null',
    '{"shapes":{}}',
    '{"format":"coplayer","shapes":[]}',
    '{"format":"excalidraw"}',
  ])('is not %j', (text) => {
    expect(parseBoard(text)).toBeNull();
  });

  it('reads odd fields as their defaults and leaves out what is no shape or was deleted', () => {
    const odd = {
      type: 'spiral',
      x: '7',
      w: -1,
      fill: 'url(javascript:1)',
      text: 5,
      points: [1],
      z: 3,
      opacity: 1e308,
    };
    const found = parseBoard(json({ a: odd, b: null, c: [], d: { deleted: true } }));
    expect(found).toEqual([shapeOf('a', {})]);
  });
});
