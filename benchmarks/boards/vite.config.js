import { defineConfig } from 'vite';

export default defineConfig({
  base: './',
  define: { 'process.env.IS_PREACT': '"false"' },
  build: { rolldownOptions: { input: ['excalidraw.html', 'tldraw.html'] }, chunkSizeWarningLimit: 1e5 },
});
