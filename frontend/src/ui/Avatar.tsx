import { Sparkles } from 'lucide-preact';
import type { JSX } from 'preact';
import type { Person } from '../board';

/** "Mina Kim" -> MK, "mina" -> MI. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const letters = words.length > 1 ? words.slice(0, 2).map((w) => [...w][0] ?? '') : [...(words[0] ?? '?')].slice(0, 2);
  return letters.join('').toUpperCase();
}

/** A round picture with initials, which are drawn and not written: what it labels says the name; the assistant's is a rounded square with a spark. */
export function Avatar({ person, size = 26 }: { person: Person; size?: number }): JSX.Element {
  const style: JSX.CSSProperties = { width: `${size}px`, height: `${size}px` };
  if (person.kind === 'agent') {
    return (
      <span class="avatar" data-kind="agent" style={style} aria-hidden="true">
        <Sparkles size={Math.round(size * 0.58)} strokeWidth={2} />
      </span>
    );
  }
  return (
    <span
      class="avatar"
      data-kind="human"
      data-initials={initials(person.name)}
      style={{ ...style, background: person.color }}
      aria-hidden="true"
    />
  );
}
