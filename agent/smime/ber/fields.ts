import type { Element } from './element.ts'
import { CmsError } from './error.ts'

/** What a SEQUENCE, a SET or an explicit tag holds, field by field. Each throws CmsError `MALFORMED`. */
export class Fields {
  readonly #fields: readonly Element[]
  #at = 0

  constructor({ children }: Element) {
    this.#fields = children
  }

  /** The fields of an element of this tag, and of no other. */
  static of(element: Element, tag: number): Fields {
    if (element.tag !== tag) throw misplaced()
    return new Fields(element)
  }

  /** The next field; with `tag`, it must be of that tag. */
  next(tag?: number): Element {
    const field = this.#fields[this.#at]
    if (field === undefined || (tag !== undefined && field.tag !== tag)) throw misplaced()
    this.#at++
    return field
  }

  /** The next field if it is of this tag, else null. */
  optional(tag: number): Element | null {
    return this.#fields[this.#at]?.tag === tag ? this.next() : null
  }

  /** The next field, whatever it is, null where there is none. */
  optionalOfAny(): Element | null {
    return this.#at < this.#fields.length ? this.next() : null
  }

  end(): void {
    if (this.#at < this.#fields.length) throw misplaced()
  }
}

function misplaced(): CmsError {
  return new CmsError('MALFORMED', 'an element that is not of the structure that belongs there')
}
