/** Components whose code comes after the first paint; until then nothing stands in their place. */
import { signal } from '@preact/signals';
import { type ComponentType, createElement, type JSX } from 'preact';
import { useEffect } from 'preact/hooks';

type Parts = typeof import('./parts');
const parts = signal<Parts | null>(null);
let isAsked = false;

/** Fetches them; another try follows when one is wanted and the server was away. */
export function fetchParts(): void {
  if (isAsked) return;
  isAsked = true;
  import('./parts').then(
    (found) => {
      parts.value = found;
    },
    () => {
      isAsked = false;
    },
  );
}

export function later<K extends keyof Parts>(name: K): Parts[K] {
  const Later = (props: object): JSX.Element | null => {
    useEffect(fetchParts, []);
    const found = parts.value;
    return found && createElement(found[name] as ComponentType<object>, props);
  };
  return Later as Parts[K];
}
