/** What of the past this person looks at instead of the board; the code for it comes when there is something. */
import { signal } from '@preact/signals';

export type Looking = { kind: 'versions' } | { kind: 'replay'; run: string };

export const looking = signal<Looking | null>(null);
