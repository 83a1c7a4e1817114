import { signal } from '@preact/signals';
import { render } from 'preact';
import { act } from 'preact/test-utils';
import { afterEach, describe, expect, it } from 'vitest';
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import type { AgentPresence, Board, Person, Presence, SaveStatus } from '../board';
import { ask, call, create, setEntry } from './fixtures';
import { mountPanel } from './index';
import { uncovered } from './panel';

const ME: Person = { id: 'u-me', name: 'Ann', color: '#0F766E', kind: 'human' };

function assistant(agent: Partial<AgentPresence> = {}, name = 'Assistant'): Presence {
  return {
    clientId: 1,
    isMe: false,
    user: { id: 'assistant', name, color: '#7C3AED', kind: 'agent' },
    selection: [],
    dragging: [],
    agent: { status: 'idle', run: null, targets: [], note: '', text: '', model: 'gpt-x', demo: false, ...agent },
  };
}

/** A board made of a real document; what the panel asks of it is written down in `asked`. */
function makeBoard() {
  const doc = new Y.Doc();
  const asked: string[] = [];
  const listeners = new Set<(text?: string) => void>();
  const board = {
    doc,
    awareness: new Awareness(doc),
    room: 'r',
    me: signal(ME),
    people: signal<readonly Presence[]>([assistant()]),
    status: signal<SaveStatus>({ state: 'saved', pending: 0, text: '', detail: '' }),
    canWrite: signal(true),
    canComment: signal(true),
    wanted: signal<string | null>(null),
    selection: signal<ReadonlySet<string>>(new Set()),
    panelOpen: signal(true),
    view: () => ({ x: 0.4, y: 0, w: 800, h: 600 }),
    highlight: (ids: readonly string[] | null) => asked.push(`highlight ${ids?.join() ?? 'nothing'}`),
    zoomTo: (ids: readonly string[]) => asked.push(`zoom ${ids.join()}`),
    select: () => {
      board.selection.value = new Set();
    },
    shapeLabel: (id: string) => id,
    shapeType: () => null,
    announce: (text: string) => asked.push(`say ${text}`),
    notice: () => undefined,
    undoRun: (run: string) => {
      asked.push(`undo ${run}`);
      return { restored: 1, kept: [], text: 'Took back 1 change.' };
    },
    undoCall: () => ({ restored: 0, kept: [], text: '' }),
    replay: (run: string) => void asked.push(`replay ${run}`),
    onAsk: (listener: (text?: string) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } satisfies Board;
  return { board, doc, asked, wantComposer: (text?: string) => listeners.forEach((listener) => void listener(text)) };
}

let host: HTMLElement;
async function mount(board: Board): Promise<void> {
  host = document.createElement('div');
  document.body.append(host);
  await act(() => mountPanel(host, board));
}
const byTest = (id: string): HTMLElement[] => [...host.querySelectorAll<HTMLElement>(`[data-testid="${id}"]`)];
const one = (id: string): HTMLElement => {
  const [found, ...more] = byTest(id);
  if (!found || more.length) throw new Error(`${1 + more.length} of ${id}`);
  return found;
};
const change = (work: () => void): Promise<void> =>
  act(async () => {
    work();
    await Promise.resolve();
  }) as Promise<void>;
const field = (doc: Y.Doc, run: string, name: string): unknown =>
  (doc.getMap('runs').get(run) as Y.Map<unknown>).get(name);

afterEach(async () => {
  await act(() => render(null, host));
  host.remove();
});

describe('the panel', () => {
  it('tells at the end what a run has used, and nothing where nothing was counted', async () => {
    const { board, doc } = makeBoard();
    const usage = { input: 12_000, output: 345, cached: 8_000 };
    ask(doc, { id: 'r1', body: 'one', at: 1, status: 'completed', run: { usage, cost: 0.0213 } });
    ask(doc, { id: 'r2', body: 'two', at: 2, status: 'completed', run: { usage: { input: 0, output: 0, cached: 0 } } });
    ask(doc, { id: 'r3', body: 'three', at: 3, status: 'in_progress', run: { usage } });
    await mount(board);
    const told = byTest('run-usage');
    expect(told.map((line) => line.textContent)).toEqual(['12.3k tokens · cost 0.021']);
    expect(told[0]?.title).toContain('8,000 of them again');
  });

  it('sends with Enter, with the selection and the view, and empties the field', async () => {
    const { board, doc } = makeBoard();
    board.selection.value = new Set(['a', 'b']);
    await mount(board);
    const input = one('assistant-input') as HTMLTextAreaElement;
    await change(() => {
      input.value = 'make them red';
      input.dispatchEvent(new Event('input', { bubbles: true }));
    });
    const press = (init: KeyboardEventInit) =>
      change(
        () => void input.dispatchEvent(new KeyboardEvent('keydown', { bubbles: true, cancelable: true, ...init })),
      );
    await press({ key: 'Enter', shiftKey: true });
    await press({ key: 'Enter', isComposing: true });
    expect(byTest('run-card')).toEqual([]);
    await press({ key: 'Enter' });
    expect(input.value).toBe('');
    expect(one('run-card').dataset.status).toBe('queued');
    const [message] = doc.getMap<Y.Map<unknown>>('messages').values();
    expect(message?.toJSON()).toMatchObject({
      body: 'make them red',
      context: {
        selection: ['a', 'b'],
        view: { x: 0, y: expect.any(Number), w: expect.any(Number), h: expect.any(Number) },
      },
    });
  });

  it('stops the run by button and by Esc, undoes and keeps it afterwards', async () => {
    const { board, doc, asked } = makeBoard();
    ask(doc, { id: 'r', body: 'x', at: 1, status: 'in_progress', run: { started_at: 1 } });
    create(doc, 'r', 1, { type: 'rect', text: 'One' });
    await mount(board);
    expect(one('run-card').textContent).toContain('1 change so far');
    await change(() => one('stop').click());
    expect(field(doc, 'r', 'cancel')).toMatchObject({ by: 'u-me' });
    expect(one('run-card').textContent).toContain('Stopping…');
    const run = doc.getMap('runs').get('r') as Y.Map<unknown>;
    await change(() => run.set('cancel', null));
    await change(
      () => void one('assistant-input').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true })),
    );
    expect(field(doc, 'r', 'cancel')).toMatchObject({ by: 'u-me' });
    await change(() => run.set('status', 'cancelled'));
    expect(byTest('stop')).toEqual([]);
    await change(() => one('undo-run').click());
    expect(asked).toContain('undo r');
    expect(asked).toContain('say Took back 1 change.');
    await change(() => one('keep-run').click());
    expect(field(doc, 'r', 'kept')).toBe(true);
    expect(byTest('undo-run')).toEqual([]);
  });

  it('shows where queued prompts stand and takes one out of the queue', async () => {
    const { board, doc } = makeBoard();
    ask(doc, { id: 'a', body: 'first', at: 1, status: 'in_progress', run: { started_at: 1 } });
    ask(doc, { id: 'b', body: 'second', at: 2 });
    ask(doc, { id: 'c', body: 'third', at: 3 });
    await mount(board);
    const titles = () => byTest('run-card').map((card) => card.querySelector('.run-title')?.textContent);
    expect(titles()).toEqual(['Thinking…', 'Queued (2nd)', 'Queued (3rd)']);
    const [remove] = [...host.querySelectorAll('button')].filter((button) => button.textContent?.includes('Remove'));
    await change(() => remove?.click());
    expect(field(doc, 'b', 'remove')).toBe(true);
    expect(titles()).toEqual(['Thinking…', 'Queued (2nd)']);
  });

  it('points at the shapes of a step on hover and zooms to them on click', async () => {
    const { board, doc, asked } = makeBoard();
    ask(doc, { id: 'r', body: 'x', at: 1, status: 'completed' });
    const shape = create(doc, 'r', 1, { type: 'rect', text: 'One' });
    call(doc, 'r', 2, { tool: 'look', label: 'Looked at 1 shape' });
    await mount(board);
    const [step, look] = byTest('run-step');
    expect(look?.tagName).toBe('DIV');
    step?.dispatchEvent(new MouseEvent('mouseenter'));
    step?.click();
    step?.dispatchEvent(new MouseEvent('mouseleave'));
    expect(asked).toEqual([`highlight ${shape}`, `zoom ${shape}`, 'highlight nothing']);
  });

  it('streams the words from presence, then shows the finished message', async () => {
    const { board, doc } = makeBoard();
    ask(doc, { id: 'r', body: 'x', at: 1, status: 'in_progress', run: { started_at: 1 } });
    await mount(board);
    await change(() => {
      board.people.value = [assistant({ status: 'thinking', run: 'r', text: 'I will dr' })];
    });
    expect(host.querySelector('.prose')?.textContent).toBe('I will dr');
    await change(() => {
      setEntry(doc, 'messages', 'r.m1', { thread: 'main', role: 'assistant', at: 2, run: 'r', body: 'I drew **it**.' });
      (doc.getMap('runs').get('r') as Y.Map<unknown>).set('status', 'completed');
      board.people.value = [assistant()];
    });
    expect([...host.querySelectorAll('.prose')].map((prose) => prose.textContent)).toEqual(['I drew it.']);
  });

  it('says which assistant it is: the demo, a model, or none', async () => {
    const { board } = makeBoard();
    await mount(board);
    expect(host.textContent).toContain('gpt-x');
    await change(() => {
      board.people.value = [assistant({ demo: true, model: 'demo' }, 'Demo assistant (no AI)')];
    });
    expect(host.textContent).toContain('Demo assistant (no AI)');
    expect(host.textContent).toContain('OPENAI_API_KEY');
    await change(() => {
      board.people.value = [];
    });
    expect(host.textContent).toContain('No assistant is connected');
    await change(() => {
      board.status.value = { state: 'offline', pending: 1, text: '', detail: '' };
    });
    expect(host.textContent).toContain('You are offline');
  });

  it('asks again for a failed run with a new one', async () => {
    const { board, doc } = makeBoard();
    ask(doc, { id: 'r', body: 'draw', at: 1, status: 'failed', run: { error: { code: 'x', message: 'No luck.' } } });
    await mount(board);
    expect(one('run-card').textContent).toContain('No luck.');
    const again = [...host.querySelectorAll('button')].find((button) => button.textContent?.includes('Try again'));
    await change(() => again?.click());
    expect(byTest('run-card').map((card) => card.dataset.status)).toEqual(['failed', 'queued']);
  });

  it('only shows when one may not write', async () => {
    const { board, doc } = makeBoard();
    board.canWrite.value = board.canComment.value = false;
    ask(doc, { id: 'r', body: 'x', at: 1, status: 'in_progress', run: { started_at: 1 } });
    ask(doc, { id: 'q', body: 'y', at: 2 });
    await mount(board);
    expect(byTest('stop')).toEqual([]);
    expect(host.textContent).not.toContain('Remove');
    expect((one('assistant-input') as HTMLTextAreaElement).disabled).toBe(true);
  });

  it('lets who may only comment say something about the selection, and ask nothing', async () => {
    const { board, doc } = makeBoard();
    board.canWrite.value = false;
    await mount(board);
    expect(host.textContent).toContain('Say what you think');
    expect(byTest('comment-switch')).toEqual([]);
    board.selection.value = new Set(['a']);
    const input = one('assistant-input') as HTMLTextAreaElement;
    await change(() => {
      input.value = ' Too small ';
      input.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await change(() => void input.form?.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true })));
    expect(one('comment').textContent).toContain('Too small');
    expect(one('comment').textContent).toContain('You');
    expect(byTest('comment-resolve')).toEqual([]);
    expect(input.value).toBe('');
    expect(doc.getMap('runs').size).toBe(0);
    const [message] = Object.values(doc.getMap('messages').toJSON()) as Record<string, unknown>[];
    expect(message).toMatchObject({ role: 'user', by: 'u-me', body: 'Too small', context: { selection: ['a'] } });
    expect(message).not.toHaveProperty('run');
  });

  it('sends a comment instead of a prompt while the switch is on, and shows the one that a pin asks for', async () => {
    const { board, doc } = makeBoard();
    setEntry(doc, 'messages', 'c', { role: 'user', by: 'u2', by_name: 'Ben', at: 1, body: 'Why red?' });
    await mount(board);
    await change(() => one('comment-switch').click());
    expect((one('assistant-input') as HTMLTextAreaElement).placeholder).toContain('Comment');
    expect(byTest('propose-switch')).toEqual([]);
    await change(() => one('comment-resolve').click());
    expect(one('comment').dataset.state).toBe('resolved');
    await change(() => one('comment-resolve').click());
    expect(one('comment').dataset.state).toBe('open');
    await change(() => {
      board.wanted.value = 'c';
    });
    expect(document.activeElement).toBe(one('comment'));
    expect(board.wanted.value).toBeNull();
  });

  it('speaks the comments of others that come in, and not the old ones', async () => {
    const { board, doc, asked } = makeBoard();
    await mount(board);
    const said = { role: 'user', by: 'u2', by_name: 'Ben' };
    await change(() => {
      setEntry(doc, 'messages', 'old', { ...said, at: 1, body: 'Long ago' });
      setEntry(doc, 'messages', 'new', { ...said, at: Date.now() + 1000, body: 'Why red?' });
      setEntry(doc, 'messages', 'own', { ...said, by: 'u-me', at: Date.now() + 1000, body: 'Mine' });
    });
    expect(asked.filter((each) => each.startsWith('say'))).toEqual(['say Comment by Ben: Why red?']);
  });

  it('writes hostile words as words', async () => {
    const { board, doc } = makeBoard();
    const evil = '<img src=x onerror=alert(1)>';
    ask(doc, { id: 'r', body: evil, at: 1, byName: evil, status: 'completed', run: { summary: evil } });
    create(doc, 'r', 1, { type: 'rect', text: evil });
    setEntry(doc, 'messages', 'm', {
      thread: 'main',
      role: 'assistant',
      at: 2,
      run: 'r',
      body: `**${evil}** \`${evil}\``,
    });
    board.people.value = [assistant({ model: evil }, evil)];
    await mount(board);
    expect(host.querySelector('img')).toBeNull();
    expect(one('run-card').textContent).toContain(evil);
  });

  const waiting = { text: 'Which colour?', options: ['Red', 'Blue'], call: 'r.1', answer: null };

  it('answers a question with one of its options, once', async () => {
    const { board, doc } = makeBoard();
    ask(doc, { id: 'r', body: 'paint', at: 1, status: 'requires_user', run: { started_at: 1, question: waiting } });
    await mount(board);
    expect(one('question').textContent).toContain('Which colour?');
    expect(one('run-card').textContent).toContain('Waiting for an answer');
    const [, blue] = byTest('answer-option');
    await change(() => {
      blue?.click();
      blue?.click();
    });
    expect(field(doc, 'r', 'question')).toEqual({
      ...waiting,
      answer: { text: 'Blue', by: 'u-me', by_name: 'Ann', at: expect.any(Number) },
    });
    expect(byTest('question')).toEqual([]);
  });

  it('answers in other words with Enter, and shows the question only to who may not write', async () => {
    const { board, doc } = makeBoard();
    const run = { started_at: 1, question: { ...waiting, options: [] } };
    ask(doc, { id: 'r', body: 'paint', at: 1, status: 'requires_user', run });
    await mount(board);
    const input = one('answer-input') as HTMLInputElement;
    const write = (words: string) =>
      change(() => {
        input.value = words;
        input.dispatchEvent(new Event('input', { bubbles: true }));
      });
    const send = () =>
      change(() => void input.form?.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true })));
    await write('   ');
    await send();
    expect((field(doc, 'r', 'question') as { answer: unknown }).answer).toBeNull();
    board.canWrite.value = false;
    await change(() => undefined);
    expect(byTest('answer-input')).toEqual([]);
    expect(one('question').textContent).toBe('Which colour?');
    board.canWrite.value = true;
    await change(() => undefined);
    const again = one('answer-input') as HTMLInputElement;
    await change(() => {
      again.value = 'violet \ud800';
      again.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await change(() => void again.form?.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true })));
    expect((field(doc, 'r', 'question') as { answer: { text: string } }).answer.text).toBe('violet \ufffd');
  });

  it('shows no question that is answered or belongs to a run that ended', async () => {
    const { board, doc } = makeBoard();
    const answered = { ...waiting, answer: { text: 'Red', by: 'u', by_name: 'Bo', at: 2 } };
    ask(doc, { id: 'r', body: 'a', at: 1, status: 'requires_user', run: { started_at: 1, question: answered } });
    ask(doc, { id: 's', body: 'b', at: 2, status: 'cancelled', run: { started_at: 1, question: waiting } });
    ask(doc, { id: 't', body: 'c', at: 3, status: 'requires_user', run: { started_at: 1, question: 'Hm?' } });
    await mount(board);
    expect(byTest('question')).toEqual([]);
  });

  it('shows the plan of a run, step by step', async () => {
    const { board, doc } = makeBoard();
    const plan = [{ text: 'Draw', state: 'done' }, { text: 'Colour', state: 'doing' }, { state: 'todo' }, 'x'];
    ask(doc, { id: 'r', body: 'a', at: 1, status: 'in_progress', run: { started_at: 1, plan } });
    await mount(board);
    const rows = [...one('plan').querySelectorAll('li')].map((row) => [row.textContent, row.dataset.state]);
    expect(rows).toEqual([
      ['Draw', 'done'],
      ['Colour', 'doing'],
    ]);
  });

  it('opens and fills the composer when the board asks for it', async () => {
    const { board, wantComposer } = makeBoard();
    board.panelOpen.value = false;
    await mount(board);
    await change(() => wantComposer('draw a tree'));
    expect(board.panelOpen.value).toBe(true);
    expect((one('assistant-input') as HTMLTextAreaElement).value).toBe('draw a tree');
  });

  it('tells the assistant of the part of the board that islands and the panel leave free', () => {
    const view = { x: -100.4, y: 0, w: 2000, h: 1000 };
    const page = { w: 1000, h: 500 };
    expect(uncovered(view, { left: 600, top: 12 }, page)).toEqual({ x: -100, y: 128, w: 1200, h: 728 });
    expect(uncovered(view, { left: 1010, top: 12 }, page)).toEqual({ x: -100, y: 128, w: 2000, h: 728 });
    expect(uncovered(view, { left: 0, top: 200 }, page)).toEqual({ x: -100, y: 128, w: 2000, h: 272 });
    expect(uncovered(view, { left: 0, top: 0 }, page).h).toBeGreaterThan(0);
  });
});
