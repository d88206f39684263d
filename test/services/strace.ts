import { readFile } from 'node:fs/promises'
import { ensurePackages } from './apt.ts'

/** A fault at the Nth of some system calls, counted for each thread by itself. */
export interface SystemCallFault {
  /** E.g. `pwrite64` or `fsync`. */
  readonly calls: readonly string[]
  /** Only calls on these files; without it, on any. */
  readonly files?: readonly string[]
  readonly nth: number
  /** What the call comes to, without being done; or the process is killed as it begins. */
  readonly comesTo: 'EIO' | 'ENOSPC' | 'SIGKILL'
}

/** Words to put before a command, so that it meets the fault; what it met is told in `log`. */
export async function strace(
  { calls, files = [], nth, comesTo }: SystemCallFault,
  log: string,
): Promise<readonly string[]> {
  const { strace } = await ensurePackages({ strace: 'strace' })
  const what = comesTo === 'SIGKILL' ? 'signal=SIGKILL' : `error=${comesTo}`
  return [
    ...[strace, '-f', '-qq', '-o', log, ...files.flatMap((file) => ['-P', file])],
    ...['-e', `trace=${calls.join()}`, '-e', `inject=${calls.join()}:${what}:when=${nth}`],
  ]
}

/** Whether the fault that this log is of has happened. */
export async function hasFired({ comesTo }: SystemCallFault, log: string): Promise<boolean> {
  const text = await readFile(log, 'utf8')
  return text.includes(comesTo === 'SIGKILL' ? 'killed by SIGKILL' : '(INJECTED)')
}
