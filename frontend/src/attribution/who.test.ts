import { describe, expect, it } from 'vitest';
import { type FieldName, type Shape, type Stamp, shapeOf } from '../canvas';
import { attributionOf } from './who';
import { Writers } from './writers';

const NOW = 1_700_000_000_000;
const names: Record<string, string> = { assistant: 'the assistant', ann: 'Ann', me: 'you' };
const pages: Record<number, string> = { 7: 'the assistant', 5000: 'Ann', 6000: 'you' };

function told(shape: Shape, written: Partial<Record<FieldName, number>>): string[] {
  return attributionOf(shape, {
    stamp: (field): Stamp | null => (written[field] === undefined ? null : { client: written[field], clock: 1 }),
    writer: (client) => pages[client] ?? null,
    name: (id) => names[id] ?? '',
    prompt: (run) => (run === 'r' ? 'Draw three\ncircles' : ''),
    now: NOW,
  });
}
const shape = (fields: object): Shape => shapeOf('s', { type: 'rect', at: NOW - 120_000, ...fields });

describe('attributionOf', () => {
  it('names the maker, the run and the time, and who changed what since', () => {
    const made = shape({ by: 'assistant', run: 'r' });
    expect(told(made, { x: 5000, y: 7, w: 7, fill: 5000, text: 6000 })).toEqual([
      'Made by the assistant in “Draw three circles” · 2 min ago',
      'Moved and recoloured by Ann',
      'Worded by you',
    ]);
  });

  it('says nothing of what the maker did, nor of writers that nobody knows', () => {
    expect(told(shape({ by: 'ann' }), { x: 5000, y: 123456, fill: 5000 })).toEqual(['Made by Ann · 2 min ago']);
  });

  it('makes do with what is there', () => {
    expect(told(shape({ by: 'stranger' }), {})).toEqual(['Made 2 min ago']);
    expect(told(shape({ at: 0, by: '' }), {})).toEqual([]);
    expect(told(shape({ by: 'assistant', run: 'gone', draft: 'gone' }), {})).toEqual([
      'Proposed by the assistant · 2 min ago',
    ]);
  });
});

describe('Writers', () => {
  it('remembers pages over visits, and knows the assistant by its small client ids', () => {
    new Writers('room-a').met(4_000_000, 'u_ann', 'Ann');
    const later = new Writers('room-a');
    expect(later.of(4_000_000)).toEqual({ id: 'u_ann', name: 'Ann' });
    expect(later.of(4_000_001)).toBeNull();
    expect(later.of(3)).toEqual({ id: 'assistant', name: 'the assistant' });
    expect(new Writers('room-b').of(4_000_000)).toBeNull();
  });

  it('starts anew from a broken entry', () => {
    localStorage.setItem('coplayer:writers:room-c', '{"no":');
    expect(new Writers('room-c').of(4_000_000)).toBeNull();
  });
});
