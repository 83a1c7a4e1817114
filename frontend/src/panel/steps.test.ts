import { describe, expect, it } from 'vitest';
import { keptSentences, outcomeOf } from './outcome';
import type { CallEntry } from './read';
import { doing, type ShapeName, splitLabel, spoken, stepOf } from './steps';
import { ago, duration, listed, oneLine, ordinal } from './words';

const SHAPES: Record<string, ShapeName> = {
  login: { type: 'rect', text: 'Login', isEven: true },
  dot: { type: 'ellipse', text: '', isEven: false },
  disc: { type: 'ellipse', text: '', isEven: true },
};
const lookup = (id: string): ShapeName | null => SHAPES[id] ?? null;

const made = (fields: Partial<CallEntry>): CallEntry => ({
  id: 'r.1',
  run: 'r',
  seq: 1,
  tool: 'update',
  status: 'done',
  changes: {},
  created: [],
  output: '',
  label: '',
  at: 0,
  ms: 300,
  undo: null,
  ...fields,
});
const step = (fields: Partial<CallEntry>, later: CallEntry[] = [], ended = false) =>
  stepOf(made(fields), later, ended, lookup);

describe('a step', () => {
  it.each([
    ['Created "Login page"', ['Login page'], ['Created', 'Login page', '']],
    ['Connected Login to Home', ['Login', 'Home'], ['Connected', 'Login', 'to Home']],
    ['Created a note', ['Offline edits'], ['Created', 'Offline edits', '']],
    ['Moved 1 shape', ['Login'], ['Moved', 'Login', '']],
    ['Created 3 shapes', ['Idea', 'Draft', 'Ship'], ['Created', 'Idea, Draft, Ship', '']],
    ['Created 3 shapes', ['Idea', '', 'Ship'], ['Created 3 shapes', '', '']],
    ['Connected 2 pairs', ['', '', ''], ['Connected 2 pairs', '', '']],
    ['Created 3 circles', [], ['Created 3 circles', '', '']],
  ])('sets the shape in bold in %j', (label, names, [verb, subject, rest]) => {
    expect(splitLabel(label, names)).toEqual({ verb, subject, rest });
  });

  it('names what a call without a label touched', () => {
    expect(step({ changes: { login: { fill: ['none', 'red'] } } })).toMatchObject({
      verb: 'Changed',
      subject: 'Login',
    });
    expect(step({ changes: { dot: { x: [0, 1] } }, tool: 'move' }).verb).toBe('Moved ellipse');
    expect(step({ changes: { dot: {}, login: {}, gone: {} }, tool: 'delete' }).verb).toBe('Deleted 3 shapes');
    expect(step({ tool: 'teleport' })).toMatchObject({ verb: 'Used teleport', icon: 'tool' });
  });

  it('keeps the text the call wrote, whatever became of the shape', () => {
    const changes = { login: { text: [null, 'Sign in'] as const } };
    expect(step({ tool: 'create', changes }).subject).toBe('Sign in');
  });

  it('names shapes in the order they were made, however the log keeps them', () => {
    const changes = {
      'r.1.10': { text: [null, 'C'] },
      'r.1.2': { text: [null, 'B'] },
      'r.1.1': { text: [null, 'A'] },
    } as const;
    const made = { tool: 'create', changes, label: 'Created 3 shapes', created: ['r.1.1', 'r.1.2', 'r.1.10'] };
    expect(spoken(step(made))).toBe('Created A, B, C');
    expect(step({ ...made, created: [] }).targets).toEqual(['r.1.1', 'r.1.2', 'r.1.10']);
  });

  it('shows the kind of shape it made', () => {
    expect(step({ tool: 'create', changes: { a: { type: [null, 'ellipse'] } } }).icon).toBe('ellipse');
    expect(step({ tool: 'create', changes: { a: { type: [null, '<svg>'] } } }).icon).toBe('rect');
    expect(step({ tool: 'connect', changes: { a: { type: [null, 'connector'] } } }).icon).toBe('connector');
  });

  it('says what was wrong and what came of it', () => {
    const failed = {
      tool: 'connect',
      status: 'error' as const,
      output: '{"ok":false,"error":{"code":"NOT_FOUND","message":"no shape “srv”."}}',
    };
    const after = (later: CallEntry[], ended = false) => step(failed, later, ended).verb;
    expect(after([])).toBe('connect: no shape “srv” — trying another way');
    expect(after([], true)).toBe('connect: no shape “srv” — left out');
    expect(after([made({ tool: 'connect' })])).toBe('connect: no shape “srv” — retried');
    expect(after([made({ tool: 'create' })])).toBe('connect: no shape “srv” — went on without it');
    expect(after([made(failed)])).toBe('connect: no shape “srv” — tried again');
  });

  it('reads any output of a failed call', () => {
    for (const output of ['', 'null', '[]', '{"error":"plain words"}', '{"error":{"code":"LOCKED"}}', '{']) {
      expect(step({ status: 'error', output }).verb).toMatch(/^update: .+ — /);
    }
  });
});

