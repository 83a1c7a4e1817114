/** Whose a shape is and what others did to it since, in words. Pure. */
import type { FieldName, Shape, Stamp } from '../canvas';
import { ago, listed, oneLine } from '../panel/words';

/** What somebody did who wrote one of these fields last, in the order it is told. */
const DEEDS: readonly (readonly [string, readonly FieldName[]])[] = [
  ['Moved', ['x', 'y', 'from', 'to']],
  ['Resized', ['w', 'h']],
  ['Turned', ['rotation']],
  ['Worded', ['text']],
  ['Recoloured', ['fill', 'stroke']],
];

export interface Surroundings {
  /** Yjs' identity of the last write of a field; null when it was never written */
  stamp: (field: FieldName) => Stamp | null;
  /** who wrote under a client id: a name ("you", "Ann"), null when nobody knows */
  writer: (client: number) => string | null;
  /** name of a user id, '' when nobody knows */
  name: (id: string) => string;
  /** the prompt of a run, '' when it is gone */
  prompt: (run: string) => string;
  now: number;
}

/** "Made by the assistant in “Draw three circles” · 2 min ago", and "Moved by Ann". */
export function attributionOf(shape: Shape, around: Surroundings): string[] {
  const maker = around.name(shape.by);
  const prompt = shape.run ? oneLine(around.prompt(shape.run), 40) : '';
  const verb = shape.draft ? 'Proposed' : 'Made';
  const by = maker ? `${verb} by ${maker}` : verb;
  const made = [
    prompt ? `${by} in “${prompt}”` : maker ? by : '',
    shape.at > 0 ? (maker || prompt ? ago(shape.at, around.now) : `${verb} ${ago(shape.at, around.now)}`) : '',
  ].filter(Boolean);
  const lines = made.length ? [made.join(' · ')] : [];
  const deeds = new Map<string, string[]>();
  for (const [deed, fields] of DEEDS) {
    // Of two fields that are written together the later write is the newer one, as far as one writer goes.
    const stamps = fields.flatMap((field) => around.stamp(field) ?? []);
    const others = stamps.map((stamp) => around.writer(stamp.client)).filter((name) => name !== null && name !== maker);
    const [other] = others;
    if (other) deeds.set(other, [...(deeds.get(other) ?? []), deed]);
  }
  for (const [name, done] of deeds) lines.push(`${sentence(done)} by ${name}`);
  return lines;
}

const sentence = (deeds: readonly string[]): string => listed(deeds.map((deed, i) => (i ? deed.toLowerCase() : deed)));
