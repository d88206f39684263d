import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { built } from '../bench/built.ts'

/**
 * Once for a run of tests: the command line as it is published, which starts in a third of the time that it takes from
 * source. Where it is, cli/direct.ts reads from the environment.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  // The other project of the run has it.
  if (process.env.DIRECT_PUBLISHED !== undefined) return undefined
  const dir = await mkdtemp(join(tmpdir(), 'direct-published-'))
  const { main } = await built(dir)
  process.env.DIRECT_PUBLISHED = main
  return () => rm(dir, { recursive: true, force: true, maxRetries: 5 })
}
