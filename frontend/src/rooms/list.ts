/** The room list's state and what changes it. The list on screen is never ahead of what the server said. */
import { computed, signal } from '@preact/signals';
import { ApiError, createRoom, deleteRoom, listRooms, type Room, renameRoom } from './api';

export const MAX_TITLE = 200;
/** From this many boards on a search field helps. */
const MANY = 8;

/** null until the first answer. */
export const rooms = signal<readonly Room[] | null>(null);
/** Why the list may be out of date, a sentence; '' when all is well. */
export const trouble = signal('');
export const query = signal('');
export const creating = signal(false);

const fold = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

/** Rooms whose name or address holds every word of the query, last edited first. */
export function matching(all: readonly Room[], words: string): Room[] {
  const wanted = fold(words).split(/\s+/u).filter(Boolean);
  return all
    .filter((room) => wanted.every((word) => fold(`${room.title} ${room.room}`).includes(word)))
    .sort((a, b) => b.editedAt - a.editedAt || (a.room < b.room ? -1 : 1));
}

export const shown = computed(() => matching(rooms.value ?? [], query.value));
export const isSearchable = computed(() => (rooms.value?.length ?? 0) >= MANY);

/** Runs a request; its failure becomes the page's sentence. Returns whether it worked. */
async function attempt(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    trouble.value = '';
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    trouble.value = error.message;
    return false;
  }
}

export const refresh = (): Promise<boolean> =>
  attempt(async () => {
    rooms.value = await listRooms();
  });

/** Makes a board; returns its room, null when that failed. */
export async function create(): Promise<string | null> {
  if (creating.peek()) return null;
  creating.value = true;
  let made: string | null = null;
  await attempt(async () => {
    made = await createRoom();
  });
  creating.value = false;
  return made;
}

export const rename = (room: Room, title: string): Promise<boolean> =>
  attempt(async () => {
    const wanted = title.trim().slice(0, MAX_TITLE);
    if (wanted === '' || wanted === room.title) return;
    await renameRoom(room.room, wanted);
    rooms.value = rooms.peek()?.map((each) => (each.room === room.room ? { ...each, title: wanted } : each)) ?? null;
  });

export const remove = (room: Room): Promise<boolean> =>
  attempt(async () => {
    await deleteRoom(room.room);
    rooms.value = rooms.peek()?.filter((each) => each.room !== room.room) ?? null;
  });
