/** A room's versions, as the server keeps them. Failures are an `ApiError` with a sentence for people. */
import { json, request, roomPath } from '../rooms/api';
import { type Shapes, shapesOf } from './moments';

export interface Version {
  id: number;
  name: string;
  author: string;
  at: number;
  isAutomatic: boolean;
}

type Plain = Record<string, unknown>;
const isPlain = (value: unknown): value is Plain => typeof value === 'object' && value !== null;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function readVersion(value: unknown): Version[] {
  if (!isPlain(value) || typeof value.id !== 'number' || typeof value.at !== 'number') return [];
  const { id, at } = value;
  return [{ id, at, name: text(value.name), author: text(value.author), isAutomatic: value.is_automatic === true }];
}

const address = (room: string, rest = ''): string => `/api/rooms/${roomPath(room)}/versions${rest}`;

/** Oldest first. */
export async function listVersions(room: string): Promise<Version[]> {
  const body = await json(await request('GET', address(room)));
  const rows = isPlain(body) && Array.isArray(body.versions) ? body.versions : [];
  return rows.flatMap(readVersion).reverse();
}

export async function shapesOfVersion(room: string, id: number): Promise<Shapes> {
  const body = await json(await request('GET', address(room, `/${id}`)));
  return shapesOf(isPlain(body) ? body.document : null);
}

/** Keeps the document as it stands on the server. */
export async function keepVersion(room: string, name: string): Promise<Version | null> {
  return readVersion(await json(await request('POST', address(room), { name })))[0] ?? null;
}

/** Gives it a name; an automatic version stays from then on. */
export async function renameVersion(room: string, id: number, name: string): Promise<Version | null> {
  return readVersion(await json(await request('PATCH', address(room, `/${id}`), { name })))[0] ?? null;
}

export async function restoreVersion(room: string, id: number): Promise<void> {
  await request('POST', address(room, `/${id}/restore`), {});
}

const MOST_ROWS = 1000; // one page of the log; who changed more than that since a version is named in part

/** Whose change reached the log, and when, ms. */
export interface Deed {
  author: string;
  at: number;
}

/** What is left of the log, newest first; without an author where nobody signs in. */
export async function listDeeds(room: string): Promise<Deed[]> {
  const body = await json(await request('GET', `/api/rooms/${roomPath(room)}/activity?limit=${MOST_ROWS}`));
  const rows = isPlain(body) && Array.isArray(body.rows) ? body.rows.filter(isPlain) : [];
  return rows.flatMap((row) => (typeof row.at === 'number' ? { author: text(row.author), at: row.at } : []));
}
