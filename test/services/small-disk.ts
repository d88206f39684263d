import { execFile } from 'node:child_process'
import { mkdir, open, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ifWeEnd, quoted } from './guard.ts'

const run = promisify(execFile)
const BLOCK = 4096

/** A file system of its own, small enough to be filled. */
export interface SmallDisk extends AsyncDisposable {
  readonly dir: string
  /** Takes the room away, but for so many bytes (whole blocks). */
  fill(leaving?: number): Promise<void>
  /** Gives it back. */
  empty(): Promise<void>
}

/**
 * Mounts it at `dir`, which it makes; only root may, and not everywhere. Throws an error that says so. Disposing of it
 * takes it away, and so does a guard should this process end in any other way.
 */
export async function mountSmallDisk(dir: string, megabytes: number): Promise<SmallDisk> {
  await mkdir(dir)
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=0700`, 'tmpfs', dir])
  } catch (cause) {
    throw new Error(
      `a disk that is full for real has to be mounted, which is not allowed here; run this as root: ${(cause as Error).message}`,
      { cause },
    )
  }
  const guarded = ifWeEnd(`umount -l ${quoted(dir)}`)
  const filler = join(dir, 'filler')
  const empty = () => rm(filler, { force: true })
  return {
    dir,
    empty,
    async fill(leaving = 0) {
      await empty()
      await using file = await open(filler, 'w')
      const free = async () => {
        const { bavail, bsize } = await statfs(dir)
        return bavail * bsize
      }
      for (let room = await free(); room > leaving; room = await free()) {
        const bytes = Buffer.alloc(Math.max(BLOCK, room - leaving))
        const isFull = await file.write(bytes).then(
          ({ bytesWritten }) => bytesWritten < bytes.length,
          (error: NodeJS.ErrnoException) => {
            // Others may have taken what was left.
            if (error.code === 'ENOSPC') return true
            throw error
          },
        )
        if (isFull) return
      }
    },
    async [Symbol.asyncDispose]() {
      // Lazily: a process that was killed a moment ago may still be seen to have files open.
      await run('umount', ['-l', dir])
      guarded[Symbol.dispose]()
      await rm(dir, { recursive: true })
    },
  }
}
