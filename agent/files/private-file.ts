import { stat } from 'node:fs/promises'
import { DirectError } from '../errors.ts'

/** Refuses a file with a secret that others than its owner may read or change. Throws KEY_EXPOSED. `what`: its name there. */
export async function requirePrivate(path: string, what: string): Promise<void> {
  if (!(await mayOthersRead(path))) return
  throw new DirectError('KEY_EXPOSED', `the mode of the ${what} ${path} lets others read it`, {
    hint: `"chmod 600 ${path}"; if others had access to it, it is no secret any more.`,
  })
}

/** By the mode of a file. Where modes say nothing, as on Windows: no. */
export async function mayOthersRead(path: string): Promise<boolean> {
  if (process.getuid === undefined) return false
  return stat(path).then(
    ({ mode }) => (mode & 0o077) !== 0,
    // Reading it will tell what is wrong.
    () => false,
  )
}
