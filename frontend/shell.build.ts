/** Tells the service worker what belongs to the shell of this build. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import type { Plugin } from 'vite';
import { isHashed } from './src/offline/shell.ts';

const WORKER = 'sw.js';
/** Other scripts' letters are kept when a board first shows them: all together they weigh more than the app. */
const LATER = /inter-(?!latin-wght).*\.woff2$/;

/** Puts the list of files, with one hash over all of them, into the built worker. */
export function shellOfBuild(): Plugin {
  return {
    name: 'coplayer-shell',
    apply: 'build',
    writeBundle({ dir }) {
      if (!dir) throw new Error('The service worker needs a folder of the build.');
      const paths = readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name !== WORKER && !entry.name.startsWith('.'))
        .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
        .sort();
      const all = createHash('sha256');
      const files: Record<string, string | null> = {};
      for (const path of paths) {
        const address = `/${path.split(sep).join('/')}`;
        const content = readFileSync(join(dir, path));
        all.update(`${address}\0`).update(content);
        const integrity = `sha256-${createHash('sha256').update(content).digest('base64')}`;
        if (!LATER.test(address)) files[address] = isHashed(address) ? null : integrity;
      }
      const worker = readFileSync(join(dir, WORKER), 'utf8');
      if (/^\s*import\b/m.test(worker)) throw new Error('The service worker must be one file.');
      const shell = { version: all.digest('hex').slice(0, 16), files };
      writeFileSync(
        join(dir, WORKER),
        worker.replaceAll('__SHELL__', () => JSON.stringify(shell)),
      );
    },
  };
}
