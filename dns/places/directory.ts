import type { LdapAnswer, LdapClient, LdapQuestion, LdapServer } from '../ldap/types.ts'
import type { Question, Reach } from '../types.ts'

/** What asking one directory came to. `refused`: NET, it was not contacted. */
export type DirectoryAnswer =
  | LdapAnswer
  | { readonly status: 'refused'; readonly text: string; readonly questions: readonly Question[] }

/**
 * A directory of one search. It is looked up when it is first asked, and once it has failed it is not asked again: the
 * second place would wait for it in vain.
 */
export class Directory {
  /** `host:port` */
  readonly name: string
  readonly #server: Omit<LdapServer, 'addresses'>
  readonly #network: { readonly ldap: LdapClient; readonly reach: Reach }
  #reached: ReturnType<Reach> | null = null
  #failure: DirectoryAnswer | null = null
  #isDialled = false

  constructor(
    server: Omit<LdapServer, 'addresses'>,
    network: { readonly ldap: LdapClient; readonly reach: Reach },
  ) {
    this.name = `${server.host}:${server.port}`
    this.#server = server
    this.#network = network
  }

  /** Whether it has an address that may be dialled: whoever has none costs nobody a connection. */
  get isDialled(): boolean {
    return this.#isDialled
  }

  /** `ttl`: seconds for which the answer may be kept. Rejects only when the signal fires. */
  async ask(question: LdapQuestion, ttl: number, signal: AbortSignal | undefined): Promise<DirectoryAnswer> {
    if (this.#failure !== null) return this.#failure
    const answer = await this.#ask(question, ttl, signal)
    if (answer.status === 'refused' || answer.status === 'failed')
      this.#failure = { ...answer, questions: [] }
    return answer
  }

  async #ask(question: LdapQuestion, ttl: number, signal: AbortSignal | undefined): Promise<DirectoryAnswer> {
    const { ldap, reach } = this.#network
    const isKnown = this.#reached !== null
    this.#reached ??= reach(this.#server.host, signal)
    const reached = await this.#reached
    const questions = isKnown ? [] : (reached.questions ?? [])
    this.#isDialled = reached.status === 'ok'
    if (reached.status === 'ok') {
      const server = { ...this.#server, addresses: reached.addresses }
      const answer = await ldap.search(server, question, { ttl, signal })
      return { ...answer, questions: [...questions, ...answer.questions] }
    }
    // A name without an address is a server that fails like any other (DISC-7).
    const status = reached.status === 'refused' ? 'refused' : 'failed'
    return { status, text: reached.text, questions }
  }
}
