/**
 * Who wrote under which Yjs client id, as this browser has seen it: a client id lasts as long as a page, and presence
 * tells whose page it is. Kept for later visits; the assistant's ids are told by their size (docs/spec.md, G7).
 */
import { remembered } from '../ui/storage';

/** Client ids below this are assistants' (D4). */
const ASSISTANTS_BELOW = 2 ** 20;
/** Pages remembered for one board, the newest. */
const MOST = 300;

export type Writer = readonly [client: number, id: string, name: string];

export class Writers {
  readonly #known = new Map<number, Writer>();
  readonly #key: string;

  constructor(room: string) {
    this.#key = `coplayer:writers:${room}`;
    for (const row of load(this.#key)) this.#known.set(row[0], row);
  }

  /** Somebody is here under this client id. */
  met(client: number, id: string, name: string): void {
    const known = this.#known.get(client);
    if (known?.[1] === id && known[2] === name) return;
    this.#known.delete(client);
    this.#known.set(client, [client, id, name]);
    const rows = [...this.#known.values()].slice(-MOST);
    remembered.set(this.#key, JSON.stringify(rows));
  }

  /** The user id and name behind a client id; null when that page was never seen here. */
  of(client: number): { id: string; name: string } | null {
    const known = this.#known.get(client);
    if (known) return { id: known[1], name: known[2] };
    return client < ASSISTANTS_BELOW ? { id: 'assistant', name: 'the assistant' } : null;
  }
}

function load(key: string): Writer[] {
  try {
    const rows: unknown = JSON.parse(remembered.get(key) ?? '[]');
    return Array.isArray(rows) ? rows.filter(isWriter).slice(-MOST) : [];
  } catch {
    return []; // a broken entry counts as none
  }
}

const isWriter = (row: unknown): row is Writer =>
  Array.isArray(row) && typeof row[0] === 'number' && typeof row[1] === 'string' && typeof row[2] === 'string';
