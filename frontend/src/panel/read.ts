/**
 * The conversation as it stands in the document: `messages`, `runs` and `calls` read into plain values.
 *
 * Readers never throw (docs/spec.md, section D): a missing or wrong field reads as its default, an entry that is
 * not a map reads as null. Field names come from sync/canvas/conversation.py: Message, Run, Call.
 */
import * as Y from 'yjs';
import type { View } from '../board';
import { MAIN_THREAD, MAX_OPTIONS, RUN_ENDED, type RunStatus } from '../canvas.gen';

/** Every status a run may have; the type makes the list complete. */
const STATUSES: Readonly<Record<RunStatus, true>> = {
  queued: true,
  in_progress: true,
  requires_action: true,
  requires_user: true,
  cancelling: true,
  completed: true,
  incomplete: true,
  failed: true,
  cancelled: true,
  expired: true,
};

const ENDED: ReadonlySet<string> = new Set(RUN_ENDED);

export const hasEnded = (status: RunStatus): boolean => ENDED.has(status);

export interface Context {
  selection: string[];
  view: View | null;
  /** Shall the run only propose? */
  propose?: boolean;
}

export interface MessageEntry {
  id: string;
  thread: string;
  role: 'user' | 'assistant' | 'system';
  by: string;
  byName: string;
  at: number;
  run: string | null;
  body: string;
  context: Context;
  /** a comment that was dealt with */
  resolved: boolean;
}

/** What a run waits for; without options any words will do. */
export interface Question {
  text: string;
  options: string[];
  /** The call that asks. */
  call: string;
  answer: { text: string; by: string; byName: string } | null;
}

export interface PlanStep {
  text: string;
  state: 'todo' | 'doing' | 'done' | 'dropped';
}

/** What a run has used of its model. */
export interface Usage {
  input: number;
  output: number;
  /** of the input, what the model had seen before */
  cached: number;
  /** money, where the operator has set prices */
  cost: number;
}

export interface RunEntry {
  id: string;
  thread: string;
  prompt: string;
  agent: string;
  askedBy: string;
  at: number;
  status: RunStatus;
  cancelledBy: string | null;
  removed: boolean;
  error: { code: string; message: string; retryable: boolean } | null;
  startedAt: number | null;
  endedAt: number | null;
  summary: string;
  kept: boolean;
  question: Question | null;
  plan: PlanStep[];
  /** It changes nothing before people accept it. */
  propose: boolean;
  usage: Usage | null;
}

/** A field a run wrote and an undo left as it stands, with the reason: `[shape, field, why]`. */
export type KeptField = readonly [shape: string, field: string, why: string];

export interface CallEntry {
  id: string;
  run: string;
  seq: number;
  tool: string;
  status: 'done' | 'error' | 'undone';
  /** shape id -> field -> [before, after] */
  changes: Record<string, Record<string, readonly [unknown, unknown]>>;
  created: string[];
  output: string;
  label: string;
  at: number;
  ms: number | null;
  undo: { by: string; at: number; kept: KeptField[] } | null;
}

type Plain = Record<string, unknown>;

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const text = (value: unknown): string => (typeof value === 'string' ? value : '');
export const number = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;
const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((v): v is string => typeof v === 'string') : [];

/** An entry's fields, or null when the entry is not a map (a hostile or later schema). */
function fieldsOf(entry: unknown): Plain | null {
  if (entry instanceof Y.Map) return Object.fromEntries(entry.entries());
  return isPlain(entry) ? entry : null;
}

function readView(value: unknown): View | null {
  if (!isPlain(value)) return null;
  const [x, y, w, h] = [number(value.x), number(value.y), number(value.w), number(value.h)];
  return x === null || y === null || w === null || h === null ? null : { x, y, w, h };
}

export function readMessage(id: string, entry: unknown): MessageEntry | null {
  const fields = fieldsOf(entry);
  if (!fields) return null;
  const context = isPlain(fields.context) ? fields.context : {};
  return {
    id,
    thread: text(fields.thread) || MAIN_THREAD,
    role: fields.role === 'assistant' || fields.role === 'system' ? fields.role : 'user',
    by: text(fields.by),
    byName: text(fields.by_name),
    at: number(fields.at) ?? 0,
    run: text(fields.run) || null,
    body: text(fields.body),
    context: { selection: strings(context.selection), view: readView(context.view), propose: context.propose === true },
    resolved: fields.state === 'resolved',
  };
}

