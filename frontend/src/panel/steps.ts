/** One tool call as a line people read: icon, verb, the shape in bold, what happened after an error. */
import { type CallEntry, text } from './read';
import { capitalised, count, oneLine } from './words';

/** Names of the pictures a step may carry; the component maps them to lucide icons. */
export type StepIcon =
  | 'rect'
  | 'ellipse'
  | 'diamond'
  | 'triangle'
  | 'note'
  | 'text'
  | 'draw'
  | 'frame'
  | 'connector'
  | 'move'
  | 'change'
  | 'delete'
  | 'arrange'
  | 'look'
  | 'find'
  | 'check'
  | 'undo'
  | 'ask'
  | 'error'
  | 'tool';

/** What the panel needs to know of a shape, tombstones included; null when there is no such shape. */
export interface ShapeName {
  type: string;
  text: string;
  /** as wide as high: a square, a circle */
  isEven: boolean;
}
export type ShapeLookup = (id: string) => ShapeName | null;

export interface Step {
  kind: 'step';
  id: string;
  icon: StepIcon;
  /** Plain words before the bold part. */
  verb: string;
  /** The bold part: a shape's own text. May be empty. */
  subject: string;
  /** Plain words after the bold part. */
  rest: string;
  error: boolean;
  undone: boolean;
  ms: number | null;
  at: number;
  /** Shapes to point at on hover and to zoom to on click. */
  targets: string[];
}

const TYPE_ICONS: ReadonlySet<string> = new Set([
  'rect',
  'ellipse',
  'diamond',
  'triangle',
  'note',
  'text',
  'draw',
  'frame',
  'connector',
]);

/** Tool name -> its picture and the verb used when the call carries no label. */
const TOOLS: Readonly<Record<string, readonly [icon: StepIcon, verb: string]>> = {
  create: ['rect', 'Created'],
  createShape: ['rect', 'Created'],
  update: ['change', 'Changed'],
  editExistingShape: ['change', 'Changed'],
  set_text: ['text', 'Wrote'],
  move: ['move', 'Moved'],
  resize: ['move', 'Resized'],
  rotate: ['move', 'Rotated'],
  delete: ['delete', 'Deleted'],
  arrange: ['arrange', 'Arranged'],
  align: ['arrange', 'Aligned'],
  distribute: ['arrange', 'Distributed'],
  place: ['arrange', 'Placed'],
  group: ['arrange', 'Grouped'],
  reorder: ['arrange', 'Reordered'],
  frame: ['frame', 'Framed'],
  connect: ['connector', 'Connected'],
  draw: ['draw', 'Drew'],
  diagram: ['arrange', 'Drew'],
  duplicate: ['rect', 'Duplicated'],
  look: ['look', 'Looked at the board'],
  find: ['find', 'Searched the board'],
  check: ['check', 'Checked the board'],
  undo: ['undo', 'Took back'],
  ask: ['ask', 'Asked'],
  point: ['look', 'Pointed at'],
  plan: ['check', 'Planned'],
};

const SHAPE_NOUNS: Readonly<Record<string, string>> = {
  rect: 'rectangle',
  ellipse: 'ellipse',
  diamond: 'diamond',
  triangle: 'triangle',
  note: 'note',
  text: 'text',
  draw: 'line',
  frame: 'frame',
  connector: 'connector',
};

/** Characters of a shape's text in a step; the same as MAX_NAME of agent/tools/words.py, which writes the labels. */
export const MAX_NAME = 32;

/** What people call a shape without words on it; the same as noun() of agent/tools/words.py. */
export function nounOf({ type, isEven }: ShapeName): string {
  if (isEven && (type === 'rect' || type === 'ellipse')) return type === 'rect' ? 'square' : 'circle';
  return SHAPE_NOUNS[type] ?? 'shape';
}

/** Characters of several names in one step: two lines of a card. */
const MAX_LIST = 56;

/** The noun with its article. */
export const article = (noun: string): string => `${noun === 'ellipse' ? 'an' : 'a'} ${noun}`;

const byNumber = new Intl.Collator('en', { numeric: true }).compare;

/**
 * Shapes a call touched: those it made in their order, then the others by id, since the keys of `changes` come in no
 * order from the assistant's CRDT library. `look` and `find` touch none.
 */
export function targetsOf(call: CallEntry): string[] {
  const made = call.created.filter((id) => Object.hasOwn(call.changes, id));
  const others = Object.keys(call.changes).filter((id) => !made.includes(id));
  return [...made, ...others.sort(byNumber)];
}

/** The shape's text as the call left it, else as it stands, on one line. */
function nameOf(call: CallEntry, shape: string, lookup: ShapeLookup): string {
  const written = call.changes[shape]?.text?.[1];
  return oneLine(text(written) || (lookup(shape)?.text ?? ''), MAX_NAME);
}

function iconOf(call: CallEntry, targets: readonly string[], lookup: ShapeLookup): StepIcon {
  const known = TOOLS[call.tool];
  if (known && known[0] !== 'rect') return known[0];
  const types = new Set(targets.map((id) => text(call.changes[id]?.type?.[1]) || (lookup(id)?.type ?? '')));
  const [only] = types;
  if (known && types.size === 1 && only !== undefined && TYPE_ICONS.has(only)) return only as StepIcon;
  return known ? known[0] : 'tool';
}

/** "rectangle", "3 shapes": what a call touched when no shape has a text of its own. */
function nounFor(call: CallEntry, targets: readonly string[], lookup: ShapeLookup): string {
  const [only] = targets;
  if (targets.length !== 1 || only === undefined) return targets.length ? count(targets.length, 'shape') : '';
  return SHAPE_NOUNS[text(call.changes[only]?.type?.[1]) || (lookup(only)?.type ?? '')] ?? 'shape';
}

