import { resolve } from 'node:path'
import type { Agent } from '../agent/index.ts'
import { openAgent, type Session } from './session.ts'

/** Agents kept open, one for each configuration; beyond these the longest unused is closed. */
const MAX_AGENTS = 16

/** One agent for each configuration that the lines name. */
export class Agents implements AsyncDisposable {
  readonly #session: Session
  readonly #open = new Map<string, Promise<Agent>>()

  constructor(session: Session) {
    this.#session = session
  }

  async get(config: string | undefined): Promise<Agent> {
    const file = config ?? this.#session.config
    const key = file === undefined ? '' : resolve(file)
    const agent = this.#open.get(key) ?? openAgent(this.#session, { config: file, own: false })
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
