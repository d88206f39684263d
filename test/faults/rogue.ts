import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Agent } from '../../agent/index.ts'
import { createSmtpClient, type ImapFolder } from '../../mailbox/index.ts'
import { LEE } from '../interop/cli-clinic.ts'
import { fieldOf, headOf } from './headers.ts'
import type { World } from './world.ts'

/** What a rogue writes: fields of its own, and another body than a line of text. */
export interface Mail {
  readonly fields?: Readonly<Record<string, string>>
  readonly body?: string
}

const TEXT = 'Content-Type: text/plain; charset=us-ascii\r\n\r\nI am away.\r\n'

/** Answers a mail, by its Message-ID. */
export type Manner = (about: string) => Mail

/**
 * A program that is not ours, at a clinic that is believed here: it answers every mail to its address by another one,
 * signed and sealed as it should be, and asks for a receipt each time.
 */
export class Rogue {
  readonly #world: World
  readonly #mailbox: ImapFolder
  readonly #address: string
  readonly #answer: Manner
  readonly #sealer: Agent
  readonly #read = new Set<number>()
  #said = 0
  #heard = 0

  /** `sealer`: whoever has the keys of its clinic. */
  constructor(world: World, mailbox: ImapFolder, sealer: Agent, address: string, answer: Manner) {
    this.#world = world
    this.#sealer = sealer
    this.#mailbox = mailbox
    this.#address = address
    this.#answer = answer
  }

  /** How many mails came to it. */
  get heard(): number {
    return this.#heard
  }

  /** How many it wrote to answer one. */
  get answered(): number {
    return this.#said - 1
  }

  async begin(): Promise<void> {
    await this.#say({})
  }

  /** Answers what came since it last looked; how many that were. */
  async answerAll(): Promise<number> {
    const before = this.#heard
    for (const uid of await this.#mailbox.uids()) {
      if (this.#read.has(uid)) continue
      this.#read.add(uid)
      const head = await headOf(this.#mailbox, uid)
      if (!fieldOf(head, 'To')?.includes(this.#address)) continue
      this.#heard++
      await this.#say(this.#answer(fieldOf(head, 'Message-ID') ?? ''))
    }
    return this.#heard - before
  }

  async #say({ fields = {}, body = TEXT }: Mail): Promise<void> {
    const { mail, dir } = this.#world
    const [path, out] = [join(dir, `${this.#address}.eml`), join(dir, `${this.#address}.sealed`)]
    const header = {
      From: this.#address,
      To: LEE,
      'Message-ID': `<${this.#said++}.${this.#address}>`,
      Date: new Date().toUTCString().replace('GMT', '+0000'),
      'MIME-Version': '1.0',
      'Disposition-Notification-To': this.#address,
      ...fields,
    }
    const lines = Object.entries(header).map(([name, value]) => `${name}: ${value}\r\n`)
    await writeFile(path, `${lines.join('')}${body}`)
    await this.#sealer.seal({ from: this.#address, to: [LEE], message: { path }, out })
    const bytes = await readFile(out)
    await rm(out)
    await using smtp = createSmtpClient({ lookup: async () => ['127.0.0.1'] })
    const [outcome] = await smtp.submit(
      { host: mail.smtp.host, port: mail.smtp.port, secure: false },
      {
        from: this.#address,
        to: [LEE],
        bytes: bytes.length,
        async *content() {
          yield bytes
        },
        tls: 'as-configured',
      },
    )
    if (outcome?.outcome !== 'accepted') throw new Error(`SMTP said ${outcome?.reply}`)
  }
}