const QUOTED = /^(.*?)["“]([^"”]+)["”](.*)$/s;

/**
 * A label split round the part to set in bold: what it quotes; else the text of a shape it names; else, for one
 * shape with a text, that text in place of the noun ("Created a note" -> Created **Offline edits**), and for a few
 * shapes that all have one, those ("Created 2 shapes" -> Created **Idea, Draft**).
 */
export function splitLabel(label: string, names: readonly string[]): Pick<Step, 'verb' | 'subject' | 'rest'> {
  const line = oneLine(label, 160);
  const quoted = QUOTED.exec(line);
  if (quoted?.[2]) {
    return { verb: text(quoted[1]).trim(), subject: quoted[2], rest: text(quoted[3]).trim() };
  }
  const named = names.filter((name) => name.length > 1 && line.includes(name));
  const longest = named.reduce((best, name) => (name.length > best.length ? name : best), '');
  if (longest) {
    const at = line.indexOf(longest);
    return { verb: line.slice(0, at).trim(), subject: longest, rest: line.slice(at + longest.length).trim() };
  }
  const [only] = names;
  const generic = /^(\p{L}+) (?:an?|the|one|1) [\p{L} ]+$/u.exec(line);
  if (names.length === 1 && only && generic?.[1]) return { verb: generic[1], subject: only, rest: '' };
  const several = /^(\p{L}+) (\d+) [\p{L} ]+$/u.exec(line);
  const list = names.join(', ');
  if (several?.[1] && Number(several[2]) === names.length && !names.includes('') && list.length <= MAX_LIST) {
    return { verb: several[1], subject: list, rest: '' };
  }
  return { verb: line, subject: '', rest: '' };
}

interface Failure {
  code: string;
  message: string;
}

/** What an error output says; outputs are JSON written by the assistant, so anything may be in there. */
function failureOf(output: string): Failure {
  try {
    const parsed: unknown = JSON.parse(output);
    const error = (parsed as { error?: unknown } | null)?.error;
    if (typeof error === 'string') return { code: '', message: error };
    const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
    return { code: text(code), message: text(message) };
  } catch {
    return { code: '', message: output };
  }
}

/** What came after an error, from the calls that follow it in the same run. */
function afterwards(call: CallEntry, later: readonly CallEntry[], ended: boolean): string {
  if (later.some((next) => next.tool === call.tool && next.status !== 'error')) return 'retried';
  if (later.some((next) => next.status !== 'error')) return 'went on without it';
  if (later.length > 0) return 'tried again';
  return ended ? 'left out' : 'trying another way';
}

/** The line for one call. `later` are the calls of the run after it, in order. */
export function stepOf(call: CallEntry, later: readonly CallEntry[], ended: boolean, lookup: ShapeLookup): Step {
  const targets = targetsOf(call);
  const base = { kind: 'step' as const, id: call.id, ms: call.ms, at: call.at, targets };
  if (call.status === 'error') {
    const failure = failureOf(call.output);
    const what = oneLine(failure.message || failure.code || 'did not work', 120).replace(/\.$/, '');
    const verb = `${call.tool}: ${what} — ${afterwards(call, later, ended)}`;
    return { ...base, icon: 'error', verb, subject: '', rest: '', error: true, undone: false };
  }
  const names = targets.map((id) => nameOf(call, id, lookup));
  const fallback = [TOOLS[call.tool]?.[1] ?? `Used ${call.tool}`, nounFor(call, targets, lookup)];
  const words = call.label
    ? splitLabel(call.label, names)
    : names.length === 1 && names[0]
      ? { verb: fallback[0] ?? '', subject: names[0], rest: '' }
      : { verb: fallback.join(' ').trim(), subject: '', rest: '' };
  const undone = call.status === 'undone';
  return { ...base, ...words, icon: undone ? 'undo' : iconOf(call, targets, lookup), error: false, undone };
}

/**
 * What presence says the assistant does now: "Moving **Login**", "Changing 3 shapes", "Connecting…". The note is a
 * verb ("moving") or a sentence; shapes that are about to be made are not in the document yet. Null: nothing to say.
 */
export function doing(
  note: string,
  targets: readonly string[],
  lookup: ShapeLookup,
): Pick<Step, 'verb' | 'subject' | 'rest'> | null {
  const line = capitalised(oneLine(note, 160));
  if (line === '' && targets.length === 0) return null;
  const verb = line || 'Working on';
  const known = targets.flatMap((id) => lookup(id) ?? []);
  const [only] = known;
  if (/[.!?…]$/.test(verb)) return { verb, subject: '', rest: '' };
  if (targets.length === 1 && only) {
    const subject = oneLine(only.text, MAX_NAME);
    return subject
      ? splitLabel(verb.includes(subject) ? verb : `${verb} “${subject}”`, [subject])
      : { verb: `${verb} ${article(nounOf(only))}`, subject: '', rest: '' };
  }
  if (targets.length > 1) return { verb: `${verb} ${count(targets.length, 'shape')}`, subject: '', rest: '' };
  return { verb: `${verb}…`, subject: '', rest: '' };
}

/** The whole step in one plain sentence, for the live region and tooltips. */
export const spoken = (step: Pick<Step, 'verb' | 'subject' | 'rest'>): string =>
  [step.verb, step.subject, step.rest].filter((part) => part !== '').join(' ');
