import { setTimeout as pause } from 'node:timers/promises'
import { type CliClinic, jsonLines, type Running } from '../interop/cli-clinic.ts'

/** What is known of a daemon after its end. */
export interface Life {
  readonly livedMs: number
  /** From the start of the process to the first message that it finished, in milliseconds; null: it came to none. */
  readonly workingAfterMs: number | null
  /** What it said last, where it had ended by itself before it could be killed. */
  readonly endedByItself: string | null
}

const ENOUGH_MS = 20_000

/** `direct run` of a clinic, and when it began to get something done. */
export class Daemon implements AsyncDisposable {
  readonly #running: Running
  readonly #started = Date.now()
  #hasEnded = false

  private constructor(running: Running) {
    this.#running = running
    void running.ended.then(() => {
      this.#hasEnded = true
    })
  }

  /** `ehr`: the folder that it delivers to; null: where its configuration says. */
  static start(
    clinic: CliClinic,
    ehr: string | null,
    { config = 'direct.yaml', env = {} }: { readonly config?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ): Daemon {
    const deliver = ehr === null ? [] : ['--deliver', ehr]
    return new Daemon(clinic.startWith(env, 'run', '--config', config, ...deliver))
  }

  /** Every whole line of its log. What it says to people, before the log is open, is none. */
  get lines(): readonly Record<string, unknown>[] {
    const whole = this.#running.log.slice(0, this.#running.log.lastIndexOf('\n') + 1)
    return jsonLines(whole.replace(/^(?!\{).*\n/gm, ''))
  }

  /** By itself, or killed. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  /** Fulfilled once it has finished a message, or has had time enough for that. */
  async atWork(): Promise<void> {
    while (!this.isAtWork && Date.now() - this.#started < ENOUGH_MS) await pause(20)
  }

  /** Whether it has finished a message. */
  get isAtWork(): boolean {
    return this.#first !== undefined
  }

  get #first(): Record<string, unknown> | undefined {
    return this.lines.find((line) => 'verdict' in line || 'notification' in line)
  }

  /** Does nothing for so long, and goes on as if no time had passed. */
  sleep(ms: number): Promise<void> {
    return this.#running.sleep(ms)
  }

  /** SIGKILL, as when the plug is pulled. */
  async kill(): Promise<Life> {
    const livedMs = Date.now() - this.#started
    const code = await this.#running.end('SIGKILL')
    const first = this.#first
    return {
      livedMs,
      workingAfterMs: first === undefined ? null : Date.parse(String(first.time)) - this.#started,
      endedByItself:
        code === null
          ? null
          : `the daemon ended by itself with ${code}: ${this.#running.log.trim().split('\n').at(-1)}`,
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]()
  }
}
