import { createInterface } from 'node:readline'
import { DirectError } from '../agent/errors.ts'
import { EXIT } from './exit.ts'
import { jsonLine } from './printable.ts'
import type { Session } from './session.ts'

/** What a line of a batch says. */
export type Fields = Readonly<Record<string, unknown>>

/**
 * `--batch -`: one JSON line in, one flushed line out for each, in order. A line that is wrong is answered with its
 * error, and the next one is read. `example` ends the hint for a line that is no JSON object.
 */
export async function answerLines(
  session: Session,
  example: string,
  answer: (fields: Fields) => Promise<object> | object,
): Promise<number> {
  const { signal, out } = session
  let bugs = 0
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY, signal })
  for await (const text of lines) {
    if (signal.aborted || out.closed) break
    if (text.trim() === '') continue
    let id: unknown = null
    try {
      const fields = objectOf(text, 'this line', `Write one object a line: ${example}`)
      id = fields.id ?? null
      await out.line(jsonLine({ id, ...(await answer(fields)) }))
    } catch (error) {
      if (!(error instanceof DirectError)) bugs++
      await out.line(jsonLine({ id, error: describe(error) }))
    }
  }
  // What was not read yet has no answer.
  signal.throwIfAborted()
  return bugs > 0 ? EXIT.bug : EXIT.done
}

/** `text` as a JSON object. Throws DirectError USAGE, which does not repeat the text. */
export function objectOf(text: string, what: string, hint: string): Fields {
  let value: unknown
  try {
    // RFC 8259 8.1: some shells begin what they pipe with a byte order mark.
    value = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (cause) {
    // The parser's message quotes the text.
    throw new DirectError('USAGE', `${what} is not JSON`, { hint, cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new DirectError('USAGE', `${what} is not a JSON object`, { hint })
  return { ...value }
}

function describe(error: unknown): {
  readonly code: string
  readonly message: string
  readonly hint?: string
} {
  if (error instanceof DirectError)
    return { code: error.code, message: error.message, ...(error.hint !== undefined && { hint: error.hint }) }
  if (process.env.DIRECT_DEBUG === '1' && error instanceof Error) process.stderr.write(`${error.stack}\n`)
  const kind = error instanceof Error ? error.name : typeof error
  return {
    code: 'BUG',
    message: `unexpected ${kind}: this is a bug of direct-agent`,
    hint: 'Please report it.',
  }
}
