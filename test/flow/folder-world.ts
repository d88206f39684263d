import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { folderDestination } from '../../agent/deliver/folder.ts'
import { Leftovers } from '../../agent/deliver/leftovers.ts'
import type { Deliverable } from '../../agent/deliver/types.ts'
import { DirectError } from '../../agent/errors.ts'
import { temporaryFolder } from './clinics.ts'
import { offering, SHA256 } from './filed-message.ts'
import { disk, step } from './stopping.ts'

/** A mail with the one message: for whom of ours, and from whom it says it is. */
export interface Mail {
  readonly to: readonly string[]
  readonly from: string
}

/** What the store knows of a recipient of the message: with whom it was opened, and where the EHR has it; null: it waits. */
interface Row {
  readonly name: string
  readonly recipient: string
  readonly key: string
  where: string | null
}

const MOST_TRIES = 20

/** Processes that share a store and the folder of an EHR, which takes a folder at once, or when it is told to. */
export class FolderWorld implements Disposable {
  readonly #root: string
  readonly #dir: string
  readonly #disk: Disposable
  readonly #rows = new Map<string, Row>()
  readonly #taken: { readonly name: string; readonly said: unknown; readonly others: readonly string[] }[] =
    []
  #processes = 0
  takesAtOnce = false

  constructor(root: string) {
    this.#root = root
    this.#dir = join(root, 'ehr')
    mkdirSync(this.#dir)
    this.#disk = disk(() => {
      if (this.takesAtOnce) this.take()
    })
  }

  static async make(): Promise<FolderWorld> {
    return new FolderWorld(await temporaryFolder())
  }

  /** What a process does with a mail whose message waits: pass after pass, until the store knows where it is for each recipient. */
  filing(mail: Mail): () => Promise<void> {
    const opened = mail.to.filter((recipient) => !this.#rows.has(nameOf(mail.from, recipient)))
    const key = nameOf(mail.from, opened.toSorted().join(' and '))
    for (const recipient of opened) {
      const name = nameOf(mail.from, recipient)
      this.#rows.set(name, { name, recipient, key, where: null })
    }
    // By another name each: within one process the same message takes turns.
    const dir = join(this.#root, `ehr of ${++this.#processes}`)
    symlinkSync(this.#dir, dir)
    const alone = async () => ({ [Symbol.dispose]() {} })
    const destination = folderDestination(dir, { alone, settledKeys: async () => this.#settledKeys() })
    return async () => {
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        await step('ask')
        const waiting = this.#waiting(mail)
        if (waiting.length === 0) return
        const taken = await destination.deliver(this.#offer(mail, waiting)).catch(ifTemporary)
        if (taken?.outcome !== 'delivered') continue
        await step('settle')
        for (const row of waiting) row.where ??= basename(taken.where ?? '')
        await taken.recorded?.()
      }
    }
  }

  /** As the store tells: of its recipients, and of those with whom one of these was opened. */
  #waiting({ from, to }: Mail): readonly Row[] {
    const pending = [...this.#rows.values()].filter(({ where }) => where === null)
    const own = new Set(to.map((recipient) => nameOf(from, recipient)))
    const keys = new Set(pending.filter(({ name }) => own.has(name)).map(({ key }) => key))
    return pending.filter(({ key }) => keys.has(key))
  }

  #offer(mail: Mail, waiting: readonly Row[]): Deliverable {
    const isWaiting = async (key: string) => {
      await step('ask')
      return [...this.#rows.values()].some((row) => row.key === key && row.where === null)
    }
    return { ...offering(mail, waiting), isWaiting }
  }

  #settledKeys(): readonly string[] {
    const rows = [...this.#rows.values()]
    const pending = new Set(rows.filter(({ where }) => where === null).map(({ key }) => key))
    return rows.map(({ key }) => key).filter((key) => !pending.has(key))
  }

  /** The EHR takes what is there. */
  take(): void {
    for (const name of this.lying().filter((name) => !name.startsWith('.'))) {
      const folder = join(this.#root, `taken ${this.#taken.length}`)
      renameSync(join(this.#dir, name), folder)
      const described = join(folder, 'delivery.json')
      const said: unknown = existsSync(described) ? JSON.parse(readFileSync(described, 'utf8')) : null
      const others = readdirSync(folder).filter((name) => name.startsWith('.'))
      this.#taken.push({ name, said, others })
    }
  }

  /** As whoever is started next does. */
  async sweep(): Promise<void> {
    await new Leftovers(this.#dir, async () => this.#settledKeys()).remove('', '')
  }

  lying(): string[] {
    return readdirSync(this.#dir)
  }

  /** What is wrong in the end: what the EHR has not got once, is told amiss, or is left. */
  wrong(): string[] {
    this.take()
    const wrong: string[] = []
    for (const { name: row, where } of this.#rows.values()) {
      const names = this.#taken.filter(({ said }) => saysOf(said).includes(row)).map(({ name }) => name)
      if (where === null) wrong.push(`${row} waits`)
      if (names.join() !== where) wrong.push(`${row} is said to be in ${where}, and was in ${names}`)
    }
    for (const { name, said, others } of this.#taken) {
      const { deliveredTo } = said as { deliveredTo: string }
      if (basename(deliveredTo) !== name) wrong.push(`${name} says that it is ${basename(deliveredTo)}`)
      if (others.length > 0) wrong.push(`${name} holds ${others}`)
    }
    return [...wrong, ...this.lying().map((name) => `left: ${name}`)].map((text) =>
      text.replaceAll(SHA256, 'S'),
    )
  }

  [Symbol.dispose](): void {
    this.#disk[Symbol.dispose]()
  }
}

const nameOf = (from: string, recipient: string) => `${from} to ${recipient}`

function saysOf(said: unknown): readonly string[] {
  const { from, recipients } = said as { from: string; recipients: readonly { address: string }[] }
  return recipients.map(({ address }) => nameOf(from, address))
}

function ifTemporary(error: unknown): null {
  if (error instanceof DirectError && error.temporary) return null
  throw error
}
