import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ImapFlow } from 'imapflow'
import { type Agent, createAgent, type Log } from '../agent/index.ts'
import { untilThere } from './post-office.ts'

interface Running {
  readonly agent: Agent
  readonly stop: AbortController
  readonly ended: Promise<void>
}

/** The daemon of a clinic that receives, on a store that lives as long as the bench. */
export class Clinic implements AsyncDisposable {
  readonly #config: Record<string, unknown>
  readonly #env: NodeJS.ProcessEnv
  readonly #ehr: string
  #running: Running | null = null

  constructor(config: Record<string, unknown>, env: NodeJS.ProcessEnv) {
    this.#config = config
    this.#env = env
    this.#ehr = join(String(config.dataDir), 'ehr')
  }

  /** From the daemon's start until `count` more messages are answered, filed, and all of `inbox` is flagged. */
  async receive(count: number, inbox: ImapFlow): Promise<void> {
    const answered = Promise.withResolvers<void>()
    let left = count
    const wrong = (facts: object, text: string) =>
      answered.reject(new Error(`${text}: ${JSON.stringify(facts)}`))
    const log: Log = {
      info(_, text) {
        if (text === 'sent' && --left === 0) answered.resolve()
      },
      warn: wrong,
      error: wrong,
    }
    const filed = await this.#filed()
    const agent = await createAgent(this.#config, { env: this.#env, log })
    const stop = new AbortController()
    const ended = agent.run({ deliverTo: this.#ehr, signal: stop.signal })
    this.#running = { agent, stop, ended }
    await Promise.race([answered.promise, ended])
    await untilThere(inbox, 0, 'unseen')
    const now = await this.#filed()
    if (now !== filed + count) throw new Error(`${now - filed} messages were filed, and not ${count}`)
  }

  async stop(): Promise<void> {
    const running = this.#running
    this.#running = null
    running?.stop.abort()
    await running?.ended
    await running?.agent[Symbol.asyncDispose]()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #filed(): Promise<number> {
    const names = await readdir(this.#ehr).catch(() => [])
    return names.filter((name) => !name.startsWith('.')).length
  }
}
