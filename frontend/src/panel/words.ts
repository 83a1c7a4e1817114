/** What the panel says, as pure functions of numbers and names. */

/** "1 change", "2 changes". */
export const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;

/** 1st, 2nd, 3rd, 4th ... 11th, 12th, 13th. */
export function ordinal(n: number): string {
  const teen = n % 100 >= 11 && n % 100 <= 13;
  const suffix = teen ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th');
  return `${n}${suffix}`;
}

/** A time span for people: 0.4 s, 12.3 s, 2 min 5 s. Never negative: clocks of two machines differ. */
export function duration(ms: number): string {
  const tenths = Math.max(0, Math.round(ms / 100));
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(tenths / 10);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago, for people: now, 2 min ago, 3 h ago, yesterday, 5 days ago, then the date. */
export function ago(at: number, now: number): string {
  const age = now - at;
  if (age < 45_000) return 'now';
  if (age < HOUR) return `${Math.max(1, Math.round(age / MINUTE))} min ago`;
  if (age < DAY) return `${Math.round(age / HOUR)} h ago`;
  if (age < 2 * DAY) return 'yesterday';
  if (age < 7 * DAY) return `${Math.floor(age / DAY)} days ago`;
  const year = new Date(at).getFullYear() === new Date(now).getFullYear() ? undefined : 'numeric';
  return new Date(at).toLocaleDateString(undefined, { day: 'numeric', month: 'short', year });
}

/** The moment in full, for a tooltip. */
export const moment = (at: number): string =>
  at > 0 ? new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }) : '';

/** One line of at most `limit` characters. */
export function oneLine(value: string, limit = 60): string {
  const line = value.replace(/\s+/g, ' ').trim();
  return line.length <= limit ? line : `${line.slice(0, limit - 1).trimEnd()}…`;
}

/** The first letter large. */
export const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** "a", "a and b", "a, b and c". */
export function listed(items: readonly string[]): string {
  if (items.length < 2) return items[0] ?? '';
  return `${items.slice(0, -1).join(', ')} and ${items[items.length - 1]}`;
}

/** "940 tokens", "12.3k tokens · cost 0.021": what a run has used. */
export function usageWords({ input, output, cost }: { input: number; output: number; cost: number }): string {
  const tokens = input + output;
  const short = tokens < 1000 ? String(tokens) : `${(tokens / 1000).toFixed(tokens < 100_000 ? 1 : 0)}k`;
  // The currency is the operator's, who wrote the prices; two digits that say something.
  return cost > 0 ? `${short} tokens · cost ${Number(cost.toPrecision(2))}` : `${short} tokens`;
}

const FIELD_WORDS: Readonly<Record<string, string>> = {
  x: 'position',
  y: 'position',
  w: 'size',
  h: 'size',
  rotation: 'rotation',
  fill: 'colour',
  stroke: 'line colour',
  stroke_width: 'line width',
  opacity: 'opacity',
  dashed: 'line style',
  text: 'text',
  font_size: 'text size',
  text_align: 'text alignment',
  from: 'start',
  to: 'end',
  points: 'line',
  z: 'layer',
  parent: 'frame',
  group: 'group',
  locked: 'lock',
};

/** A field in people's words; x and y are both "position". */
export const fieldWord = (field: string): string => FIELD_WORDS[field] ?? field.replaceAll('_', ' ');
