import { describe, expect, it } from 'vitest';
import { type Room, readRooms, roomPath, sentenceFor } from './api';
import { matching } from './list';
import { draw, shapesOf } from './picture';

const room = (name: string, title: string, editedAt: number): Room => ({ room: name, title, people: 0, editedAt });

describe('the room list', () => {
  it('reads what the server says and leaves out what makes no sense', () => {
    const body = {
      rooms: [
        { room: 'a', title: 'A', people: 2, created_at: 1, edited_at: 5, epoch: 'e' },
        { room: 'b', title: null, people: 'many', created_at: 3 },
        { room: '' },
        null,
        'c',
      ],
    };
    expect(readRooms(body)).toEqual([
      { room: 'a', title: 'A', people: 2, editedAt: 5 },
      { room: 'b', title: '', people: 0, editedAt: 3 },
    ]);
    for (const nonsense of [null, [], 'x', { rooms: {} }]) expect(readRooms(nonsense)).toEqual([]);
  });

  it('finds boards by every word, without accents and case, last edited first', () => {
    const all = [room('x1', 'Café plan', 1), room('x2', 'Plan B', 3), room('plan', '', 2)];
    expect(matching(all, '').map((r) => r.room)).toEqual(['x2', 'plan', 'x1']);
    expect(matching(all, ' PLAN cafe ').map((r) => r.room)).toEqual(['x1']);
    expect(matching(all, 'plan').map((r) => r.room)).toEqual(['x2', 'plan', 'x1']);
    expect(matching(all, 'nothing')).toEqual([]);
  });

  it('keeps the / of a room and encodes what could leave the path', () => {
    expect(roomPath('team/q3 plan')).toBe('team/q3%20plan');
    expect(roomPath('a?b#c')).toBe('a%3Fb%23c');
  });

  it('says in words what went wrong, the server knowing best', () => {
    expect(sentenceFor(409, { detail: 'There is a room of that name.' })).toBe('There is a room of that name.');
    expect(sentenceFor(503, '<html>')).toContain('503');
    for (const status of [401, 403, 404, 418, 500]) expect(sentenceFor(status, null)).toMatch(/^[A-Z].+\.$/);
  });
});

const shape = (fields: object) => ({ type: 'rect', x: 0, y: 0, w: 100, h: 60, z: 'a0', fill: 'red', ...fields });

describe('the picture of a board', () => {
  it('is null where nothing is drawn', () => {
    for (const empty of [null, 'x', {}, { shapes: [] }, { shapes: { a: 3, b: shape({ deleted: true }) } }]) {
      expect(draw(empty)).toBeNull();
    }
  });

  it('shows all of a board, turned shapes and lines included', () => {
    const svg = draw({
      shapes: {
        a: shape({ x: -2000 }),
        b: shape({ x: 900, y: 500, rotation: 90 }),
        c: { type: 'connector', from: { id: 'a' }, to: { id: 'b' } },
        lost: { type: 'connector', from: { id: 'nobody' }, to: null },
      },
    });
    expect(svg?.querySelectorAll(':scope > g').length).toBe(3);
    const [x, , w] = (svg?.getAttribute('viewBox') ?? '').split(' ').map(Number) as [number, number, number];
    expect(x).toBeLessThan(-2000);
    expect(x + w).toBeGreaterThan(980);
  });

  it('never passes through what somebody else wrote', () => {
    const evil = '"><script>alert(1)</script>';
    const svg = draw({
      shapes: { [evil]: shape({ fill: `url(${evil})`, stroke: evil, text: evil, rotation: evil, x: evil }) },
    });
    expect(svg?.querySelector('script')).toBeNull();
    expect(
      [...(svg?.querySelectorAll('*') ?? [])].flatMap((el) => [...el.attributes].map((a) => a.value)).join(),
    ).not.toContain('script');
    expect(svg?.textContent).toContain('script');
  });

  it('leaves out what is only proposed', () => {
    expect(shapesOf({ shapes: { a: shape({}), b: shape({ draft: 'r1' }) } }).map((s) => s.id)).toEqual(['a']);
  });

  it('draws the largest when there are too many', () => {
    const shapes = Object.fromEntries(
      Array.from({ length: 400 }, (_, i) => [`s${i}`, shape({ w: i + 1, h: 1, text: 'x'.repeat(500) })]),
    );
    const drawn = shapesOf({ shapes });
    expect(drawn.length).toBe(300);
    expect(Math.min(...drawn.map((s) => s.w))).toBe(101);
    expect(Math.max(...drawn.map((s) => s.text.length))).toBe(80);
  });
});
