import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CliClinic } from '../interop/cli-clinic.ts'
import { hasFired, type SystemCallFault, strace } from '../services/strace.ts'

export type Code = SystemCallFault['comesTo']

/** How a command is started that meets a fault. */
export interface Tampered {
  /** Words to put before it. */
  readonly through: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

/** Some of what a command asks the disk for. */
export interface Calls {
  readonly name: string
  /** From one call to the next, in the short form: a message takes a hundred and fifty writes, and few of the others. */
  readonly shortStep: number
  /** The Nth of them comes to this. */
  fault(
    nth: number,
    comesTo: Code,
  ): Promise<{ readonly tampered: Tampered; readonly happened: () => Promise<boolean> }>
}

const FAILING_FILES = fileURLToPath(new URL('failing-files.ts', import.meta.url))

export function callsOf({
  dir,
}: CliClinic): Readonly<Record<'sqlite' | 'sync' | 'folders' | 'files', Calls>> {
  const store = ['', '-wal', '-shm'].map((end) => join(dir, 'data', `direct.db${end}`))
  return {
    sqlite: ofSystem(dir, { name: 'write of the store', calls: ['pwrite64', 'ftruncate'], files: store }, 23),
    sync: ofSystem(dir, { name: 'sync', calls: ['fsync', 'fdatasync'] }, 3),
    folders: ofSystem(dir, { name: 'mkdir or rename', calls: ['mkdir', 'rename'] }, 1),
    files: {
      name: 'write to a file',
      shortStep: 1,
      async fault(nth, comesTo) {
        const log = join(dir, 'failing-files.log')
        await rm(log, { force: true })
        const env = {
          NODE_OPTIONS: `--import ${FAILING_FILES}`,
          DIRECT_FAULT: `${nth}:${comesTo}`,
          DIRECT_FAULT_LOG: log,
        }
        return {
          tampered: { through: [], env },
          happened: () =>
            readFile(log).then(
              () => true,
              (error: NodeJS.ErrnoException) => {
                if (error.code === 'ENOENT') return false
                throw error
              },
            ),
        }
      },
    },
  }
}

/**
 * System calls are counted for each thread: one thread does all of the file work; and Node writes no cache of compiled
 * code meanwhile, which would be among them.
 */
const COUNTABLE = { UV_THREADPOOL_SIZE: '1', NODE_DISABLE_COMPILE_CACHE: '1' }

function ofSystem(
  dir: string,
  { name, ...which }: Pick<SystemCallFault, 'calls' | 'files'> & { readonly name: string },
  shortStep: number,
): Calls {
  const log = join(dir, 'strace.log')
  return {
    name,
    shortStep,
    async fault(nth, comesTo) {
      const fault: SystemCallFault = { ...which, nth, comesTo }
      return {
        tampered: { through: await strace(fault, log), env: COUNTABLE },
        happened: () => hasFired(fault, log),
      }
    },
  }
}
