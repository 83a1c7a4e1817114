/**
 * The service worker: the page opens without a server once it has been here. It keeps the app's shell (HTML, scripts,
 * styles, fonts) and nothing of any board: documents rest in IndexedDB, which is the page's own.
 *
 * One cache a build. A page always comes whole from one build: HTML names its files by the hashes of their contents, and
 * what is kept of the HTML is what this build made (checked by its hash, should a newer one be put in place meanwhile). docs/spec.md, S14.
 */
import { outdated, planFor } from './shell';

interface Shell {
  /** hash of everything in it */
  version: string;
  /** path -> integrity, for files whose name holds no hash of them; null for the others */
  files: Record<string, string | null>;
}
/** Put in by the build (frontend/shell.build.ts). */
declare const __SHELL__: Shell;
const SHELL = __SHELL__;

interface Extendable extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Extendable {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Worker {
  readonly location: Location;
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install' | 'activate', listener: (event: Extendable) => void): void;
  addEventListener(type: 'fetch', listener: (event: Fetching) => void): void;
}
const worker = globalThis as unknown as Worker;

const PREFIX = 'coplayer-shell-';
const OWN = PREFIX + SHELL.version;
/** A network that has not brought the page by then is taken for none. */
const PATIENCE_MS = 4000;

async function install(): Promise<void> {
  const cache = await caches.open(OWN);
  const wanted = Object.entries(SHELL.files).map(([path, integrity]) =>
    integrity === null ? new Request(path) : new Request(path, { cache: 'reload', integrity }),
  );
  await cache.addAll(wanted); // all or none: a part of a shell is no shell
  await worker.skipWaiting();
}

async function activate(): Promise<void> {
  const shells = (await caches.keys()).filter((name) => name.startsWith(PREFIX));
  await Promise.all(outdated(shells, OWN).map((name) => caches.delete(name)));
  await worker.clients.claim();
}

const copyOf = (path: string): Promise<Response | undefined> => caches.match(path, { ignoreVary: true });

async function page(request: Request, shell: string): Promise<Response> {
  const kept = await (await caches.open(OWN)).match(shell, { ignoreVary: true });
  const asked = fetch(request);
  if (!kept) return asked;
  const late = new Promise<null>((resolve) => setTimeout(resolve, PATIENCE_MS, null));
  const answer = await Promise.race([asked.catch(() => null), late]);
  return answer && answer.status < 500 ? answer : kept;
}

/** A file of the shell, or a font or part that came later: kept for the next time. */
async function hashed(event: Fetching): Promise<Response> {
  const { pathname } = new URL(event.request.url);
  const kept = await copyOf(pathname);
  if (kept) return kept;
  const answer = await fetch(event.request);
  if (answer.ok) {
    const copy = answer.clone();
    // A full disk costs the copy, not the file.
    event.waitUntil(caches.open(OWN).then((cache) => cache.put(pathname, copy).catch(() => undefined)));
  }
  return answer;
}

async function plain(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    const kept = await copyOf(new URL(request.url).pathname);
    if (kept) return kept;
    throw error;
  }
}

worker.addEventListener('install', (event) => event.waitUntil(install()));
worker.addEventListener('activate', (event) => event.waitUntil(activate()));
worker.addEventListener('fetch', (event) => {
  const plan = planFor(event.request, worker.location.origin);
  if (plan?.kind === 'page') event.respondWith(page(event.request, plan.shell));
  else if (plan?.kind === 'hashed') event.respondWith(hashed(event));
  else if (plan) event.respondWith(plain(event.request));
});
