/** The room list's requests. Every failure is an `ApiError` whose message is a sentence for people. */

export interface Room {
  room: string;
  title: string;
  people: number;
  /** ms; 0 when the server does not say */
  editedAt: number;
}

export class ApiError extends Error {}

const PATIENCE_MS = 15_000; // a server that has not answered by then is told of as not answering

type Plain = Record<string, unknown>;
const isPlain = (value: unknown): value is Plain => typeof value === 'object' && value !== null;

/** Each part of the name encoded; `/` between parts is part of a room's address. */
export const roomPath = (room: string): string => room.split('/').map(encodeURIComponent).join('/');

/** The board's page, with the token that let us in. */
export const boardUrl = (room: string): string => `/r/${roomPath(room)}${location.search}`;

/** What went wrong, from a problem document (RFC 9457) or the status alone. */
export function sentenceFor(status: number, body: unknown): string {
  const detail = isPlain(body) && typeof body.detail === 'string' ? body.detail : '';
  if (detail) return detail;
  if (status === 401) return 'You need a link with a token to see the boards here.';
  if (status === 403) return 'You may not do that here.';
  if (status === 404) return 'That board is not there any more.';
  if (status >= 500) return `The server had trouble (${status}). Try again in a moment.`;
  return `The server said no (${status}).`;
}

export async function request(method: string, path: string, body?: object): Promise<Response> {
  const token = new URLSearchParams(location.search).get('token');
  const headers: Record<string, string> = {
    ...(body ? { 'content-type': 'application/json' } : {}),
    ...(token ? { authorization: `Bearer ${token}` } : {}),
  };
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  } catch (error) {
    const late = error instanceof DOMException && error.name === 'TimeoutError';
    throw new ApiError(late ? 'The server does not answer.' : 'The server cannot be reached. Is it running?');
  }
  if (response.ok) return response;
  const problem: unknown = await response.json().catch(() => null);
  throw new ApiError(sentenceFor(response.status, problem));
}

export async function json(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    throw new ApiError('The server answered with something that this page does not understand.');
  }
}

/** Rooms out of the server's answer; entries that make no sense are left out. */
export function readRooms(body: unknown): Room[] {
  const rows = isPlain(body) && Array.isArray(body.rooms) ? body.rooms : [];
  return rows.filter(isPlain).flatMap((row) => {
    if (typeof row.room !== 'string' || row.room === '') return [];
    const edited = typeof row.edited_at === 'number' ? row.edited_at : row.created_at;
    return {
      room: row.room,
      title: typeof row.title === 'string' ? row.title : '',
      people: typeof row.people === 'number' ? row.people : 0,
      editedAt: typeof edited === 'number' ? edited : 0,
    };
  });
}

export const listRooms = async (): Promise<Room[]> => readRooms(await json(await request('GET', '/api/rooms')));

/** Makes a board and returns its room. */
export async function createRoom(): Promise<string> {
  const body = await json(await request('POST', '/api/rooms', {}));
  if (isPlain(body) && typeof body.room === 'string') return body.room;
  throw new ApiError('The server made a board but did not say where.');
}

export const renameRoom = async (room: string, title: string): Promise<void> => {
  await request('PATCH', `/api/rooms/${roomPath(room)}`, { title });
};

export const deleteRoom = async (room: string): Promise<void> => {
  await request('DELETE', `/api/rooms/${roomPath(room)}`);
};

/** The document as JSON: root type -> entries. */
export const readDocument = async (room: string): Promise<unknown> =>
  json(await request('GET', `/api/rooms/${roomPath(room)}/doc`));
