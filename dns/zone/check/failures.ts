import type { Seen } from './types.ts'

/** Servers that gave no answer that says anything, each once, however many questions there were. */
export class Failures {
  readonly #ofServer = new Map<string, { readonly text: string; count: number }>()

  /** `who`: the server, as a sentence begins. */
  look(who: string, seen: Seen): void {
    if (seen.status !== 'failed') return
    const known = this.#ofServer.get(who) ?? { text: seen.text, count: 0 }
    known.count++
    this.#ofServer.set(who, known)
  }

  notes(): readonly string[] {
    return [...this.#ofServer].map(([who, { text, count }]) => {
      const often = count === 1 ? '' : ` to ${count} questions, the first time`
      return `${who} gave no usable answer${often}: ${text}`
    })
  }
}
