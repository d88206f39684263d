import { type OpenDirectory, openDirectory } from './directory.ts'
import { LdapFailure } from './failure.ts'
import type { LdapServer } from './types.ts'
import { orGivenUp } from './within.ts'

/** How long a connection that nobody uses is kept: a batch asks again at once. */
const IDLE_MS = 1000
/** Connections that rest at the same time: in a batch over thousands of domains, each has a directory of its own. */
const MAX_IDLE = 64

interface Kept {
  readonly key: string
  readonly opening: Promise<OpenDirectory>
  readonly giveUp: AbortController
  /** Null until it is open. */
  directory: OpenDirectory | null
  users: number
  idle: NodeJS.Timeout | undefined
}

/** One connection for each server, opened when it is first used and closed soon after the last use. */
export class Connections {
  /** Those that whoever comes may use. */
  readonly #kept = new Map<string, Kept>()
  /** Those of them that nobody uses now, the one that rests longest first. */
  readonly #idle = new Set<Kept>()
  readonly #timeoutMs: number

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /**
   * Lets `work` ask a directory; `known`: it was connected before. Such a connection may have ended without our knowing:
   * then once more, on a new one. Rejects with what `work` rejects with, and with LdapFailure where there is no
   * connection or the signal fires.
   */
  async use<T>(
    server: LdapServer,
    signal: AbortSignal,
    work: (directory: OpenDirectory, known: boolean) => Promise<T>,
  ): Promise<T> {
    const before = this.#known(serverKey(server))
    try {
      return await this.#useOnce(before ?? this.#open(server), signal, work)
    } catch (error) {
      const again =
        before?.directory && error instanceof LdapFailure && error.connectionLost && !signal.aborted
      if (!again) throw error
      return this.#useOnce(this.#known(serverKey(server)) ?? this.#open(server), signal, work)
    }
  }

  close(): void {
    for (const kept of this.#kept.values()) this.#end(kept)
  }

  async #useOnce<T>(
    kept: Kept,
    signal: AbortSignal,
    work: (directory: OpenDirectory, known: boolean) => Promise<T>,
  ): Promise<T> {
    kept.users++
    clearTimeout(kept.idle)
    this.#idle.delete(kept)
    const known = kept.directory !== null
    try {
      const directory = await orGivenUp(kept.opening, signal)
      directory.connection.wake()
      return await work(directory, known)
    } catch (error) {
      // Nobody else shall wait for a server that garbles, or answers late.
      this.#forget(kept)
      throw error
    } finally {
      kept.users--
      if (kept.users === 0) this.#rest(kept)
    }
  }

  #known(key: string): Kept | undefined {
    const kept = this.#kept.get(key)
    return kept?.directory?.connection.lost ? undefined : kept
  }

  #open(server: LdapServer): Kept {
    const giveUp = new AbortController()
    const opening = openDirectory(server, { timeoutMs: this.#timeoutMs, signal: giveUp.signal })
    const kept: Kept = { key: serverKey(server), opening, giveUp, directory: null, users: 0, idle: undefined }
    opening.then(
      (directory) => {
        kept.directory = directory
      },
      () => this.#forget(kept),
    )
    this.#kept.set(kept.key, kept)
    return kept
  }

  #rest(kept: Kept): void {
    const { directory } = kept
    if (directory === null || directory.connection.lost || this.#kept.get(kept.key) !== kept) {
      this.#end(kept)
      return
    }
    directory.connection.rest()
    kept.idle = setTimeout(() => this.#end(kept), IDLE_MS).unref()
    this.#idle.add(kept)
    const [longest] = this.#idle
    if (this.#idle.size > MAX_IDLE && longest) this.#end(longest)
  }

  #end(kept: Kept): void {
    clearTimeout(kept.idle)
    this.#idle.delete(kept)
    this.#forget(kept)
    kept.giveUp.abort()
    kept.directory?.connection.close()
  }

  #forget(kept: Kept): void {
    if (this.#kept.get(kept.key) === kept) this.#kept.delete(kept.key)
  }
}

/** What tells one server from another. The addresses are those that may be dialled now (NET). */
export function serverKey({ host, port, secure, addresses }: LdapServer): string {
  return JSON.stringify([host, port, secure, addresses.toSorted()])
}
