import { setTimeout as sleep } from 'node:timers/promises'
import { DirectError } from '../../agent/errors.ts'

/** Does `act` until nobody else is in its way, for `patienceMs`; the wait is asynchronous. */
export async function patiently<T>(act: () => T | Promise<T>, file: string, patienceMs: number): Promise<T> {
  const deadline = performance.now() + patienceMs
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    try {
      return await act()
    } catch (error) {
      if (!isBusy(error) || performance.now() > deadline) throw storeError(error, file)
    }
    await sleep(pause)
  }
}

/** What SQLite throws in `act`, as DirectError. */
export function guarded<T>(file: string, act: () => T): T {
  try {
    return act()
  } catch (error) {
    throw storeError(error, file)
  }
}

/** SQLite's primary result codes (sqlite.org/rescode.html) that a person can do something about. */
const BUSY = 5
const LOCKED = 6
const READONLY = 8
const IOERR = 10
const CORRUPT = 11
const FULL = 13
const CANTOPEN = 14
const NOTADB = 26
const HINTS = new Map<number, string>([
  [BUSY, 'Another process holds the store; try again when it has finished.'],
  [LOCKED, 'Another process holds the store; try again when it has finished.'],
  [READONLY, 'Let the user that runs direct-agent write the file and its folder.'],
  [IOERR, 'Look after the disk, and whether it is full; nothing of this step was kept.'],
  [FULL, 'Make room on the disk; nothing of this step was kept.'],
  [CANTOPEN, 'Let the user that runs direct-agent read and write the file and its folder.'],
])

/** Whoever only reads cannot finish what another did not (SQLITE_READONLY_ROLLBACK): SQLite's own words blame the owner of the file. */
const LEFT_UNFINISHED = 776

function primaryCode(error: unknown): number | null {
  const errcode = error instanceof Error && 'errcode' in error ? error.errcode : null
  return typeof errcode === 'number' ? errcode & 0xff : null
}

/** Whether SQLite refused because somebody else holds the file, in its own words or in ours. */
export function isBusy(error: unknown): boolean {
  return primaryCode(error instanceof DirectError ? error.cause : error) === BUSY
}

/** Node's own: SQLite has integers of 64 bits, and ours are all such that a double holds them. */
function isOfNoNumber(error: unknown): boolean {
  return error instanceof RangeError && 'code' in error && error.code === 'ERR_OUT_OF_RANGE'
}

const RESTORE = 'Look after the disk, take a copy of the folder, and restore a backup (direct store restore).'

/** What SQLite threw as DirectError `STORE_FAILED`. Its messages name tables and columns, never values. */
export function storeError(error: unknown, file: string): unknown {
  if (isOfNoNumber(error))
    return new DirectError(
      'STORE_DAMAGED',
      `the store ${file} is damaged: it holds a number that nobody wrote`,
      {
        hint: RESTORE,
        cause: error,
      },
    )
  const code = primaryCode(error)
  if (code === null) return error
  if (code === NOTADB) return notOurs(file)
  if (code === CORRUPT)
    return new DirectError('STORE_DAMAGED', `the store ${file} is damaged: ${(error as Error).message}`, {
      hint: RESTORE,
      cause: error,
    })
  if ((error as { readonly errcode?: unknown }).errcode === LEFT_UNFINISHED)
    return new DirectError('STORE_FAILED', `the store ${file} was being replaced, and that was stopped`, {
      hint: 'What was there before is brought back by whoever opens it next and may write: run "direct status", and ask again.',
      temporary: true,
      cause: error,
    })
  const hint = HINTS.get(code)
  return new DirectError('STORE_FAILED', `the store ${file} failed: ${(error as Error).message}`, {
    ...(hint === undefined ? {} : { hint }),
    // A disk that failed once is no reason to stay away for good: whoever keeps the daemon running tries again.
    temporary: code === BUSY || code === LOCKED || code === FULL || code === IOERR,
    cause: error,
  })
}

/** Whose a file is, when it is not ours. */
export function notOurs(file: string): DirectError {
  return new DirectError('STORE_FAILED', `${file} is not a store of direct-agent; it was left as it is`, {
    hint: 'Name another dataDir, or another backup, or move that file away.',
  })
}
