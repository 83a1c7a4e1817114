/** What the service worker answers itself: the page and its built files. Everything else is none of its business. */

/** How a request is answered. */
export type Plan =
  /** from the network; without one, or when the server is in trouble, this page of the shell */
  | { kind: 'page'; shell: string }
  /** a file whose name holds the hash of its content: the copy is as good as the file */
  | { kind: 'hashed' }
  /** from the network, else the copy */
  | { kind: 'plain' };

interface Asked {
  method: string;
  /** `navigate` when the browser opens a page */
  mode: string;
  url: string;
}

const HASHED = /^\/assets\/.+-[\w-]{8}\.\w+$/;

/** Whether a built file never changes under its name. */
export const isHashed = (path: string): boolean => HASHED.test(path);

/** Null: the browser asks the network as if there were no worker. So it is with documents, sync and REST, always. */
export function planFor(asked: Asked, origin: string): Plan | null {
  const url = new URL(asked.url);
  if (asked.method !== 'GET' || url.origin !== origin) return null;
  const { pathname } = url;
  if (asked.mode === 'navigate') {
    if (pathname === '/') return { kind: 'page', shell: '/index.html' };
    return /^\/r\/./.test(pathname) ? { kind: 'page', shell: '/board.html' } : null;
  }
  if (!pathname.startsWith('/assets/')) return null;
  return { kind: isHashed(pathname) ? 'hashed' : 'plain' };
}

/** Of the shells in this browser, oldest first, those to remove: pages opened before the last build still use its files. */
export function outdated(shells: readonly string[], own: string): string[] {
  return shells.filter((name) => name !== own).slice(0, -1);
}
