import { open } from 'node:fs/promises'
import { replaceFile } from '../deliver.ts'
import { DirectError } from '../errors.ts'
import { openTrace } from './open.ts'
import type { Trace } from './types.ts'

/** Bytes of a file that are read: all that one address may make us fetch, several times over. */
const MOST_BYTES = 256 << 20

/** Writes a trace, 0600, whole or not at all. Throws FILE_UNWRITABLE. */
export async function writeTrace(path: string, trace: Trace): Promise<void> {
  await replaceFile(path, [Buffer.from(`${JSON.stringify(trace, null, 1)}\n`)])
}

/** Reads a trace. Throws FILE_UNREADABLE, and TRACE_INVALID for what is none. */
export async function readTrace(path: string): Promise<Trace> {
  const text = await readText(path)
  let trace: unknown
  try {
    trace = JSON.parse(text)
  } catch {
    // What the parser quotes may be of a file that is something else.
    throw new DirectError('TRACE_INVALID', `${path} is no trace: it is not JSON, or not all of it`, {
      hint: 'Record it again, and send the file as it is.',
    })
  }
  openTrace(trace)
  return trace as Trace
}

async function readText(path: string): Promise<string> {
  try {
    await using file = await open(path, 'r')
    const stat = await file.stat()
    if (!stat.isFile())
      throw new DirectError('FILE_UNREADABLE', `${path} is no file`, { hint: 'Name the file of a trace.' })
    if (stat.size > MOST_BYTES)
      throw new DirectError('TRACE_INVALID', `${path} is no trace: it has more than ${MOST_BYTES} bytes`)
    return await file.readFile('utf8')
  } catch (cause) {
    if (cause instanceof DirectError) throw cause
    throw new DirectError(
      'FILE_UNREADABLE',
      `${path} cannot be read: ${(cause as NodeJS.ErrnoException).code ?? 'unknown error'}`,
      { hint: 'Check the path and its permissions.', cause },
    )
  }
}
