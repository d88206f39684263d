import { DirectError } from '../agent/errors.ts'
import type { MailServer } from './types.ts'

/**
 * Logins that a server has refused, each for a while. A thousand messages would otherwise show it the same wrong password a
 * thousand times a minute, and whoever counts those locks the account, or this machine, out.
 */
export class RefusedLogins {
  readonly #restMs: number
  readonly #refused = new Map<string, { readonly error: DirectError; readonly until: number }>()

  constructor(restMs: number) {
    this.#restMs = restMs
  }

  /** Does `login`, which throws `SMTP_LOGIN` where it is refused; while that is known, throws the same. */
  async unlessRefused<Value>(
    { host, port, user, password }: MailServer,
    login: () => Promise<Value>,
  ): Promise<Value> {
    const key = JSON.stringify([host, port, user, password])
    const known = this.#refused.get(key)
    if (known !== undefined && performance.now() < known.until) throw known.error
    try {
      const value = await login()
      this.#refused.delete(key)
      return value
    } catch (error) {
      if (error instanceof DirectError && error.code === 'SMTP_LOGIN')
        this.#refused.set(key, { error, until: performance.now() + this.#restMs })
      throw error
    }
  }
}
