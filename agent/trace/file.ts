import { constants, open } from 'node:fs/promises'
import { DirectError } from '../errors.ts'
import { replaceFile } from '../files/durable-file.ts'
import { whyUnread } from '../why-unread.ts'
import { openTrace } from './open.ts'
import type { Trace } from './types.ts'

/** Bytes of a file: all that one address may make us fetch, several times over. */
const MOST_BYTES = 256 << 20
/** Values of a file: what thousands of addresses ask. Each takes far more memory than its bytes. */
const MOST_VALUES = 1_000_000

/** Writes a trace, 0600, whole or not at all. Throws FILE_UNWRITABLE, and USAGE for one that `readTrace` would not read. */
export async function writeTrace(path: string, trace: Trace): Promise<void> {
  const bytes = bytesOf(trace)
  const excess = bytes === null ? `more than ${MOST_BYTES} bytes` : excessOf(bytes)
  if (bytes === null || excess !== null)
    throw new DirectError('USAGE', `the trace has ${excess}, and ${path} was not written`, {
      hint: 'Record fewer addresses at once.',
    })
  await replaceFile(path, [bytes])
}

/** Null: the runtime has no text as long as that. */
function bytesOf(trace: Trace): Buffer | null {
  try {
    return Buffer.from(`${JSON.stringify(trace, null, 1)}\n`)
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

/** Of what there is too much, for a file that may be anybody's; null: of nothing. */
function excessOf(bytes: Uint8Array): string | null {
  if (bytes.length > MOST_BYTES) return `more than ${MOST_BYTES} bytes`
  let values = 0
  // Those within texts count as well: base64 has none of them.
  for (const byte of bytes) if (byte === COMMA || byte === LIST || byte === OBJECT) values++
  return values > MOST_VALUES ? `more than ${MOST_VALUES} values` : null
}

const [COMMA, LIST, OBJECT] = Buffer.from(',[{')

/** Reads a trace. Throws FILE_UNREADABLE, and TRACE_INVALID for what is none. */
export async function readTrace(path: string): Promise<Trace> {
  const bytes = await readBytes(path)
  const excess = excessOf(bytes)
  if (excess !== null) throw new DirectError('TRACE_INVALID', `${path} is no trace: it has ${excess}`)
  let trace: unknown
  try {
    trace = JSON.parse(bytes.toString('utf8'))
  } catch {
    // What the parser quotes may be of a file that is something else.
    throw new DirectError('TRACE_INVALID', `${path} is no trace: it is not JSON, or not all of it`, {
      hint: 'Record it again, and send the file as it is.',
    })
  }
  openTrace(trace)
  return trace as Trace
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    // A pipe would be waited for in vain.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stat = await file.stat()
    if (!stat.isFile())
      throw new DirectError('FILE_UNREADABLE', `${path} is no file`, { hint: 'Name the file of a trace.' })
    if (stat.size > MOST_BYTES)
      throw new DirectError('TRACE_INVALID', `${path} is no trace: it has more than ${MOST_BYTES} bytes`)
    return await file.readFile()
  } catch (cause) {
    if (cause instanceof DirectError) throw cause
    throw new DirectError('FILE_UNREADABLE', `${path} cannot be read: ${whyUnread(cause)}`, {
      hint: 'Check the path and its permissions.',
      cause,
    })
  }
}
