/**
 * `node --import` this: the Nth time that Node writes to a file by a file handle comes to what DIRECT_FAULT says, as
 * `7:ENOSPC`: half of it is written, as on a disk that is just full, and the write fails; or the process is killed. Where
 * it happened, the file DIRECT_FAULT_LOG says so. SQLite writes by itself; its calls are those of strace.ts.
 */
import { writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { constants } from 'node:os'

type Code = 'EIO' | 'ENOSPC' | 'SIGKILL'

const [nth, comesTo] = (process.env.DIRECT_FAULT as string).split(':') as [string, Code]
const log = process.env.DIRECT_FAULT_LOG as string
let count = 0

await using some = await open(process.execPath, 'r')
const prototype = Object.getPrototypeOf(some) as { writeFile(bytes: Uint8Array): Promise<void> }
const writeFile = prototype.writeFile
prototype.writeFile = async function (bytes: Uint8Array): Promise<void> {
  if (++count !== Number(nth)) return writeFile.call(this, bytes)
  await writeFile.call(this, bytes.subarray(0, bytes.length >> 1))
  writeFileSync(log, 'it happened')
  if (comesTo === 'SIGKILL') process.kill(process.pid, 'SIGKILL')
  const errno = -constants.errno[comesTo as 'EIO' | 'ENOSPC']
  throw Object.assign(new Error(`${comesTo}: write`), { code: comesTo, errno, syscall: 'write' })
}
