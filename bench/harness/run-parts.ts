import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Group } from './figures.ts'
import type { Run, Told } from './part.ts'
import type { Progress } from './progress.ts'

const PART = fileURLToPath(new URL('../part.ts', import.meta.url))

export interface PartResult {
  readonly part: string
  readonly seconds: number
  /** Null: it failed, and has said why on stderr. */
  readonly groups: readonly Group[] | null
}

/** Each part after the other, each in a process of its own: none meets what another left in the heap. */
export async function* runParts(
  names: readonly string[],
  { dir, quick, minutes }: Omit<Run, 'tell'>,
  progress: Progress,
): AsyncGenerator<PartResult> {
  for (const part of names) {
    const start = performance.now()
    progress.show(part)
    const child = fork(PART, [part, dir, quick ? 'quick' : 'full', String(minutes)], {
      execArgv: ['--expose-gc'],
    })
    let groups: readonly Group[] | null = null
    child.on('message', (told: Told) => {
      if ('groups' in told) groups = told.groups
      else progress.show(`${part}: ${told.doing}`)
    })
    const [code] = await once(child, 'close')
    progress.clear()
    const seconds = Math.round((performance.now() - start) / 100) / 10
    yield { part, seconds, groups: code === 0 ? groups : null }
  }
}
