/** The assistant's words: plain text with **bold** and `code`, which models write whether asked or not. Never HTML. */
import type { JSX } from 'preact';

const MARK = /(\*\*[^*\n]+\*\*|`[^`\n]+`)/;

export function Prose({ text, streaming = false }: { text: string; streaming?: boolean }): JSX.Element {
  return (
    <p class="prose" data-streaming={streaming || undefined}>
      {text.split(MARK).map((part, i) => {
        if (i % 2 === 0) return part;
        return part.startsWith('`') ? (
          <code key={i}>{part.slice(1, -1)}</code>
        ) : (
          <strong key={i}>{part.slice(2, -2)}</strong>
        );
      })}
    </p>
  );
}
