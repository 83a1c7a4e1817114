/** Who this person is: kept in this browser until somebody signs in. */
import { signal } from '@preact/signals';
import type { Person } from './board';
import { newId } from './canvas';
import { remembered } from './ui/storage';

/** Violet is the assistant's. */
export const PEOPLE_COLOURS = ['#0F766E', '#B4460A', '#1D5FD1', '#BE185D', '#4D7C0F', '#A16207', '#0E7490'] as const;
const FIRST = [
  'Amber',
  'Bold',
  'Calm',
  'Deft',
  'Eager',
  'Fond',
  'Glad',
  'Keen',
  'Lucky',
  'Merry',
  'Neat',
  'Quick',
  'Swift',
  'Warm',
];
const SECOND = [
  'Badger',
  'Crane',
  'Dove',
  'Finch',
  'Fox',
  'Heron',
  'Ibis',
  'Lynx',
  'Marten',
  'Otter',
  'Robin',
  'Seal',
  'Swan',
  'Wren',
];
const KEY = 'coplayer:me';
export const LONGEST_NAME = 40;

/** FNV-1a: the same person has the same colour on every screen. */
export function colourOf(id: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return PEOPLE_COLOURS[(hash >>> 0) % PEOPLE_COLOURS.length]!;
}

const chosen = (colour: unknown): string | null => PEOPLE_COLOURS.find((each) => each === colour) ?? null;

function keep({ id, name, color }: Person): void {
  remembered.set(KEY, JSON.stringify({ id, name, color }));
}

function load(): Person {
  try {
    const stored: unknown = JSON.parse(remembered.get(KEY) ?? 'null');
    if (stored && typeof stored === 'object' && 'id' in stored && 'name' in stored) {
      const id = String(stored.id);
      const color = chosen('color' in stored && stored.color) ?? colourOf(id);
      return { id, name: String(stored.name).slice(0, LONGEST_NAME), color, kind: 'human' };
    }
  } catch {
    // A broken entry counts as none: the person gets a new name below.
  }
  const pick = (words: readonly string[]): string => words[Math.floor(Math.random() * words.length)]!;
  const id = `u_${newId()}`;
  const person: Person = { id, name: `${pick(FIRST)} ${pick(SECOND)}`, color: colourOf(id), kind: 'human' };
  keep(person);
  return person;
}

export const me = signal<Person>(load());

/** Changes what others see of this person; an empty name leaves the name as it is. */
export function present(name: string, colour: string): void {
  const clean = name.trim().slice(0, LONGEST_NAME) || me.peek().name;
  me.value = { ...me.peek(), name: clean, color: chosen(colour) ?? me.peek().color };
  keep(me.peek());
}
