/**
 * A room as this page holds it: the Y.Doc, its copy in IndexedDB, the connection, and what is saved where.
 *
 * "Saved" comes from message 102: after each gesture a marker is sent, and the server echoes it when everything before
 * it is on disk. Markers go out only after this connection has answered the server's sync step 1, because before that
 * what was made offline is not on its way. Wire: docs/spec.md, sections W and C.
 */
import { type ReadonlySignal, signal } from '@preact/signals';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import type { Awareness } from 'y-protocols/awareness';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import type { SaveStatus } from './board';
import { Copy } from './copy';
import { CloseCode, MessageType } from './protocol.gen';
import { chip, INITIAL, nextChange, type SaveFacts } from './status';
import { remembered } from './ui/storage';

/** Why the server closed for good, for people, when it gave no reason. */
const CLOSE_WORDS: Record<number, string> = {
  [CloseCode.MALFORMED]: 'this page and the server do not understand each other. Reload the page',
  [CloseCode.UNAUTHORIZED]: 'sign in again',
  [CloseCode.FORBIDDEN]: 'you are not allowed to open this board',
  [CloseCode.NOT_FOUND]: 'this board was deleted',
  [CloseCode.SUPERSEDED]: 'a newer connection took this place',
  [CloseCode.TOO_BIG]: 'a change was too big',
  [CloseCode.REFUSED]: 'the server refused a change',
};

/** A Y transaction origin that means "came from IndexedDB" or "came from the server": not a gesture of this person. */
type Origin = unknown;

interface BoardEvent {
  type?: string;
  epoch?: string;
  access?: string;
  reason?: string;
  ok?: boolean;
}

export class Room {
  readonly doc = new Y.Doc();
  readonly provider: WebsocketProvider;
  readonly status: ReadonlySignal<SaveStatus>;
  readonly canWrite = signal(true);
  /** Add comments (messages without a run); who may write may that, too. */
  readonly canComment = signal(true);
  /** the server closed for good: with this code, for this reason (empty: it gave none) */
  readonly closed = signal<{ code: number; reason: string } | null>(null);
  /** the copy in this browser, or the server's answer, is in the document: it can be shown */
  readonly loaded = signal(false);

  readonly #status = signal<SaveStatus>(chip(INITIAL, 0));
  #facts: SaveFacts = { ...INITIAL, online: navigator.onLine };
  #persistence: Copy | null = null;
  #epoch: string | null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** unsent gestures as last remembered in this browser */
  #noted = 0;
  /** the server has said on this connection which room this is: our document may be sent */
  #isIn = false;
  /** this connection has answered the server's step 1: markers mean something */
  #handshake = false;

