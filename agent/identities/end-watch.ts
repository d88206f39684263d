import type { Log } from '../log.ts'
import type { End } from './ends.ts'

/** One sentence, for whoever can do something about it. `requested`: names that wait for a CA's answer. */
function endText({ kind, name, use, at, daysLeft }: End, requested: ReadonlySet<string>): string {
  const when = `${inDays(daysLeft)} (${at.toISOString().slice(0, 10)})`
  if (kind === 'pinned') return `what is pinned to ${name} ends ${when}`
  const only = use.length === 1 ? (use[0] === 'sign' ? 'signing ' : 'encryption ') : ''
  const next = requested.has(name)
    ? 'its renewal is requested: "direct cert import FILE" takes the answer'
    : `renew it: "direct cert request ${name}"`
  return `the ${only}certificate of ${name} ends ${when}; ${next}`
}

/** With each command: certificates of our own one by one, pins together. */
export function endNotices(ends: readonly End[], requested: ReadonlySet<string>): readonly string[] {
  const own = ends.filter(({ kind }) => kind === 'own').map((end) => endText(end, requested))
  const pins = ends.filter(({ kind }) => kind === 'pinned').toSorted((a, b) => a.daysLeft - b.daysLeft)
  const [first, ...others] = pins
  if (first === undefined) return own
  const more = others.length === 0 ? '' : `, ${others.length} more soon`
  return [...own, `${endText(first, requested)}${more}; "direct cert list" shows pins`]
}

function inDays(days: number): string {
  if (days < 1) return 'in less than a day'
  return days === 1 ? 'in 1 day' : `in ${days} days`
}

/** What the daemon has told of ends: each stage of each certificate once, and that it has ended. */
export class EndWatch {
  readonly #log: Log
  readonly #told = new Map<string, End>()

  constructor(log: Log) {
    this.#log = log
  }

  /** What comes to an end as of now. The first time, the stage that each has come to. */
  look(ends: readonly End[], requested: ReadonlySet<string>, now: Date): void {
    const keys = new Set(ends.map(keyOf))
    for (const end of ends) {
      const told = this.#told.get(keyOf(end))
      if (told !== undefined && told.stage <= end.stage) continue
      this.#told.set(keyOf(end), end)
      this.#log.warn(factsOf(end), endText(end, requested))
    }
    for (const [key, end] of this.#told) {
      if (keys.has(key)) continue
      this.#told.delete(key)
      if (end.at <= now) this.#log.warn(factsOf(end), endedText(end))
    }
  }
}

function endedText({ kind, name }: End): string {
  return kind === 'pinned'
    ? `what was pinned to ${name} has ended`
    : `the certificate of ${name} has ended, and no newer one is there`
}

function factsOf({ kind, name, sha256, at, daysLeft }: End): object {
  return { kind, for: name, sha256, notAfter: at, daysLeft }
}

function keyOf({ kind, name, sha256 }: End): string {
  return `${kind} ${name} ${sha256}`
}
