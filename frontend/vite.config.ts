import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { shellOfBuild } from './shell.build.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const server = process.env.COPLAYER_SERVER ?? 'http://127.0.0.1:8000';

export default defineConfig({
  plugins: [shellOfBuild()],
  // Two copies of yjs in one page do not recognise each other's types (yjs#438).
  resolve: { dedupe: ['yjs'] },
  build: {
    outDir: here('../sync/static'),
    emptyOutDir: true,
    assetsDir: 'assets',
    target: 'es2022',
    // light-dark() as it stands: the tokens are one line a colour because of it.
    cssTarget: ['chrome123', 'safari17.5', 'firefox121'],
    reportCompressedSize: true,
    rolldownOptions: {
      input: { index: here('index.html'), board: here('board.html'), sw: here('src/offline/worker.ts') },
      // A service worker rules the folder it is served from, under a name that stays.
      output: { entryFileNames: ({ name }) => (name === 'sw' ? 'sw.js' : 'assets/[name]-[hash].js') },
    },
  },
  server: {
    proxy: {
      '/sync': { target: server, ws: true },
      '/api': server,
      '^/r/.+': { target: server, bypass: () => '/board.html' },
    },
  },
  test: { environment: 'happy-dom', include: ['test/**/*.test.ts', 'src/**/*.test.ts', 'src/**/*.test.tsx'] },
});
