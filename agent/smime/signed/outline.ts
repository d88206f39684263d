import type { MessageCode, Reason } from '../../errors.ts'
import { Gathered } from '../../mime/bytes.ts'
import { BEGINNING_BYTES, isLikeHeader } from '../beginning.ts'
import { orReason, UNDECRYPTABLE } from '../undecryptable.ts'
import { BLANK_HEAD, blanks } from './blanks.ts'
import { EntityOutline, type SignedForm } from './entity-outline.ts'

/** What decrypted content looks like. */
export interface Outline {
  /** Whether it begins as a message does: a wrong key passes the padding once in 256 times. */
  readonly isLikeHeader: boolean
  readonly signed: SignedForm | Reason<MessageCode>
}

/**
 * Looks at content while it goes by, so that it need not be read again to know how it is signed. Content that makes no
 * sense takes as long as any other: from there on blanks are looked at in its place (ALG-2).
 */
export class OutlineReader {
  #entity = new EntityOutline()
  #failure: Reason<MessageCode> | null = null
  /** Null once it has been judged. */
  #beginning: Gathered | null = new Gathered()
  #isLikeHeader = false

  /** Keeps no view of the chunk. */
  update(chunk: Uint8Array): void {
    const beginning = this.#beginning
    if (beginning === null) this.#look(chunk)
    else if (beginning.length === 0 && chunk.length >= BEGINNING_BYTES) this.#judgeBeginning(chunk)
    else {
      beginning.add(chunk)
      if (beginning.length >= BEGINNING_BYTES) this.#judgeBeginning(beginning.bytes)
    }
  }

  end(): Outline {
    if (this.#beginning !== null) this.#judgeBeginning(this.#beginning.bytes)
    const signed = orReason(() => this.#entity.end())
    return { isLikeHeader: this.#isLikeHeader, signed: this.#failure ?? signed }
  }

  #judgeBeginning(beginning: Uint8Array): void {
    this.#beginning = null
    this.#isLikeHeader = isLikeHeader(beginning)
    // Random bytes make a header of many lines, which takes longer to read than any that is one.
    if (this.#isLikeHeader) this.#look(beginning)
    else this.#lookAtBlanks(UNDECRYPTABLE, beginning.length)
  }

  #look(chunk: Uint8Array): void {
    if (this.#failure === null) {
      const failure = orReason(() => this.#entity.update(chunk))
      if (failure !== null) this.#lookAtBlanks(failure, chunk.length)
    } else this.#entity.update(blanks(chunk.length))
  }

  #lookAtBlanks(failure: Reason<MessageCode>, bytes: number): void {
    this.#failure = failure
    this.#entity = new EntityOutline()
    this.#entity.update(BLANK_HEAD)
    this.#entity.update(blanks(bytes))
  }
}
