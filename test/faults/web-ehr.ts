import type { IncomingMessage, ServerResponse } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { type Heard, Receiver } from '../flow/webhook-receiver.ts'
import { seeded } from '../fuzz/mutate.ts'
import { digest, type Taken } from './ehr.ts'
import { Seen } from './fault-run.ts'

/** What goes wrong with a request, or with whoever makes it. */
const WRONGS = [
  'answered late',
  'answered 500',
  'cut off as it begins',
  'cut off unanswered when it is filed',
  'SIGKILL as it begins',
  'SIGKILL when it is filed',
  'SIGKILL when it is answered',
] as const
type Wrong = (typeof WRONGS)[number]

const LATE_MS = 300
/** One of so many requests goes wrong, until each wrong was done as often as it is to be. */
const ONE_WRONG_IN = 2

/** Whoever posts. */
export interface Poster {
  /** Which of its lives this is. */
  readonly life: number
  /** SIGKILL; whether it was this one that ended the life. */
  kill(): Promise<boolean>
}

/**
 * An EHR on the web, as docs/daemon.md has one: it files what is new to it by its key once it has all of it. It answers
 * late, or not, or with 500, and the one who posts is killed meanwhile. It remembers every request, and what is wrong
 * about one.
 */
export class WebEhr implements AsyncDisposable {
  /** A sentence each. */
  readonly findings: string[] = []
  readonly seen = new Seen<Wrong>(WRONGS)
  readonly #receiver: Receiver
  readonly #poster: () => Poster
  readonly #toDo: Wrong[]
  readonly #wrong = new WeakMap<ServerResponse, Wrong>()
  /** By its key, in order: what was filed. */
  readonly #filed = new Map<string, Heard>()
  /** By its key: what was heard first, whatever became of it; and the keys under which something else came later. */
  readonly #first = new Map<string, Heard>()
  readonly #changed = new Set<string>()
  /** In which life each key is under way, and in which it was last answered by a 200 that went out whole. */
  readonly #underWay = new Map<string, number>()
  readonly #answered = new Map<string, number>()
  #recorded: ReadonlySet<string> = new Set()
  /** So far. */
  requests = 0

  private constructor(receiver: Receiver, toDo: Wrong[], poster: () => Poster) {
    this.#receiver = receiver
    this.#toDo = toDo
    this.#poster = poster
    receiver.early = (request, answer) => this.#begin(request, answer)
    receiver.say = (heard, answer) => this.#say(heard, answer)
  }

  /** `each`: how often each wrong is done, in an order that the seed draws. */
  static async start(each: number, seed: number, poster: () => Poster): Promise<WebEhr> {
    const random = seeded(seed)
    const toDo = Array.from({ length: each }, () => WRONGS)
      .flat()
      .map((wrong) => ({ wrong, at: random(2 ** 30) }))
      .sort((one, other) => one.at - other.at)
    return new WebEhr(
      await Receiver.start(),
      toDo.map(({ wrong }) => wrong),
      poster,
    )
  }

  get url(): string {
    return this.#receiver.url
  }

  /** The messages whose delivery is durable, by their Message-IDs: they must not come again. */
  recorded(messageIds: Iterable<string>): void {
    this.#recorded = new Set(messageIds)
  }

