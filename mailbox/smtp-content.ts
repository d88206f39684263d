import { DirectError } from '../agent/errors.ts'
import type { Submission } from './types.ts'

/** The content as it is handed to the connection: what goes wrong with it is kept apart from what goes wrong with SMTP. */
export class Content {
  readonly #message: Pick<Submission, 'bytes' | 'content'>
  readonly #onAllSent: () => Promise<void>
  failure: { readonly cause: unknown } | null = null
  /** `ended`: all of it was handed to the connection, and the dot follows at once. */
  state: 'waits' | 'begun' | 'ended' = 'waits'

  constructor(message: Pick<Submission, 'bytes' | 'content'>, onAllSent: () => Promise<void>) {
    this.#message = message
    this.#onAllSent = onAllSent
  }

  async *read(): AsyncGenerator<Uint8Array> {
    const { content, bytes } = this.#message
    let sent = 0
    this.state = 'begun'
    try {
      for await (const chunk of content()) {
        sent += chunk.length
        yield chunk
      }
      if (sent !== bytes) {
        throw new DirectError('MESSAGE_INVALID', `the message has ${sent} bytes, and ${bytes} were announced`)
      }
      await this.#onAllSent()
      this.state = 'ended'
    } catch (cause) {
      this.failure = { cause }
      throw new Error('the message could not be read')
    }
  }
}
