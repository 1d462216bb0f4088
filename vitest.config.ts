import { configDefaults, defineConfig } from 'vitest/config';

/** Tests that only ask a running registry: all of them share one cluster. */
const OF_ONE_CLUSTER = ['conformance', 'protocol', 'clients'].map((kind) => `test/${kind}/**/*.test.ts`);

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    reporters: ['default', './test/support/summary-reporter.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['test/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...OF_ONE_CLUSTER],
        },
      },
      {
        extends: true,
        test: {
          name: 'registry',
          include: OF_ONE_CLUSTER,
          globalSetup: './test/support/shared-cluster.ts',
        },
      },
    ],
  },
});