  /** How many messages it has. */
  get messages(): number {
    return [...this.#filed.values()].filter(({ event }) => event === 'message').length
  }

  /** What it was told of a message that was sent, in order. */
  told(messageId: string): readonly string[] {
    return [...this.#filed.values()]
      .filter(({ json }) => json?.messageId === messageId)
      .map(({ event }) => event)
  }

  /** Whether everything that it filed was answered by a 200 that went out. */
  get isAnswered(): boolean {
    return [...this.#filed.keys()].every((key) => this.#answered.has(key))
  }

  /** Every message that it has, in order. */
  async taken(): Promise<Taken[]> {
    return [...this.#filed.values()].flatMap(({ key, delivery, message }) => {
      if (delivery === null || message === null) return []
      const taken = takenFrom(delivery, message)
      return [{ ...taken, named: taken.named && !this.#changed.has(key) }]
    })
  }

  /** It has things whole, or not at all. */
  async unfinished(): Promise<string[]> {
    return []
  }

  /** True: the request gets no further. */
  #begin(request: IncomingMessage, answer: ServerResponse): boolean {
    const key = String(request.headers['idempotency-key'])
    const { life } = this.#poster()
    if (this.#underWay.get(key) === life) this.findings.push(`${key} came while it was under way`)
    if (this.#answered.get(key) === life)
      this.findings.push(`${key} came again after a 200, and nobody was killed`)
    this.#underWay.set(key, life)
    answer.on('close', () => {
      if (this.#underWay.get(key) === life) this.#underWay.delete(key)
    })
    const wrong = ++this.requests % ONE_WRONG_IN === 0 ? this.#toDo.pop() : undefined
    if (wrong !== undefined) this.#wrong.set(answer, wrong)
    if (wrong === 'cut off as it begins') this.#cut(answer, wrong)
    else if (wrong === 'SIGKILL as it begins') this.#kill(wrong)
    else return false
    return true
  }

  #say(heard: Heard, answer: ServerResponse): void {
    const { key, isSigned, delivery } = heard
    if (!isSigned) this.findings.push(`${key} came with a wrong signature`)
    if (this.#recorded.has(String(delivery?.messageId)))
      this.findings.push(`${key} came again, though its delivery stands in the audit`)
    this.#compare(heard)
    const wrong = this.#wrong.get(answer)
    if (wrong === 'answered 500') {
      this.seen.add(wrong)
      answer.writeHead(500).end()
      return
    }
    if (!this.#filed.has(key)) this.#filed.set(key, heard)
    if (wrong === 'cut off unanswered when it is filed') this.#cut(answer, wrong)
    else if (wrong === 'SIGKILL when it is filed') this.#kill(wrong)
    else if (wrong === 'SIGKILL when it is answered') this.#take(key, answer, () => this.#kill(wrong))
    else if (wrong === 'answered late') {
      this.seen.add(wrong)
      setTimeout(() => this.#take(key, answer), LATE_MS)
    } else this.#take(key, answer)
  }

  /** Under one key there is one thing to be told, at each try. */
  #compare(heard: Heard): void {
    const { key, event } = heard
    const first = this.#first.get(key) ?? heard
    this.#first.set(key, first)
    if (isSame(first, heard)) return
    this.#changed.add(key)
    this.findings.push(`${key} (${event}) came again with other bytes`)
  }

  #take(key: string, answer: ServerResponse, then: () => void = () => undefined): void {
    const { life } = this.#poster()
    answer.on('finish', () => {
      this.#answered.set(key, life)
      then()
    })
    answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ where: key }))
  }

  #cut(answer: ServerResponse, wrong: Wrong): void {
    this.seen.add(wrong)
    answer.destroy()
  }

  #kill(wrong: Wrong): void {
    void this.#poster()
      .kill()
      .then((killed) => {
        if (killed) this.seen.add(wrong)
        else this.#toDo.push(wrong)
      })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#receiver[Symbol.asyncDispose]()
  }
}

function isSame(one: Heard, other: Heard): boolean {
  return isDeepStrictEqual(wordsOf(one), wordsOf(other))
}

/** But what is asked for anew at each try. */
function wordsOf({ event, delivery, message, json }: Heard) {
  const { revocation: _, ...said } = delivery ?? {}
  return { event, said, message, json }
}

/** By the bytes of the message; what is said beside it has to agree. */
function takenFrom(delivery: Readonly<Record<string, unknown>>, message: Buffer): Taken {
  const [, base64 = ''] =
    /filename="?\d+\.bin"?(?:.*\r\n)+?\r\n([A-Za-z0-9+/=\r\n]+)/.exec(message.toString('latin1')) ?? []
  return {
    messageId: String(delivery.messageId),
    attachmentSha256: digest(Buffer.from(base64, 'base64')),
    named: digest(message) === delivery.innerSha256,
  }
}
