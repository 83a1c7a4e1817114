import { describe, expect, it } from 'vitest';
import { claimed, sharesOf } from './access';

const token = (claims: unknown): string =>
  `h.${btoa(JSON.stringify(claims)).replaceAll('+', '-').replaceAll('/', '_')}.s`;

describe('what a page may give away', () => {
  it('is everything on a server that asks for no tokens', () => {
    expect(sharesOf(null, true)).toEqual({ kind: 'open' });
  });

  it('is a link of any role for an admin, and for others the link they have', () => {
    expect(sharesOf(token({ access: 'admin' }), true)).toEqual({ kind: 'roles' });
    expect(sharesOf(token({ access: 'write' }), true)).toEqual({ kind: 'own', role: 'write' });
    expect(sharesOf(token({ access: 'write' }), false)).toEqual({ kind: 'own', role: 'read' });
    expect(sharesOf(token({ access: 'comment' }), false)).toEqual({ kind: 'own', role: 'comment' });
  });

  it.each(['', 'x', 'a.b', 'a.%.c', token(null), token(7), token({ access: 1 })])('knows nothing from %j', (odd) => {
    expect(claimed(odd)).toBeNull();
  });
});
