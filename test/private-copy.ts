import { chmod, copyFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { temporaryFolder } from './flow/clinics.ts'

/** A copy of a key or PKCS#12 file that its owner alone may read, as the agent asks; outside test data is not ours to change. */
export async function privateCopy(path: string): Promise<string> {
  const copy = join(await temporaryFolder(), basename(path))
  await copyFile(path, copy)
  await chmod(copy, 0o600)
  return copy
}
