import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import LongFirst from './test/long-first.ts'

/** Tests of the store that SQLite and PostgreSQL both have to pass: the same files, run once over each. */
const ofAnyStore = [
  'audit',
  'audit-chain',
  'audit-together',
  'bodies',
  'book',
  'capabilities',
  'concurrency',
  'deliveries-due',
  'durability',
  'event-cursor',
  'expiry',
  'failures',
  'fetches',
  'figures',
  'final-delivery',
  'gathered-turns',
  'inbox',
  'leases',
  'look',
  'outbox',
  'outbox-together',
  'prune',
  'restraint',
  'tracking',
  'trust',
  'waiting',
].map((name) => `test/store/${name}.test.ts`)
const ofPostgres = 'test/store/postgres*.test.ts'

export default defineConfig({
  test: {
    globalSetup: ['./test/key-files.ts', './test/services/install.ts', './test/published.ts'],
    reporters: ['default', './test/closing-line.ts'],
    sequence: { sequencer: LongFirst },
    // Vitest leaves one core to itself, and half of two; and many tests wait for other processes.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // No measure of speed: a disk that others are at too may take many seconds for one sync.
    testTimeout: 90_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 40_000 } },
    projects: [
      { extends: true, test: { name: 'tests', include: ['test/**/*.test.ts'], exclude: [ofPostgres] } },
      {
        extends: true,
        test: {
          name: 'postgres',
          // 250 MB take longer over a socket than into a file.
          testTimeout: 120_000,
          include: [...ofAnyStore, ofPostgres],
          globalSetup: ['./test/store/postgres-server.ts'],
        },
      },
    ],
  },
})