  constructor(
    readonly name: string,
    /** the room as it stands in the address, percent-encoded */
    readonly path: string,
    readonly token: string | null,
  ) {
    this.status = this.#status;
    this.#epoch = remembered.get(this.#key('epoch'));
    const server = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/sync`;
    const params: Record<string, string> = { coplayer: '1', ...(token ? { token } : {}) };
    this.provider = new WebsocketProvider(server, path, this.doc, { params, disableBc: true, connect: false });
    this.#listen();
    if (this.#epoch) this.#open(this.#epoch);
    const unsent = Number(remembered.get(this.#key('unsent')) ?? 0);
    if (unsent > 0) this.#change({ made: unsent, oldestAt: Date.now() });
    this.provider.connect();
  }

  get awareness(): Awareness {
    return this.provider.awareness;
  }

  /** Whether closing the page now could lose something. */
  get isAtRisk(): boolean {
    return this.#facts.made > this.#facts.acked && (this.#facts.localStorage !== null || !this.#persistence);
  }

  #key(what: string): string {
    return `coplayer:${what}:${this.name}`;
  }

  // ---- this browser's copy

  #open(epoch: string): void {
    if (typeof indexedDB === 'undefined') {
      this.#change({ localStorage: 'this browser keeps no data' });
      return;
    }
    const failed = (): void => this.#change({ localStorage: 'this browser keeps no data' });
    const persistence = new Copy(`coplayer:${this.name}:${epoch}`, this.doc);
    this.#persistence = persistence;
    persistence._db.catch(failed);
    persistence.whenSynced.then(() => {
      this.loaded.value = true;
      persistence.db?.addEventListener('error', failed); // a full disk shows here, transactions bubble their errors
    }, failed);
  }

  /** The server names the room's epoch: a room deleted and made anew is another room, its old copy is left alone. */
  #joined(epoch: string): void {
    this.#isIn = this.#epoch === null || this.#epoch === epoch;
    if (this.#epoch === epoch) return;
    remembered.set(this.#key('epoch'), epoch);
    if (this.#epoch !== null) {
      remembered.remove(this.#key('unsent'));
      this.provider.disconnect(); // before the old content is offered as an answer to the server's step 1
      location.reload();
      return;
    }
    this.#epoch = epoch;
    this.#open(epoch);
  }

  // ---- the wire

  #listen(): void {
    const { provider, doc } = this;
    const handlers = provider.messageHandlers;
    handlers[MessageType.SYNC_STATUS] = (_encoder, decoder) => {
      this.#acked(decoding.readVarUint(decoding.createDecoder(decoding.readVarUint8Array(decoder))));
    };
    handlers[MessageType.BOARD_EVENT] = (_encoder, decoder) => this.#event(JSON.parse(decoding.readVarString(decoder)));
    const sync = handlers[MessageType.SYNC]!;
    handlers[MessageType.SYNC] = (encoder, decoder, from, emitSynced, type) => {
      const isStep1 = decoder.arr[decoder.pos] === 0;
      sync(encoder, decoder, from, emitSynced, type);
      // y-websocket sends the reply when the handler has returned: the marker must come after it.
      if (isStep1) queueMicrotask(() => this.#answered());
    };
    // Nothing goes out before the server has named the room: of one deleted and made anew, the old copy may be read while
    // that is under way. What is held back goes with the answer to the server's step 1, which comes after the name.
    const send = provider._updateHandler;
    doc.off('update', send);
    provider._updateHandler = (update, origin) => {
      if (this.#isIn) send(update, origin);
    };
    doc.on('update', provider._updateHandler);
    // Registered after the provider's own listener, so the marker follows the update it stands for.
    doc.on('update', (_update: Uint8Array, origin: Origin, _doc: Y.Doc, transaction: Y.Transaction) => {
      if (transaction.local && this.#isGesture(origin)) this.#made();
    });
    provider.on('status', ({ status }) => {
      if (status === 'disconnected') this.#forgetClocks();
    });
    provider.on('sync', (synced: boolean) => {
      if (synced) this.loaded.value = true;
      this.#connected();
    });
    provider.on('connection-close', (event: CloseEvent | null) => {
      this.#lost();
      if (event && event.code >= 4400 && event.code < 4500) {
        this.#change({ refused: event.reason || (CLOSE_WORDS[event.code] ?? `code ${event.code}`) });
        this.canWrite.value = this.canComment.value = false;
        this.closed.value = { code: event.code, reason: event.reason };
      }
    });
    addEventListener('online', () => this.#change({ online: true }));
    addEventListener('offline', () => this.#change({ online: false }));
  }

  #isGesture(origin: Origin): boolean {
    return origin !== this.provider && origin !== this.#persistence;
  }

  #event(event: BoardEvent): void {
    switch (event.type) {
      case 'joined':
      case 'access':
        this.canWrite.value = event.access === 'write';
        this.canComment.value = event.access === 'write' || event.access === 'comment';
        this.#change({
          readOnly: !this.canComment.value,
          commentsOnly: event.access === 'comment',
          refused: event.reason ?? null,
        });
        if (typeof event.epoch === 'string') this.#joined(event.epoch);
        break;
      case 'refused':
        this.#change({ refused: event.reason ?? 'the server refused a change' });
        break;
      case 'storage':
        this.#change({ serverStorage: event.ok ? null : (event.reason ?? 'the server cannot write to its disk') });
        break;
    }
  }

  #made(): void {
    this.#change({ made: this.#facts.made + 1, oldestAt: this.#facts.oldestAt ?? Date.now() });
    if (this.#handshake) this.#mark();
  }

  #answered(): void {
    this.#handshake = true;
    this.#mark();
    this.#connected();
  }

  #mark(): void {
    const { ws } = this.provider;
    if (ws?.readyState !== WebSocket.OPEN) return;
    const marker = encoding.createEncoder();
    encoding.writeVarUint(marker, this.#facts.made);
    const message = encoding.createEncoder();
    encoding.writeVarUint(message, MessageType.SYNC_STATUS);
    encoding.writeVarUint8Array(message, encoding.toUint8Array(marker));
    ws.send(encoding.toUint8Array(message));
  }

  #acked(made: number): void {
    const acked = Math.min(Math.max(this.#facts.acked, made), this.#facts.made);
    this.#change({ acked, oldestAt: acked < this.#facts.made ? Date.now() : null });
  }

  #connected(): void {
    if (this.#handshake && this.provider.synced) this.#change({ connected: true, lostAt: null });
  }

  #lost(): void {
    this.#isIn = this.#handshake = false;
    // The first attempt may fail as well: a page that opened without a server says Offline in the end, too.
    if (this.#facts.connected || this.#facts.lostAt === null) this.#change({ connected: false, lostAt: Date.now() });
  }

  /** Only after y-websocket has told everybody that they are gone: that message still needs the clocks. */
  #forgetClocks(): void {
    // Otherwise y-protocols takes the states of people who are still here for old news until their clocks pass the
    // last one seen: they would be invisible for up to 17 s after a reconnect.
    for (const id of this.awareness.meta.keys()) {
      if (id !== this.doc.clientID) this.awareness.meta.delete(id);
    }
  }

  // ---- the chip

  #change(facts: Partial<SaveFacts>): void {
    this.#facts = { ...this.#facts, ...facts };
    const unsent = this.#facts.made - this.#facts.acked;
    if (unsent !== this.#noted) {
      // Only when it changes: another tab on this board has a count of its own under the same key.
      this.#noted = unsent;
      if (unsent > 0) remembered.set(this.#key('unsent'), String(unsent));
      else remembered.remove(this.#key('unsent'));
    }
    this.#show();
  }

  #show(): void {
    const now = Date.now();
    const next = chip(this.#facts, now);
    const shown = this.#status.peek();
    if (next.text !== shown.text || next.pending !== shown.pending || next.detail !== shown.detail) {
      this.#status.value = next;
    }
    clearTimeout(this.#timer);
    const wait = nextChange(this.#facts, now);
    if (wait !== null) this.#timer = setTimeout(() => this.#show(), wait + 1);
  }
}
