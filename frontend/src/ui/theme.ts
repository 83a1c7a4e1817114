/** Light, dark or the system's. Kept in this browser; `board.html` applies it before the first paint. */
import { signal } from '@preact/signals';
import { remembered } from './storage';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'coplayer:theme';

function stored(): Theme {
  const value = remembered.get(KEY);
  return value === 'light' || value === 'dark' ? value : 'system';
}

export const theme = signal<Theme>(stored());

export function setTheme(next: Theme): void {
  theme.value = next;
  if (next === 'system') {
    remembered.remove(KEY);
    delete document.documentElement.dataset.theme;
  } else {
    remembered.set(KEY, next);
    document.documentElement.dataset.theme = next;
  }
}
