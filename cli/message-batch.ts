import { createInterface } from 'node:readline'
import { DirectError } from '../agent/errors.ts'
import { Agents } from './batch-agents.ts'
import { type Defaults, fieldsOf, lineOf } from './batch-line.ts'
import { EXIT } from './exit.ts'
import { jsonLine } from './printable.ts'
import type { Session } from './session.ts'

/** One JSON line in, one flushed line out for each, in order. A line that is wrong is answered with its error. */
export async function openBatch(session: Session, defaults: Defaults): Promise<number> {
  await using agents = new Agents(session)
  let bugs = 0
  for await (const text of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (session.signal.aborted || session.out.closed) break
    if (text.trim() === '') continue
    let id: unknown = null
    try {
      const fields = fieldsOf(text)
      id = fields.id ?? null
      const { config, request } = lineOf(fields, defaults)
      const opened = await (await agents.get(config)).open(request)
      await session.out.line(jsonLine({ id, ...opened }))
    } catch (error) {
      if (!(error instanceof DirectError)) bugs++
      await session.out.line(jsonLine({ id, error: describe(error) }))
    }
  }
  return bugs > 0 ? EXIT.bug : EXIT.done
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