const isStatus = (value: unknown): value is RunStatus => typeof value === 'string' && Object.hasOwn(STATUSES, value);

export function readQuestion(value: unknown): Question | null {
  if (!isPlain(value) || text(value.call) === '' || text(value.text).trim() === '') return null;
  const answer = isPlain(value.answer) && text(value.answer.text).trim() !== '' ? value.answer : null;
  return {
    text: text(value.text),
    options: strings(value.options).slice(0, MAX_OPTIONS),
    call: text(value.call),
    answer: answer && { text: text(answer.text), by: text(answer.by), byName: text(answer.by_name) },
  };
}

const PLAN_STATES: ReadonlySet<unknown> = new Set(['todo', 'doing', 'done', 'dropped']);

const readPlan = (value: unknown): PlanStep[] =>
  (Array.isArray(value) ? value : [])
    .filter(isPlain)
    .map((step) => ({
      text: text(step.text),
      state: (PLAN_STATES.has(step.state) ? step.state : 'todo') as PlanStep['state'],
    }))
    .filter((step) => step.text !== '');

function readUsage(value: unknown, cost: unknown): Usage | null {
  if (!isPlain(value)) return null;
  const of = (name: string): number => Math.max(0, number(value[name]) ?? 0);
  const usage = {
    input: of('input'),
    output: of('output'),
    cached: of('cached'),
    cost: Math.max(0, number(cost) ?? 0),
  };
  return usage.input + usage.output > 0 ? usage : null;
}

export function readRun(id: string, entry: unknown): RunEntry | null {
  const fields = fieldsOf(entry);
  if (!fields) return null;
  const status = isStatus(fields.status) ? fields.status : 'queued';
  const error = isPlain(fields.error) ? fields.error : null;
  return {
    id,
    thread: text(fields.thread) || MAIN_THREAD,
    prompt: text(fields.prompt),
    agent: text(fields.agent) || 'assistant',
    askedBy: text(fields.asked_by),
    at: number(fields.at) ?? 0,
    status,
    cancelledBy: isPlain(fields.cancel) ? text(fields.cancel.by) : null,
    removed: fields.remove === true,
    error: error && {
      code: text(error.code),
      message: text(error.message),
      retryable: error.retryable === true,
    },
    startedAt: number(fields.started_at),
    endedAt: number(fields.ended_at),
    summary: text(fields.summary),
    kept: fields.kept === true,
    question: readQuestion(fields.question),
    plan: readPlan(fields.plan),
    propose: fields.propose === true,
    usage: readUsage(fields.usage, fields.cost),
  };
}

function readChanges(value: unknown): CallEntry['changes'] {
  const changes: CallEntry['changes'] = {};
  if (!isPlain(value)) return changes;
  for (const [shape, fields] of Object.entries(value)) {
    if (!isPlain(fields)) continue;
    const read: Record<string, readonly [unknown, unknown]> = {};
    for (const [field, pair] of Object.entries(fields)) {
      if (Array.isArray(pair)) read[field] = [pair[0], pair[1]];
    }
    changes[shape] = read;
  }
  return changes;
}

const readKept = (value: unknown): KeptField[] =>
  Array.isArray(value)
    ? value.filter((row) => Array.isArray(row)).map((row) => [text(row[0]), text(row[1]), text(row[2])])
    : [];

/** The run a call belongs to: its `run` field, else its id up to the last dot (`<run>.<seq>`). */
export const runOfCall = (id: string, entry: unknown): string => {
  const run = entry instanceof Y.Map ? entry.get('run') : isPlain(entry) ? entry.run : null;
  return text(run) || id.slice(0, Math.max(0, id.lastIndexOf('.')));
};

export function readCall(id: string, entry: unknown): CallEntry | null {
  const fields = fieldsOf(entry);
  if (!fields) return null;
  const undo = isPlain(fields.undo) ? fields.undo : null;
  return {
    id,
    run: runOfCall(id, entry),
    seq: number(fields.seq) ?? number(Number(id.slice(id.lastIndexOf('.') + 1))) ?? 0,
    tool: text(fields.tool) || 'tool',
    status: fields.status === 'error' || fields.status === 'undone' ? fields.status : 'done',
    changes: readChanges(fields.changes),
    created: strings(fields.created),
    output: text(fields.output),
    label: text(fields.label),
    at: number(fields.at) ?? 0,
    ms: number(fields.ms),
    undo: undo && { by: text(undo.by), at: number(undo.at) ?? 0, kept: readKept(undo.kept) },
  };
}
