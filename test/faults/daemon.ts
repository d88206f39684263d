import { type CliClinic, jsonLines, type Running } from '../interop/cli-clinic.ts'

/** `direct run` of a clinic, and when it began to get something done. */
export class Daemon implements AsyncDisposable {
  readonly #running: Running
  readonly #started = Date.now()

  private constructor(running: Running) {
    this.#running = running
  }

  static start(
    clinic: CliClinic,
    ehr: string,
    { config = 'direct.yaml', env = {} }: { readonly config?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ): Daemon {
    return new Daemon(clinic.startWith(env, 'run', '--config', config, '--deliver', ehr))
  }

  /** From the start of the process to the first message that it finished, in milliseconds; null: it came to none. */
  get workingAfterMs(): number | null {
    const whole = this.#running.log.slice(0, this.#running.log.lastIndexOf('\n') + 1)
    const first = jsonLines(whole).find((line) => 'verdict' in line || 'notification' in line)
    return first === undefined ? null : Date.parse(String(first.time)) - this.#started
  }

  get log(): string {
    return this.#running.log
  }

  /** SIGKILL, as when the plug is pulled. */
  async kill(): Promise<void> {
    await this.#running.end('SIGKILL')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]()
  }
}
