/**
 * What the chip says, from acknowledgements and not from the socket (a stalled socket looks open for half a minute).
 * Pure: events and times come in, a SaveStatus goes out.
 */
import type { SaveStatus } from './board';

/** Quiet until then, so that the chip does not flicker on each gesture of a healthy connection. */
export const SAVING_AFTER_MS = 400;
/** No confirmation for this long means that the network is gone, whatever the socket says. */
export const STALLED_AFTER_MS = 3000;
/** A closed socket with nothing to send is "Reconnecting..." for this long, then "Offline". */
export const RECONNECT_GRACE_MS = 3000;

export interface SaveFacts {
  /** gestures made and confirmed as durable on the server */
  made: number;
  acked: number;
  /** when the oldest unconfirmed one was made, ms */
  oldestAt: number | null;
  /** socket open and both first sync messages exchanged */
  connected: boolean;
  /** when it stopped being so, ms; null before the first connection */
  lostAt: number | null;
  /** `navigator.onLine` */
  online: boolean;
  readOnly: boolean;
  /** everything but comments is read-only */
  commentsOnly: boolean;
  /** a reason for people: the server closed for good, or refused */
  refused: string | null;
  /** the server cannot write to its disk just now */
  serverStorage: string | null;
  /** this browser's own database failed */
  localStorage: string | null;
}

export const INITIAL: SaveFacts = {
  made: 0,
  acked: 0,
  oldestAt: null,
  connected: false,
  lostAt: null,
  online: true,
  readOnly: false,
  commentsOnly: false,
  refused: null,
  serverStorage: null,
  localStorage: null,
};

const changes = (count: number): string => `${count} ${count === 1 ? 'change' : 'changes'}`;

/** The chip for these facts at this moment. */
export function chip(facts: SaveFacts, now: number): SaveStatus {
  const pending = facts.made - facts.acked;
  const kept = facts.localStorage
    ? `They are only in this tab (${facts.localStorage}). Do not close it.`
    : 'They are kept in this browser and will be sent by themselves.';
  if (facts.refused !== null) {
    return { state: 'error', pending, text: `Cannot save: ${facts.refused}`, detail: pending ? kept : facts.refused };
  }
  if (facts.readOnly) {
    return {
      state: 'read-only',
      pending: 0,
      text: 'Read only',
      detail: 'You can look at this board but not change it.',
    };
  }
  if (facts.serverStorage !== null && pending) {
    return { state: 'error', pending, text: `Cannot save: ${facts.serverStorage}`, detail: kept };
  }
  if (facts.localStorage !== null && pending && !facts.connected) {
    return { state: 'error', pending, text: `Cannot save: ${facts.localStorage}`, detail: kept };
  }
  const waiting = facts.oldestAt === null ? 0 : now - facts.oldestAt;
  const lost = !facts.connected || !facts.online;
  if (pending && (lost || waiting >= STALLED_AFTER_MS)) {
    return { state: 'offline', pending, text: `Offline · ${changes(pending)} to send`, detail: kept };
  }
  if (lost) {
    const gone = facts.lostAt !== null && now - facts.lostAt >= RECONNECT_GRACE_MS;
    if (!facts.online || gone) {
      return {
        state: 'offline',
        pending,
        text: 'Offline',
        detail: 'Everything up to now is saved. What you change meanwhile is kept in this browser.',
      };
    }
    const text = facts.lostAt === null ? 'Connecting…' : 'Reconnecting…';
    return { state: 'reconnecting', pending, text, detail: 'Looking for the server.' };
  }
  if (pending && waiting >= SAVING_AFTER_MS) {
    return { state: 'saving', pending, text: 'Saving…', detail: 'Waiting until the server has written it to disk.' };
  }
  if (facts.commentsOnly) {
    const detail = 'You can comment on this board, not change it. Your comments are on the disk of the server.';
    return { state: 'saved', pending, text: 'Comments only', detail };
  }
  return { state: 'saved', pending, text: 'Saved', detail: 'Everything is on the disk of the server.' };
}

/** When the chip changes by itself next, ms from now; null when only an event can change it. */
export function nextChange(facts: SaveFacts, now: number): number | null {
  const edges: number[] = [];
  if (facts.oldestAt !== null) edges.push(facts.oldestAt + SAVING_AFTER_MS, facts.oldestAt + STALLED_AFTER_MS);
  if (facts.lostAt !== null && !facts.connected) edges.push(facts.lostAt + RECONNECT_GRACE_MS);
  const ahead = edges.map((edge) => edge - now).filter((wait) => wait > 0);
  return ahead.length ? Math.min(...ahead) : null;
}
