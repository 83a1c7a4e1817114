import { describe, expect, it } from 'vitest';
import { fillOf, inkOn, strokeOf } from '../src/draw/colour';
import { wrap } from '../src/draw/text';
import { merge3, splice } from '../src/merge';
import { usageWords } from '../src/panel/words';
import { readState, thin } from '../src/presence';

describe('three-way merge of a label', () => {
  it('keeps what both added', () => {
    expect(merge3('one two', 'zero one two', 'one two three')).toBe('zero one two three');
    expect(merge3('', 'mine', 'theirs')).toBe('theirsmine');
  });
  it('keeps one removal and one addition', () => {
    expect(merge3('one two three', 'one three', 'one two three four')).toBe('one three four');
  });
  it('takes the other side when one did nothing, and a change made by both once', () => {
    expect(merge3('a', 'a', 'b')).toBe('b');
    expect(merge3('a', 'b', 'a')).toBe('b');
    expect(merge3('a', 'b', 'b')).toBe('b');
  });
  it('keeps both when they replaced the same words', () => {
    expect(merge3('red box', 'blue box', 'green box')).toMatch(/green/);
    expect(merge3('the box', 'my box', 'our box')).toBe('ourmy box');
  });
  it('does not cut a character in two', () => {
    const { at, insert } = splice('😀', '😃');
    expect([at, insert]).toEqual([0, '😃']);
    expect(merge3('😀', '😃', '😀!')).toBe('😃!');
  });
});

describe('wrapping', () => {
  const ten = (text: string): number => text.length * 10;
  const lines = (text: string, width: number): string[] => wrap(text, width, 15, 400, ten);
  it('breaks between words, and inside one that is too long', () => {
    expect(lines('one two three', 80)).toEqual(['one two', 'three']);
    expect(lines('abcdefghij', 40)).toEqual(['abcd', 'efgh', 'ij']);
  });
  it('keeps blank lines and does not hang on a width of nothing', () => {
    expect(lines('a\n\nb', 100)).toEqual(['a', '', 'b']);
    expect(lines('abc', 0)).toEqual(['a', 'b', 'c']);
  });
});

describe('colours', () => {
  it('are parsed, never passed through', () => {
    expect(fillOf('red')).toBe('var(--red-fill)');
    expect(strokeOf('#ff8000')).toBe('rgb(255 128 0)');
    expect(fillOf('hsl(120, 100%, 25%)')).toBe('rgb(0 128 0)');
    expect(fillOf('red;background:url(x)')).toBe('none');
  });
  it('get words that can be read on them', () => {
    expect(inkOn('#101010')).toBe('var(--ink-light)');
    expect(inkOn('#ffee88')).toBe('var(--ink-dark)');
    expect(inkOn('blue')).toBe('var(--text)');
  });
});

describe('what other clients say of themselves', () => {
  it('is read with doubt', () => {
    expect(readState(1, false, null)).toBeNull();
    expect(readState(1, false, { user: 'x' })).toBeNull();
    const odd = readState(7, false, {
      user: { id: 'a', name: 'A', color: 'url(x)', kind: 'king' },
      cursor: { x: 'no', y: 1 },
      selection: [1, 'b'],
      drag: { ids: ['b'], dx: Number.NaN, dy: 1 },
      drawing: { x: 1, y: 1, points: ['<svg>'] },
    });
    expect(odd).toMatchObject({ cursor: null, selection: ['b'], drag: null, drawing: null });
    expect(odd?.user).toMatchObject({ kind: 'human' });
    expect(odd?.user.color).toMatch(/^#/);
  });
  it('keeps the assistant’s words and targets', () => {
    const state = {
      user: { id: 'assistant', name: 'Assistant', kind: 'agent' },
      agent: { status: 'working', targets: ['s'] },
    };
    expect(readState(1, false, state)?.agent).toMatchObject({ status: 'working', targets: ['s'], text: '' });
  });
});

it('thins a live line to what fits into a state, ends included', () => {
  const points = Array.from({ length: 5000 }, (_, i) => i);
  const kept = thin(points);
  expect(kept.length).toBeLessThan(410);
  expect(kept.slice(-2)).toEqual([4998, 4999]);
});

describe('what a run has used', () => {
  it('is short, with the cost where there are prices', () => {
    expect(usageWords({ input: 900, output: 40, cost: 0 })).toBe('940 tokens');
    expect(usageWords({ input: 12_000, output: 345, cost: 0.02134 })).toBe('12.3k tokens · cost 0.021');
    expect(usageWords({ input: 1_200_000, output: 0, cost: 1.5 })).toBe('1200k tokens · cost 1.5');
  });
});