describe('the step under way', () => {
  it.each([
    ['moving', ['login'], 'Moving Login'],
    ['moving', ['dot'], 'Moving an ellipse'],
    ['moving', ['disc'], 'Moving a circle'],
    ['drawing', ['new.1', 'new.2'], 'Drawing 2 shapes'],
    ['connecting', ['new.1'], 'Connecting…'],
    ['looking', [], 'Looking…'],
    ['', ['login'], 'Working on Login'],
    ['The model is busy. Asking again.', ['login'], 'The model is busy. Asking again.'],
    ['', [], null],
  ])('of %j on %j is %j', (note, targets, said) => {
    const words = doing(note, targets, lookup);
    expect(words && spoken(words)).toBe(said);
  });
});

describe('what a run did', () => {
  it('is counted by what became of each shape in the end', () => {
    const drew = (id: string, type: string) => made({ created: [id], changes: { [id]: { type: [null, type] } } });
    expect(
      outcomeOf([
        drew('a', 'rect'),
        drew('b', 'note'),
        drew('c', 'connector'),
        drew('gone', 'rect'),
        made({ changes: { a: { x: [0, 1] }, login: { x: [0, 1] }, gone: { deleted: [false, true] } } }),
        made({ status: 'undone', changes: { dot: { x: [0, 1] } } }),
        made({ status: 'error', changes: { far: { x: [0, 1] } } }),
      ]),
    ).toBe('Drew 2 shapes, 1 connector, changed 2 shapes and deleted 1 shape');
    expect(outcomeOf([made({ tool: 'look' })])).toBe('');
  });
});

describe('what an undo kept', () => {
  it('is one sentence a shape, x and y being one position, a shape made by the run staying whole', () => {
    expect(
      keptSentences(
        [
          ['login', 'x', 'changed by Ann since'],
          ['login', 'y', 'changed by Ann since'],
          ['login', 'fill', 'changed by Ann since'],
          ['dot', 'x', 'changed since.'],
          ['gone', 'font_size', ''],
        ],
        ['dot'],
        lookup,
      ),
    ).toEqual([
      '“Login” kept its position and colour (changed by Ann since)',
      'An ellipse stayed (changed since)',
      'A shape kept its text size',
    ]);
  });
});

describe('words', () => {
  it('counts like people do', () => {
    expect([1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(ordinal).join(' ')).toBe(
      '1st 2nd 3rd 4th 11th 12th 13th 21st 102nd 111th',
    );
  });

  it('tells time spans, never below zero', () => {
    expect([-500, 0, 449, 59_940, 59_960, 125_000].map(duration)).toEqual([
      '0.0 s',
      '0.0 s',
      '0.4 s',
      '59.9 s',
      '1 min 0 s',
      '2 min 5 s',
    ]);
  });

  it('tells how long ago, a clock ahead of ours being now', () => {
    const now = Date.UTC(2026, 10, 22, 12);
    const told = [-9e5, 0, 60_000, 7_200_000, 90_000_000, 3 * 86_400_000].map((age) => ago(now - age, now));
    expect(told).toEqual(['now', 'now', '1 min ago', '2 h ago', 'yesterday', '3 days ago']);
    expect(ago(now - 400 * 86_400_000, now)).toContain('2025');
  });

  it('keeps a line short', () => {
    expect(oneLine('  a\n b  ')).toBe('a b');
    expect(oneLine('x'.repeat(70), 10)).toBe(`${'x'.repeat(9)}…`);
    expect(listed(['a', 'b', 'c'])).toBe('a, b and c');
  });
});
