import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { built } from '../bench/built.ts'

/**
 * Once for a run of tests: the command line as it is published, which starts in a third of the time that it takes from
 * source. Where it is, cli/direct.ts reads from the environment.
 */
export default async function setup({ config }: TestProject): Promise<(() => Promise<void>) | undefined> {
  // The other project of the run has it; and who changes the sources meanwhile wants to test those.
  if (process.env.DIRECT_PUBLISHED !== undefined || config.watch) return undefined
  const dir = await mkdtemp(join(tmpdir(), 'direct-published-'))
  const { main } = await built(dir)
  process.env.DIRECT_PUBLISHED = main
  return () => rm(dir, { recursive: true, force: true, maxRetries: 5 })
}
