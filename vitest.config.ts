import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const src = fileURLToPath(new URL('./src/', import.meta.url)).replaceAll('\\', '/');

export default defineConfig({
  resolve: {
    // Tests run on the sources, also where they say the package's own name.
    alias: [
      { find: /^littlefs-vfs$/, replacement: `${src}index.ts` },
      { find: /^littlefs-vfs\/fs$/, replacement: `${src}fs-compat/index.ts` },
      { find: /^littlefs-vfs\/(.+)$/, replacement: `${src}$1/index.ts` },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['scripts/fuzz-setup.ts'],
    pool: 'threads',
    maxWorkers: Math.min(4, availableParallelism()),
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
