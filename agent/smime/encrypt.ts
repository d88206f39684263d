import { randomBytes } from 'node:crypto'
import type { VerifiedPath } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import { type ContentCipher, isAuthenticated, type KeyTransport, keyBytes } from './algorithms.ts'
import { envelope } from './enveloped/envelope.ts'
import { pkcs7Mime } from './enveloped/pkcs7-mime.ts'
import { recipientInfo } from './enveloped/recipient-info.ts'
import { Identity } from './identity.ts'
import type { Signed } from './sign.ts'
import type { Source } from './source.ts'
import type { Routing } from './wrap.ts'

export interface EncryptOptions {
  readonly content: ContentCipher
  readonly keyTransport: KeyTransport
}

/** A signed message, encrypted to certain certificates. Only `encrypt` makes one. */
export class Encrypted {
  readonly #entity: Source
  readonly routing: Routing
  /** Lower-case hex SHA-256 of each certificate encrypted to. */
  readonly certificates: readonly string[]

  private constructor(entity: Source, routing: Routing, certificates: readonly string[]) {
    this.#entity = entity
    this.routing = routing
    this.certificates = certificates
  }

  /** The application/pkcs7-mime entity, MIME header included. The same bytes at each read. */
  get entity(): Source {
    return this.#entity
  }

  /** @internal Use `encrypt`. */
  static async encrypt(
    signed: Signed,
    recipients: readonly (VerifiedPath<'encrypt'> | Identity)[],
    options: EncryptOptions,
  ): Promise<Encrypted> {
    const leaves = recipients.map((one) => (Identity.is(one) ? one.certificate : one.leaf))
    const distinct = [...new Map(leaves.map((leaf) => [leaf.sha256, leaf])).values()]
    if (distinct.length === 0) throw new DirectError('USAGE', 'there is nobody to encrypt the message to')
    const key = randomBytes(keyBytes(options.content))
    const recipientInfos = await Promise.all(
      distinct.map((recipient) => recipientInfo(recipient, key, options.keyTransport)),
    )
    const cms = envelope(signed.entity, recipientInfos, { cipher: options.content, key })
    const entity = pkcs7Mime(cms, isAuthenticated(options.content) ? 'authEnveloped-data' : 'enveloped-data')
    return new Encrypted(
      entity,
      signed.routing,
      distinct.map(({ sha256 }) => sha256),
    )
  }
}

/**
 * Encrypts under a fresh content key, one RecipientInfo for each distinct certificate (RFC 5652 6; protocol.md MSG-5,
 * MSG-7, MSG-9). An Identity stands for the sender's own record (MSG-15). Throws DirectError `USAGE` without recipients;
 * reading throws `MESSAGE_INVALID` when the message changed length.
 */
export function encrypt(
  signed: Signed,
  recipients: readonly (VerifiedPath<'encrypt'> | Identity)[],
  options: EncryptOptions,
): Promise<Encrypted> {
  return Encrypted.encrypt(signed, recipients, options)
}
