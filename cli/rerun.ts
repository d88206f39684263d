import { DirectError } from '../agent/errors.ts'
import type { Agent, Configured, Log } from '../agent/index.ts'

interface RerunTools {
  /** By the configuration as it is now; throws DirectError for what is wrong with it. */
  readonly open: () => Promise<Agent>
  readonly deliverTo: string | undefined
  readonly log: Log
  readonly signal: AbortSignal
}

/**
 * Runs an agent until `signal` aborts. At each SIGHUP the configuration is read again. One that `run` could not start
 * with is logged, and changes nothing. With one that is right, the old agent ends what is under way and the new one goes
 * on in its place: what was queued or received is in the store. Throws what the first start throws.
 */
export async function rerun({ open, deliverTo, log, signal }: RerunTools): Promise<void> {
  await using rereader = new Rereader(open, log)
  let agent = await open()
  /** Kept until the one after it has started. */
  let former: Agent | null = null
  let closing: PromiseLike<void> = Promise.resolve()
  try {
    for (;;) {
      try {
        await agent.run({
          ...(deliverTo !== undefined && { deliverTo }),
          signal: AbortSignal.any([signal, rereader.signal]),
          onStarted() {
            if (former !== null) {
              tellChange(former.configured, agent.configured, deliverTo, log)
              closing = former[Symbol.asyncDispose]()
            }
            log.info({}, 'running; SIGTERM or Ctrl-C stops it, SIGHUP reads the configuration again')
            former = null
          },
        })
      } catch (error) {
        if (former === null || !(error instanceof DirectError)) throw error
        // Such as a port that somebody else listens on.
        tellWrong(error, log)
        await agent[Symbol.asyncDispose]()
        agent = former
        former = null
        continue
      }
      const next = rereader.take()
      if (signal.aborted || next === null) {
        await next?.[Symbol.asyncDispose]()
        return
      }
      await closing
      former = agent
      agent = next
    }
  } finally {
    await closing
    await agent[Symbol.asyncDispose]()
    await (former as Agent | null)?.[Symbol.asyncDispose]()
  }
}

/** Reads the configuration again at each SIGHUP, one after the other: the last one counts. */
class Rereader implements AsyncDisposable {
  readonly #open: () => Promise<Agent>
  readonly #log: Log
  #read: Agent | null = null
  #reading = Promise.resolve()
  #news = new AbortController()

  constructor(open: () => Promise<Agent>, log: Log) {
    this.#open = open
    this.#log = log
    process.on('SIGHUP', this.#hungUp)
  }

  /** Aborts once an agent of a new configuration is there to be taken. */
  get signal(): AbortSignal {
    return this.#news.signal
  }

  /** The newest one that nobody has taken yet. */
  take(): Agent | null {
    const read = this.#read
    this.#read = null
    this.#news = new AbortController()
    return read
  }

  readonly #hungUp = (): void => {
    this.#reading = this.#reading.then(async () => {
      const read = await this.#openChecked()
      if (read === null) return
      await this.#read?.[Symbol.asyncDispose]()
      this.#read = read
      this.#news.abort()
    })
  }

  async #openChecked(): Promise<Agent | null> {
    let agent: Agent | null = null
    try {
      agent = await this.#open()
      await agent.check()
      return agent
    } catch (error) {
      await agent?.[Symbol.asyncDispose]()
      tellWrong(error, this.#log)
      return null
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('SIGHUP', this.#hungUp)
    await this.#reading
    await this.#read?.[Symbol.asyncDispose]()
  }
}

/** Said once it is in force: a port that is taken shows only then. Warns of what may not have been meant. */
function tellChange(before: Configured, after: Configured, deliverTo: string | undefined, log: Log): void {
  log.info({}, 'the configuration was read again, is right, and is in force')
  const gone = before.mailboxes.filter((name) => !after.mailboxes.includes(name))
  if (gone.length > 0)
    log.warn({ mailboxes: gone }, `no longer configured, and not read any more: ${gone.join(', ')}`)
  if (deliverTo !== undefined && after.deliver !== null && after.deliver !== before.deliver)
    log.warn(
      { hint: 'Start it again without --deliver.' },
      `deliver.${after.deliver} has no effect: --deliver goes before it, and is as it was at the start`,
    )
}

/** Of an unexpected error nothing is told but that it is one: it could quote anything. */
function tellWrong(error: unknown, log: Log): void {
  if (error instanceof DirectError)
    log.error(
      { code: error.code, hint: error.hint },
      `the new configuration is not used, the old one goes on: ${error.message}`,
    )
  else
    log.error(
      { kind: (error as Error).name },
      'the new configuration is not used, the old one goes on: a bug in direct-agent',
    )
}
