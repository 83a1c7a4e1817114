/** Links to a board, and what they allow. Tokens are the server's: it reads and makes them, a page only passes them on. */

export type Role = 'read' | 'comment' | 'write';

/** What this page may give away. `own`: only the link it was opened with. */
export type Shares = { kind: 'open' } | { kind: 'roles' } | { kind: 'own'; role: Role };

/** The access that a token claims; the server decides whether that is true. */
export function claimed(token: string | null): string | null {
  const payload = token?.split('.')[1];
  if (!payload) return null;
  try {
    const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
    const access = (claims as { access?: unknown } | null)?.access;
    return typeof access === 'string' ? access : null;
  } catch {
    return null; // not a token of ours: nothing is known
  }
}

export function sharesOf(token: string | null, canWrite: boolean): Shares {
  if (!token) return { kind: 'open' };
  if (claimed(token) === 'admin') return { kind: 'roles' };
  if (canWrite) return { kind: 'own', role: 'write' };
  return { kind: 'own', role: claimed(token) === 'comment' ? 'comment' : 'read' };
}

/** The address of a board with a token in it, without what else stood there. */
export function linkWith(token: string | null): string {
  const query = token ? `?token=${encodeURIComponent(token)}` : '';
  return `${location.origin}${location.pathname}${query}`;
}

/** Has the server make a link with a role. Throws with a sentence for people. */
export async function makeLink(path: string, token: string, role: Role): Promise<string> {
  const answer = await fetch(`/api/rooms/${path}/tokens`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ access: role }),
  });
  const body = (await answer.json()) as { token?: unknown; detail?: unknown };
  if (typeof body.token === 'string') return linkWith(body.token);
  throw new Error(typeof body.detail === 'string' ? body.detail : `the server answered ${answer.status}`);
}
