import { setImmediate as turn } from 'node:timers/promises'
import { DirectError } from '../agent/errors.ts'
import type { Submission } from './types.ts'

interface ContentSteps {
  /** Why the message may not follow, now that the connection would send it; null: the server has asked for it. */
  readonly whyNot: () => string | null
  /** As `Submission` says. */
  readonly onAllSent: () => Promise<void>
}

/** The content as it is handed to the connection: what goes wrong with it is kept apart from what goes wrong with SMTP. */
export class Content {
  readonly #message: Pick<Submission, 'bytes' | 'content'>
  readonly #steps: ContentSteps
  failure: { readonly cause: unknown } | null = null
  /** `ended`: all of it was handed to the connection, and the dot follows at once. */
  state: 'waits' | 'begun' | 'ended' = 'waits'
  /** DATA was answered by what is no answer to it: the replies before it may have been others' too. */
  isOutOfStep = false

  constructor(message: Pick<Submission, 'bytes' | 'content'>, steps: ContentSteps) {
    this.#message = message
    this.#steps = steps
  }

  async *read(): AsyncGenerator<Uint8Array> {
    const { content, bytes } = this.#message
    let sent = 0
    this.state = 'begun'
    const why = this.#steps.whyNot()
    this.isOutOfStep = why !== null
    if (why !== null) throw new Error(why)
    try {
      for await (const chunk of content()) {
        sent += chunk.length
        yield chunk
      }
      if (sent !== bytes) {
        throw new DirectError('MESSAGE_INVALID', `the message has ${sent} bytes, and ${bytes} were announced`)
      }
      await this.#steps.onAllSent()
      // What the server has said by now is no answer to the dot, which is yet to come.
      await turn()
      this.state = 'ended'
    } catch (cause) {
      this.failure = { cause }
      throw new Error('the message could not be read')
    }
  }
}

/** What a transaction was at, for those who are told that it failed. */
export const WHEN: Readonly<Record<Content['state'], string>> = {
  waits: 'at MAIL, RCPT or DATA',
  begun: 'within the message',
  ended: 'behind the end of the message',
}
