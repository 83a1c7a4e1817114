/** One run as the panel shows it, derived from its document entries. Pure. */
import type { RunStatus } from '../canvas.gen';
import { changesOf, outcomeOf } from './outcome';
import {
  type CallEntry,
  type Context,
  hasEnded,
  type KeptField,
  type MessageEntry,
  type PlanStep,
  type Question,
  type RunEntry,
  type Usage,
} from './read';
import { type ShapeLookup, type Step, stepOf } from './steps';

export interface Words {
  kind: 'words';
  id: string;
  body: string;
  at: number;
}

/** What one run looks like. Presence (thinking, streaming words) is laid over it by the component. */
export interface RunCard {
  id: string;
  status: RunStatus;
  askedBy: string;
  at: number;
  /** Unfinished runs of the same assistant before this one; 0 is next or running. */
  ahead: number;
  stopping: boolean;
  stoppedBy: string | null;
  error: RunEntry['error'];
  startedAt: number | null;
  endedAt: number | null;
  /** The first line of a finished run: its own short summary, else what was counted. */
  title: string;
  kept: boolean;
  /** Steps and finished words in the order they happened. */
  entries: (Step | Words)[];
  /** Distinct shapes changed and not taken back. */
  changes: string[];
  /** Set when every change was taken back: by whom, and which fields stayed. */
  undone: { by: string; at: number; kept: KeptField[]; created: string[] } | null;
  /** What a person has to answer before the run goes on. */
  question: Question | null;
  /** What the assistant says it is going to do. */
  plan: PlanStep[];
  /** It changes nothing before people accept it. */
  propose: boolean;
  usage: Usage | null;
  /** What to ask again with. */
  prompt: { body: string; context: Context };
}

/** Queue and feed order: (at, id), the same on every replica. */
export const byTime = (a: { at: number; id: string }, b: { at: number; id: string }): number =>
  a.at - b.at || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);

/** Taken out of the queue in time; a `remove` that came after the start changes nothing. */
export const isRemoved = (run: RunEntry): boolean => run.removed && run.startedAt === null;

/** Unfinished runs of each assistant in queue order, (at, id): run id -> how many stand before it. */
export function queuePositions(runs: Iterable<RunEntry>): Map<string, number> {
  const queues = new Map<string, RunEntry[]>();
  for (const run of runs) {
    if (hasEnded(run.status) || isRemoved(run)) continue;
    const queue = queues.get(run.agent);
    if (queue) queue.push(run);
    else queues.set(run.agent, [run]);
  }
  const positions = new Map<string, number>();
  for (const queue of queues.values()) {
    // What is already running stands first, whatever its clock said.
    queue.sort((a, b) => Number(a.status === 'queued') - Number(b.status === 'queued') || byTime(a, b));
    for (const [index, run] of queue.entries()) positions.set(run.id, index);
  }
  return positions;
}

function undoneBy(calls: readonly CallEntry[]): RunCard['undone'] {
  const undone = calls.filter((call) => call.status === 'undone');
  if (undone.length === 0 || changesOf(calls).length > 0) return null;
  const undos = undone.flatMap((call) => (call.undo ? [call.undo] : []));
  const last = undos.reduce((a, b) => (b.at > a.at ? b : a), undos[0] ?? { by: '', at: 0, kept: [] });
  const kept = undos.flatMap((undo) => undo.kept);
  return { by: last.by, at: last.at, kept, created: undone.flatMap((call) => call.created) };
}

/** Longer summaries are read below, as words of the assistant; two lines of a card hold this much. */
const MAX_TITLE = 72;

/** A last word that says less than the count does. */
const EMPTY_WORDS = /^(all )?(done|ok|okay|ready|finished)[.!]?$/i;

/** A summary short enough for the card's first line, without its full stop; else ''. */
function titleFrom(summary: string): string {
  const line = summary.trim();
  return line.length <= MAX_TITLE && !line.includes('\n') ? line.replace(/(?<!\.)\.$/, '') : '';
}

/** The card of one run. */
export function cardOf(
  run: RunEntry,
  prompt: MessageEntry | null,
  calls: readonly CallEntry[],
  words: readonly MessageEntry[],
  ahead: number,
  lookup: ShapeLookup,
): RunCard {
  const ordered = [...calls].sort((a, b) => a.seq - b.seq || byTime(a, b));
  const ended = hasEnded(run.status);
  const steps = ordered.map((call, i) => stepOf(call, ordered.slice(i + 1), ended, lookup));
  const said = [...words].sort(byTime).filter((message) => message.body.trim() !== '');
  const summary = titleFrom(run.summary);
  // A short last word is the title; it need not stand there twice.
  if (summary && said.at(-1)?.body.trim() === run.summary.trim()) said.pop();
  const outcome = outcomeOf(ordered);
  const spoken = EMPTY_WORDS.test(summary) ? outcome || summary : summary || outcome;
  const title = spoken || (said.length > 0 ? 'Answered' : 'Done');
  const entries: RunCard['entries'] = [];
  // Calls keep the order of their seq; words go before the first call that is younger than they are.
  for (const step of steps) {
    while (said[0] && said[0].at < step.at) entries.push(wordsOf(said.shift() as MessageEntry));
    entries.push(step);
  }
  entries.push(...said.map(wordsOf));
  return {
    id: run.id,
    status: run.status,
    askedBy: run.askedBy,
    at: run.at,
    ahead,
    stopping: run.cancelledBy !== null && !ended,
    stoppedBy: run.cancelledBy,
    error: run.error,
    startedAt: run.startedAt,
    endedAt: run.endedAt,
    title,
    kept: run.kept,
    entries,
    changes: changesOf(ordered),
    undone: undoneBy(ordered),
    question: run.status === 'requires_user' && run.question?.answer === null ? run.question : null,
    plan: run.plan,
    propose: run.propose,
    usage: run.usage,
    prompt: { body: prompt?.body ?? '', context: prompt?.context ?? { selection: [], view: null } },
  };
}

const wordsOf = (message: MessageEntry): Words => ({
  kind: 'words',
  id: message.id,
  body: message.body,
  at: message.at,
});
