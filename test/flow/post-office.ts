import { setTimeout as pause } from 'node:timers/promises'
import { DirectError } from '../../agent/index.ts'
import type {
  ImapClient,
  ImapFolder,
  RecipientOutcome,
  SmtpClient,
  Submission,
  TlsProof,
} from '../../mailbox/index.ts'

interface Mail {
  readonly uid: number
  readonly bytes: Buffer
  seen: boolean
  /** The keyword of what is settled. */
  settled?: boolean
}

/** What one SMTP transaction handed over. */
export interface Handed {
  readonly server: string
  readonly from: string
  readonly to: readonly string[]
  readonly bytes: Buffer
  readonly tls: Submission['tls']
}

/**
 * A post office in memory: what SMTP is given lies in the mailbox of the recipient's domain, below the trace fields
 * that a real server writes. `refuse` scripts what a recipient or a server says instead.
 */
export class PostOffice {
  readonly handed: Handed[] = []
  readonly folders = new Map<string, Mail[]>()
  uidValidity = '1'
  /** Whether folders keep keywords. */
  keywords = true
  refuse: (to: string) => Pick<RecipientOutcome, 'outcome' | 'reply'> | null = () => null
  tls: TlsProof = { proved: true, protocol: 'TLSv1.3', subject: 'mx', validTo: new Date('2056-01-01') }
  #uid = 0
  readonly #listeners = new Set<() => void>()

  readonly smtp: SmtpClient = {
    submit: async (server, { from, to, content, onAllSent, tls }) => {
      const chunks: Uint8Array[] = []
      for await (const chunk of content()) chunks.push(chunk)
      await onAllSent?.(to.filter((address) => this.refuse(address) === null))
      const bytes = Buffer.concat(chunks)
      const outcomes = to.map((address): RecipientOutcome => {
        const refusal = this.refuse(address)
        return refusal ? { address, ...refusal } : { address, outcome: 'accepted', reply: '250 2.0.0 queued' }
      })
      const accepted = outcomes.filter(({ outcome }) => outcome === 'accepted').map(({ address }) => address)
      this.handed.push({ server: `${server.host}:${server.port}`, from, to: accepted, bytes, tls })
      for (const address of accepted) this.drop(address, from, bytes)
      return outcomes
    },
    proveTls: async () => this.tls,
  }

  readonly imap: ImapClient = {
    open: async (server, folder, signal) => this.#open(`${server.user}/${folder}`, signal),
  }

  /** Puts a message into the mailbox of the address's domain, as a mail server delivers it. */
  drop(address: string, from: string, bytes: Uint8Array): void {
    const domain = address.split('@')[1] as string
    const trace = `Return-Path: <${from}>\r\nDelivered-To: ${address}\r\nReceived: from a by b; Sat, 21 Nov 2026 12:00:00 +0000\r\n`
    this.#folder(`${domain}/INBOX`).push({
      uid: ++this.#uid,
      bytes: Buffer.concat([Buffer.from(trace), bytes]),
      seen: false,
    })
    for (const tell of this.#listeners) tell()
  }

  async #heard(ms: number, isNews: () => boolean, signal: AbortSignal | undefined): Promise<void> {
    const stop = new AbortController()
    const tell = () => {
      if (isNews()) stop.abort()
    }
    this.#listeners.add(tell)
    const woken = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal
    await pause(ms, undefined, { signal: woken }).catch(() => undefined)
    this.#listeners.delete(tell)
    if (signal?.aborted) throw new DirectError('ABORTED', 'stopped', { temporary: true })
  }

  #folder(name: string): Mail[] {
    const folder = this.folders.get(name) ?? []
    this.folders.set(name, folder)
    return folder
  }

  #open(name: string, signal: AbortSignal | undefined): ImapFolder {
    let told = 0
    const find = (uid: number) => this.#folder(name).find((mail) => mail.uid === uid)
    return {
      uidValidity: this.uidValidity,
      uids: async () => {
        told = this.#uid
        return this.#folder(name).map(({ uid }) => uid)
      },
      wait: async (ms) => {
        const isNews = () => this.#folder(name).some(({ uid }) => uid > told)
        if (!isNews()) await this.#heard(ms, isNews, signal)
        return isNews() ? 'news' : 'quiet'
      },
      again: async () => this.#open(name, signal),
      size: async (uid) => find(uid)?.bytes.length ?? null,
      async *fetch(uid) {
        const mail = find(uid)
        for (let at = 0; mail && at < mail.bytes.length; at += 1000) yield mail.bytes.subarray(at, at + 1000)
      },
      flagSeen: async (uids) => {
        for (const uid of [uids].flat())
          Object.assign(find(uid) ?? {}, { seen: true, settled: this.keywords })
      },
      flagSettled: async (uids) => {
        for (const uid of uids) Object.assign(find(uid) ?? {}, { settled: this.keywords })
      },
      settledUids: async () => {
        const settled = this.#folder(name).filter((mail) => mail.settled === true)
        return this.keywords ? new Set(settled.map(({ uid }) => uid)) : null
      },
      moveTo: async (uid, aside) => {
        const mail = find(uid)
        if (!mail) return
        const [user] = name.split('/')
        this.#folder(`${user}/${aside}`).push(mail)
        this.folders.set(
          name,
          this.#folder(name).filter((other) => other !== mail),
        )
      },
      async [Symbol.asyncDispose]() {},
    }
  }
}
