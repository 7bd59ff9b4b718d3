import { defineConfig } from 'vite';
import { fileURLToPath } from 'node:url';

export default defineConfig({
  base: './', // the console does not know where it is mounted
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    assetsInlineLimit: 0, // the page's policy allows no data: addresses
    modulePreload: false,
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox128', 'safari17.5'], // know light-dark()
  },
  resolve: {
    alias: { '@holdall/sdk': fileURLToPath(new URL('../../sdk/js/src/index.ts', import.meta.url)) },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8080' } },
});
