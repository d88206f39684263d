import { createHash } from 'node:crypto'
import { type Digest, hashName, type SignatureScheme } from './algorithms.ts'
import type { Identity, SigningForm } from './identity.ts'
import { signedData } from './signed/detached-signature.ts'
import { multipartSigned } from './signed/multipart-signed.ts'
import { lent, type Source } from './source.ts'
import type { Composed, Routing } from './wrap.ts'

export interface SignOptions {
  /** Unless the key is for another one alone. */
  readonly digest: Digest
  /** For an RSA key; an EC key has ECDSA, an RSA-PSS key PSS. */
  readonly signature: SignatureScheme
  /** What the signer claims as its signing time; nobody judges a certificate by it (CERT-2). */
  readonly at: Date
}

/** A composed message with its signature. Only `sign` makes one. */
export class Signed {
  readonly #entity: Source
  readonly routing: Routing
  /** By what it is signed. */
  readonly form: SigningForm

  private constructor(entity: Source, routing: Routing, form: SigningForm) {
    this.#entity = entity
    this.routing = routing
    this.form = form
  }

  /** The complete multipart/signed entity, header included (RFC 1847 2.1). */
  get entity(): Source {
    return this.#entity
  }

  /** @internal Use `sign`. */
  static async sign(composed: Composed, signer: Identity, options: SignOptions): Promise<Signed> {
    const form = signer.signsBy({ scheme: options.signature, digest: options.digest })
    const digest = await digestOf(composed.entity, form.digest)
    const signature = await signedData(digest, signer, form, options.at)
    return new Signed(multipartSigned(composed.entity, signature, form.digest), composed.routing, form)
  }
}

/**
 * Signs the exact bytes of the composed entity (RFC 8551 3.5.3; protocol.md MSG-5 to MSG-7). The entity is read once
 * for its digest and once each time that the result is read; it must be the same bytes each time.
 */
export function sign(composed: Composed, signer: Identity, options: SignOptions): Promise<Signed> {
  return Signed.sign(composed, signer, options)
}

async function digestOf(source: Source, digest: Digest): Promise<Uint8Array> {
  const hash = createHash(hashName(digest))
  for await (const chunk of lent(source)) hash.update(chunk)
  return hash.digest()
}
