import { describe, expect, it } from 'vitest';
import {
  chip,
  INITIAL,
  nextChange,
  RECONNECT_GRACE_MS,
  SAVING_AFTER_MS,
  type SaveFacts,
  STALLED_AFTER_MS,
} from '../src/status';

const online: SaveFacts = { ...INITIAL, connected: true };
const now = 1_000_000;

describe('the chip', () => {
  it('says Saved only when the server has confirmed everything, or a moment before it says otherwise', () => {
    expect(chip({ ...online, made: 3, acked: 3 }, now)).toMatchObject({ state: 'saved', pending: 0 });
    const fresh = { ...online, made: 4, acked: 3, oldestAt: now };
    expect(chip(fresh, now)).toMatchObject({ state: 'saved', pending: 1 });
    expect(chip(fresh, now + SAVING_AFTER_MS)).toMatchObject({ state: 'saving', pending: 1 });
  });
  it('says what one may do where only comments are saved, and is as honest about them', () => {
    const commenting = { ...online, commentsOnly: true };
    expect(chip(commenting, now)).toMatchObject({ state: 'saved', pending: 0, text: 'Comments only' });
    const lost = { ...commenting, made: 1, oldestAt: now, connected: false };
    expect(chip(lost, now)).toMatchObject({ state: 'offline', text: 'Offline · 1 change to send' });
    expect(chip({ ...commenting, readOnly: true }, now).state).toBe('read-only');
  });
  it('does not believe an open socket that confirms nothing', () => {
    const stalled = { ...online, made: 2, oldestAt: now };
    expect(chip(stalled, now + STALLED_AFTER_MS)).toMatchObject({
      state: 'offline',
      text: 'Offline · 2 changes to send',
    });
  });
  it('counts changes as soon as the socket is closed', () => {
    const closed = { ...online, connected: false, lostAt: now, made: 1, oldestAt: now };
    expect(chip(closed, now)).toMatchObject({ state: 'offline', text: 'Offline · 1 change to send' });
  });
  it('reconnects quietly for a while, then says Offline', () => {
    const closed = { ...online, connected: false, lostAt: now };
    expect(chip(closed, now).state).toBe('reconnecting');
    expect(chip(closed, now + RECONNECT_GRACE_MS).state).toBe('offline');
  });
  it('believes the window when it says that there is no network', () => {
    expect(chip({ ...online, online: false }, now).state).toBe('offline');
  });
  it('says why it cannot save, and where the edits are', () => {
    const refused = chip({ ...online, refused: 'this board was deleted', made: 1 }, now);
    expect(refused).toMatchObject({ state: 'error', text: 'Cannot save: this board was deleted', pending: 1 });
    expect(refused.detail).toMatch(/kept in this browser/);
    const lost = chip({ ...online, connected: false, localStorage: 'no room', made: 1 }, now);
    expect(lost.detail).toMatch(/only in this tab/);
  });
  it('has nothing to save when it is read only', () => {
    expect(chip({ ...online, readOnly: true, made: 1 }, now)).toMatchObject({ state: 'read-only', pending: 0 });
  });
});

it('knows when it will change by itself', () => {
  expect(nextChange(online, now)).toBeNull();
  expect(nextChange({ ...online, made: 1, oldestAt: now }, now)).toBe(SAVING_AFTER_MS);
  expect(nextChange({ ...online, made: 1, oldestAt: now }, now + 1000)).toBe(STALLED_AFTER_MS - 1000);
  expect(nextChange({ ...online, connected: false, lostAt: now }, now)).toBe(RECONNECT_GRACE_MS);
});
