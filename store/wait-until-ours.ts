import { setTimeout as sleep } from 'node:timers/promises'
import { DirectError } from '../agent/errors.ts'

/** How another process is waited for. */
export interface Wait {
  /** What it does, behind "another process". */
  readonly what: string
  readonly patienceMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Asks `take` until it says that it is ours, every `lookMs`. Throws DirectError `STORE_FAILED` (temporary) when another
 * process has it for longer than `patienceMs`, `ABORTED`, and what `take` throws.
 */
export async function waitUntilOurs(
  take: () => boolean | Promise<boolean>,
  lookMs: number,
  { what, patienceMs, signal }: Wait,
): Promise<void> {
  const deadline = performance.now() + patienceMs
  while (!(await take())) {
    if (signal?.aborted)
      throw new DirectError('ABORTED', `stopped while another process ${what}`, { temporary: true })
    if (performance.now() > deadline)
      throw new DirectError('STORE_FAILED', `another process ${what}`, {
        hint: 'It does what this one would have done; try again when it has finished.',
        temporary: true,
      })
    await sleep(lookMs)
  }
}
