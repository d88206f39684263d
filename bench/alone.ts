import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { AloneFindings, AloneTask } from './alone-run.ts'
import type { What } from './sealers.ts'

const RUN = fileURLToPath(new URL('alone-run.ts', import.meta.url))
const FIRST_BYTES = 10_000

/** Lets a contender work on a message of `messageFile`, alone in a process. What it is to open it must have sealed before. */
export async function alone(
  dir: string,
  who: string,
  what: What,
  bytes: number,
  times = 1,
): Promise<AloneFindings> {
  const message = (bytes: number) => join(dir, `message-${bytes}.eml`)
  const sealed = (bytes: number) => join(dir, `${who}-${bytes}.sealed`)
  const files = (bytes: number) =>
    what === 'seal'
      ? ([message(bytes), sealed(bytes)] as const)
      : ([sealed(bytes), join(dir, `${who}.opened`)] as const)
  const task: AloneTask = { who, what, dir, files: files(bytes), first: files(FIRST_BYTES), times }
  const { stdout } = await promisify(execFile)(process.execPath, [RUN, JSON.stringify(task)])
  return JSON.parse(stdout) as AloneFindings
}

export { FIRST_BYTES }
