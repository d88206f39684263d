import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import { deliverToFolder } from '../../agent/deliver/folder.ts'
import { deliveryName, Leftovers } from '../../agent/deliver/leftovers.ts'
import { DirectError } from '../../agent/errors.ts'
import { temporaryFolder } from './clinics.ts'
import { describing, messageThatSays, SHA256 } from './filed-message.ts'
import { disk, step } from './stopping.ts'

/** A delivery of the one message: to whom of ours, and from whom it says it is. */
export interface Delivery {
  readonly to: string
  readonly from: string
}

const MOST_TRIES = 20

/** Processes that share a store and the folder of an EHR, which takes a folder at once, or when it is told to. */
export class FolderWorld implements Disposable {
  readonly #root: string
  readonly #dir: string
  readonly #disk: Disposable
  readonly #pending = new Set<string>()
  readonly #where = new Map<string, string>()
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

  /** What a process does with a delivery that waits: pass after pass, until the store knows where it is. */
  filing(delivery: Delivery): () => Promise<void> {
    const key = keyOf(delivery)
    if (!this.#where.has(key)) this.#pending.add(key)
    // By another name each: within one process the same message takes turns.
    const dir = join(this.#root, `ehr of ${++this.#processes}`)
    symlinkSync(this.#dir, dir)
    const isWaiting = async () => {
      await step('ask')
      return this.#pending.has(key)
    }
    const describe = (deliveredTo: string) => ({
      ...describing(delivery.to),
      from: delivery.from,
      deliveredTo: basename(deliveredTo),
    })
    const tools = { delivery: deliveryName([key]), isWaiting }
    return async () => {
      for (let tries = 0; tries < MOST_TRIES && (await isWaiting()); tries++) {
        const filed = await deliverToFolder(dir, messageThatSays(), describe, tools).catch(ifTemporary)
        if (filed === null) continue
        await step('settle')
        if (this.#pending.delete(key)) this.#where.set(key, basename(filed.folder))
        await filed.recorded()
      }
    }
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
    const settled = async () => [...this.#where.keys()]
    await new Leftovers(this.#dir, settled).remove('', '')
  }

  lying(): string[] {
    return readdirSync(this.#dir)
  }

  /** What is wrong in the end: what the EHR has not got once, is told amiss, or is left. */
  wrong(): string[] {
    this.take()
    const wrong = [...this.#pending].map((key) => `${key} waits`)
    for (const [key, where] of this.#where) {
      const names = this.#taken.filter(({ said }) => saysOf(said).includes(key)).map(({ name }) => name)
      if (names.join() !== where) wrong.push(`${key} is said to be in ${where}, and was in ${names}`)
    }
    for (const { name, said, others } of this.#taken) {
      const deliveredTo = (said as { deliveredTo?: unknown } | null)?.deliveredTo
      if (deliveredTo !== name) wrong.push(`${name} says that it is ${deliveredTo}`)
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

const keyOf = ({ from, to }: Delivery) => `${from} to ${to}`

function saysOf(said: unknown): readonly string[] {
  const { from, recipients } = said as { from: string; recipients: readonly { address: string }[] }
  return recipients.map(({ address }) => keyOf({ from, to: address }))
}

function ifTemporary(error: unknown): null {
  if (error instanceof DirectError && error.temporary) return null
  throw error
}
