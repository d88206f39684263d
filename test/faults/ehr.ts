import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/** A message as the EHR has it. */
export interface Taken {
  readonly messageId: string
  /** Of the one attachment, as it was filed. */
  readonly attachmentSha256: string | null
  /** Whether the folder's name is the digest of the message in it, as it must be. */
  readonly named: boolean
}

const GIVEN_WITHIN_MS = 60_000

/**
 * An EHR that takes each folder away as soon as it appears, as docs/daemon.md tells it to, and keeps all of them: what
 * is filed a second time is seen, though it bears the same name. Or it leaves them where they are, until it is asked.
 */
export class Ehr implements AsyncDisposable {
  readonly dir: string
  readonly #taken: string
  readonly #stop = new AbortController()
  readonly #working: Promise<void>
  #count = 0

  private constructor(dir: string, taken: string, takes: boolean) {
    this.dir = dir
    this.#taken = taken
    this.#working = takes ? this.#work() : Promise.resolve()
  }

  static async start(dir: string, name: string, { takes = true } = {}): Promise<Ehr> {
    const [delivered, taken] = [join(dir, name), join(dir, `${name}-taken`)]
    await mkdir(delivered)
    await mkdir(taken)
    return new Ehr(delivered, taken, takes)
  }

  /** How many folders were taken so far. */
  get count(): number {
    return this.#count
  }

  async #work(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#take()
      await pause(20)
    }
  }

  async #take(): Promise<void> {
    for (const name of await this.#lying()) {
      await rename(join(this.dir, name), join(this.#taken, `${this.#count}-${name}`))
      this.#count++
    }
  }

  async #lying(): Promise<string[]> {
    return (await readdir(this.dir)).filter((name) => !name.startsWith('.'))
  }

  /**
   * Fulfilled once it was given so many, or had time enough. A message is answered once it is kept; what could not be given
   * to the EHR is tried again after a pause.
   */
  async given(count: number): Promise<void> {
    const start = performance.now()
    while (this.#count + (await this.#lying()).length < count && performance.now() - start < GIVEN_WITHIN_MS)
      await pause(100)
  }

  /** Takes what is there, and tells everything that was ever taken, in order. */
  async taken(): Promise<Taken[]> {
    this.#stop.abort()
    await this.#working
    await this.#take()
    const names = (await readdir(this.#taken)).sort(
      (one, other) => Number.parseInt(one, 10) - Number.parseInt(other, 10),
    )
    // One after the other: of the longest runs there are more than a process may have open.
    const taken: Taken[] = []
    for (const name of names) taken.push(await readTaken(join(this.#taken, name), name.split('-')[1]))
    return taken
  }

  /** What a stop left unfinished; nobody is to read it. */
  async unfinished(): Promise<string[]> {
    // A kill right behind the store's record leaves a claim to the next start.
    return (await readdir(this.dir)).filter((name) => name.startsWith('.') && !name.endsWith('.claim'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#working
  }
}

async function readTaken(folder: string, sha256: string | undefined): Promise<Taken> {
  const { messageId } = JSON.parse(await readFile(join(folder, 'delivery.json'), 'utf8')) as {
    messageId: string
  }
  const [attachment] = (await readdir(join(folder, 'attachments'))).filter((name) => name.endsWith('.bin'))
  return {
    messageId,
    attachmentSha256:
      attachment === undefined ? null : digest(await readFile(join(folder, 'attachments', attachment))),
    named: digest(await readFile(join(folder, 'message.eml'))) === sha256,
  }
}

export function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
