/**
 * This browser's copy of a room, in IndexedDB. What this page did is written at once; what came from others is written
 * a few times a second, merged: the server has it, and a transaction for each of an assistant's messages costs more
 * than drawing what it says.
 */
import { IndexeddbPersistence } from 'y-indexeddb';
import * as Y from 'yjs';

/** How long others' changes may wait. */
export const GATHER_MS = 300;

export class Copy extends IndexeddbPersistence {
  readonly #waiting: Uint8Array[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(name: string, doc: Y.Doc) {
    super(name, doc);
    const store = this._storeUpdate;
    const flush = (): void => {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      if (this.#waiting.length) store(Y.mergeUpdates(this.#waiting.splice(0)), null);
    };
    doc.off('update', store);
    const gather = (update: Uint8Array, origin: unknown, _doc: Y.Doc, transaction: Y.Transaction): void => {
      if (origin === this) return;
      this.#waiting.push(update);
      if (transaction.local) flush();
      else this.#timer ??= setTimeout(flush, GATHER_MS);
    };
    this._storeUpdate = gather as typeof store; // under its name: `destroy` takes the listener of that name off
    doc.on('update', gather);
    addEventListener('pagehide', flush);
  }
}
