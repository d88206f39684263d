import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Recipient, Route } from '../../agent/index.ts'
import type { Session } from '../session.ts'

/** Between two lines of progress, in milliseconds. */
const EVERY_MS = 100
const ROUTES: readonly Route[] = ['direct', 'tls', 'insecure', 'undetermined']

/** What the answers came to: for the exit code, for progress, for the summary. */
export class Tally {
  /** Rows that hold no address. */
  empty = 0
  readonly #routes = new Map<Route, number>()
  readonly #session: Session
  readonly #begun = performance.now()
  #done = 0
  #shownAt = 0
  #total: number | null = null

  constructor(session: Session) {
    this.#session = session
  }

  /** Counts the lines of a file, for whoever watches: how long it takes. Of what is no file, nobody knows. */
  async expect(file: string | undefined): Promise<void> {
    if (!process.stderr.isTTY || file === undefined || file === '-') return
    if (!(await stat(file).catch(() => null))?.isFile()) return
    let lines = 0
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>)
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) lines++
    this.#total = lines
  }

  add({ route }: Recipient): void {
    this.#routes.set(route, (this.#routes.get(route) ?? 0) + 1)
    this.#done++
    const now = performance.now()
    if (now - this.#shownAt < EVERY_MS) return
    this.#shownAt = now
    const of = this.#total === null ? '' : ` of about ${Math.max(this.#total, this.#done)}`
    this.#session.out.progress(`${this.#done}${of}: ${this.#shares()}`)
  }

  /** The routes that were seen. */
  get routes(): readonly { readonly route: Route }[] {
    return [...this.#routes.keys()].map((route) => ({ route }))
  }

  /** On a terminal: what it came to. */
  tell(changes?: number): void {
    if (!process.stderr.isTTY) return
    const seconds = (performance.now() - this.#begun) / 1000
    const empty = this.empty > 0 ? `; ${this.empty} row(s) without an address` : ''
    const changed = changes === undefined ? '' : `; ${changes} change(s)`
    this.#session.out.talk(
      `direct: ${this.#done} address(es) in ${seconds.toFixed(1)} s: ${this.#shares()}${changed}${empty}`,
    )
  }

  #shares(): string {
    const shares = ROUTES.flatMap((route) => {
      const count = this.#routes.get(route)
      return count === undefined ? [] : `${route} ${count} (${Math.round((100 * count) / this.#done)} %)`
    })
    return shares.join(', ') || 'none'
  }
}
