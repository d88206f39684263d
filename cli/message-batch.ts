import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { DirectError } from '../agent/errors.ts'
import type { Agent, OpenRequest } from '../agent/index.ts'
import { EXIT } from './exit.ts'
import { jsonLine } from './printable.ts'
import { openAgent, type Session } from './session.ts'
import { parseTime } from './time.ts'

/** Options of the command, which hold where a line is silent. */
interface Defaults {
  readonly to: readonly string[] | undefined
  readonly mailFrom: string | undefined
}

interface Line {
  readonly config: string | undefined
  readonly request: OpenRequest
}

/** Agents kept open, one for each configuration; beyond these the longest unused is closed. */
const MAX_AGENTS = 16

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
    hint: 'please report it',
  }
}

function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    // The parser's message quotes the line.
    throw new DirectError('USAGE', 'this line is not JSON', { hint: HINT, cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new DirectError('USAGE', 'this line is not a JSON object', { hint: HINT })
  return { ...value }
}

const HINT = 'one object a line: {"id": "1", "file": "sealed.eml", "to": ["dr.lee@clinic-b.example"]}'

function lineOf(fields: Readonly<Record<string, unknown>>, defaults: Defaults): Line {
  const text = (key: string): string | undefined => {
    const value = fields[key] ?? undefined
    if (value === undefined || typeof value === 'string') return value
    throw new DirectError('USAGE', `${key} must be text`, { hint: HINT })
  }
  const path = text('file')
  if (path === undefined) throw new DirectError('USAGE', 'file is missing', { hint: HINT })
  const to = fields.to ?? defaults.to
  if (!Array.isArray(to) || to.length === 0 || !to.every((each) => typeof each === 'string'))
    throw new DirectError('USAGE', 'to must be a list of addresses', { hint: HINT })
  const mailFrom = text('mailFrom') ?? defaults.mailFrom
  const at = text('at')
  return {
    config: text('config'),
    request: {
      path,
      to,
      ...(mailFrom !== undefined && { mailFrom }),
      ...(at !== undefined && { at: parseTime(at) }),
    },
  }
}

/** One agent for each configuration that the lines name. */
class Agents implements AsyncDisposable {
  readonly #session: Session
  readonly #open = new Map<string, Promise<Agent>>()

  constructor(session: Session) {
    this.#session = session
  }

  async get(config: string | undefined): Promise<Agent> {
    const file = config ?? this.#session.config
    const key = file === undefined ? '' : resolve(file)
    const agent = this.#open.get(key) ?? openAgent(this.#session, file)
    this.#open.delete(key)
    this.#open.set(key, agent)
    const [oldest] = this.#open.keys()
    if (this.#open.size > MAX_AGENTS && oldest !== undefined) await this.#close(oldest)
    return await agent
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const key of [...this.#open.keys()]) await this.#close(key)
  }

  async #close(key: string): Promise<void> {
    const opening = this.#open.get(key)
    this.#open.delete(key)
    // One that never opened has been reported with each of its lines.
    const [opened] = await Promise.allSettled([opening])
    if (opened.status === 'fulfilled') await opened.value?.[Symbol.asyncDispose]()
  }
}
