import type { VerifiedPath } from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import { answersNothing } from '../mdn.ts'
import type { MessageFacts } from '../read.ts'
import type { Source } from '../smime/source.ts'
import type { ValidSigner, Verified } from '../smime/verify.ts'

/**
 * A message whose signer is bound to From and leads to the anchors of at least one recipient. Only `openMessage`
 * makes one: what was not decrypted, verified and trusted cannot be delivered.
 */
export class TrustedMessage {
  readonly #path: VerifiedPath<'sign'>
  readonly #signer: ValidSigner
  readonly inner: Source
  /** Lower-case hex. */
  readonly innerSha256: string
  readonly wrapped: boolean
  readonly facts: MessageFacts
  readonly accepted: readonly Address[]

  private constructor(path: VerifiedPath<'sign'>, signer: ValidSigner, content: TrustedContent) {
    this.#path = path
    this.#signer = signer
    this.inner = content.inner
    this.innerSha256 = content.innerSha256
    this.wrapped = content.wrapped
    this.facts = content.facts
    this.accepted = content.accepted
  }

  /** From the signer who was believed to an anchor. */
  get path(): VerifiedPath<'sign'> {
    return this.#path
  }

  /** The signature of the one who was believed. */
  get signer(): ValidSigner {
    return this.#signer
  }

  /** The authenticated author: the inner From, or Sender where a partner's switch allows it (IN-6). */
  get author(): Address {
    return this.#path.address
  }

  /** True when a `processed` MDN is owed (N-1, N-2). */
  get answerable(): boolean {
    return !answersNothing(this.facts)
  }

  /** @internal Use `openMessage`. The proofs: a valid signature, and the path of one who made it. */
  static of(verified: Verified, path: VerifiedPath<'sign'>, content: TrustedContent): TrustedMessage {
    const own = verified.signers.filter(({ certificate }) => certificate === path.leaf)
    const signer = own.find(({ weak }) => !weak) ?? own[0]
    if (!signer) throw new Error('the path is of someone who did not sign this message')
    return new TrustedMessage(path, signer, content)
  }
}

type TrustedContent = Pick<TrustedMessage, 'inner' | 'innerSha256' | 'wrapped' | 'facts' | 'accepted'>
