import { describe, expect, it } from 'vitest';
import { isHashed, outdated, planFor } from './shell';

const HERE = 'https://boards.example';
const get = (path: string, mode = 'cors') => planFor({ method: 'GET', mode, url: HERE + path }, HERE);

describe('the service worker', () => {
  it('opens the list and any board from the shell when there is no network', () => {
    expect(get('/', 'navigate')).toEqual({ kind: 'page', shell: '/index.html' });
    expect(get('/r/team/board?token=secret', 'navigate')).toEqual({ kind: 'page', shell: '/board.html' });
  });

  it('leaves documents, sync and everything else that people made to the network', () => {
    for (const path of ['/api/rooms', '/api/rooms/a/export.png', '/sync/a', '/demo/v1/models', '/r/', '/healthz']) {
      expect(get(path)).toBeNull();
      expect(get(path, 'navigate')).toBeNull();
    }
    expect(planFor({ method: 'POST', mode: 'navigate', url: `${HERE}/r/a` }, HERE)).toBeNull();
    expect(
      planFor({ method: 'GET', mode: 'cors', url: 'https://elsewhere.example/assets/a-12345678.js' }, HERE),
    ).toBeNull();
  });

  it('trusts the copy of a file only when its name holds a hash', () => {
    expect(get('/assets/board-Dx4kXJAl.js')).toEqual({ kind: 'hashed' });
    expect(get('/assets/inter-latin-wght-normal-Dx4kX_A-.woff2')).toEqual({ kind: 'hashed' });
    expect(get('/assets/theme.js')).toEqual({ kind: 'plain' });
    expect(isHashed('/assets/favicon.svg')).toBe(false);
  });

  it('keeps the files of the build before, which open pages still ask for', () => {
    expect(outdated(['s-1', 's-2', 's-3'], 's-3')).toEqual(['s-1']);
    expect(outdated(['s-1'], 's-1')).toEqual([]);
    expect(outdated(['s-2', 's-1', 's-3'], 's-2')).toEqual(['s-1']);
  });
});
