import { constants, createCipheriv, publicEncrypt, randomBytes } from 'node:crypto'
import type { Certificate, VerifiedPath } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import { base64LinesLength, encodeBase64Lines } from '../mime/base64.ts'
import {
  BLOCK_BYTES,
  type ContentCipher,
  contentAlgorithm,
  type KeyTransport,
  keyBytes,
  keyTransportAlgorithm,
  OID,
  oaepHash,
} from './algorithms.ts'
import { context, header, oid, sequence, setOf, sizeWithHeader, smallInteger, TAG, tlv } from './der.ts'
import { Identity } from './identity.ts'
import type { Signed } from './sign.ts'
import { concatSources, type Source } from './source.ts'
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
    const cms = envelopedData(signed.entity, distinct, options)
    const entity = concatSources([HEADER, inBase64(cms)])
    return new Encrypted(
      entity,
      signed.routing,
      distinct.map(({ sha256 }) => sha256),
    )
  }
}

/**
 * Encrypts under a fresh content key, one RecipientInfo for each distinct certificate (RFC 5652 6; protocol.md MSG-5,
 * MSG-7, MSG-9). An Identity stands for the sender's own record (MSG-15). Throws DirectError `USAGE` without recipients,
 * `NOT_BUILT` for a certificate whose key is not RSA; reading throws `MESSAGE_INVALID` when the message changed length.
 */
export function encrypt(
  signed: Signed,
  recipients: readonly (VerifiedPath<'encrypt'> | Identity)[],
  options: EncryptOptions,
): Promise<Encrypted> {
  return Encrypted.encrypt(signed, recipients, options)
}

const HEADER = Buffer.from(
  [
    'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"',
    'Content-Transfer-Encoding: base64',
    'Content-Disposition: attachment; filename="smime.p7m"',
    '',
    '',
  ].join('\r\n'),
)

/** DER of the ContentInfo; every length is known before the first byte of content is read (MSG-7). */
function envelopedData(
  plaintext: Source,
  recipients: readonly Certificate[],
  options: EncryptOptions,
): Source {
  const key = randomBytes(keyBytes(options.content))
  const iv = randomBytes(BLOCK_BYTES)
  const recipientInfos = setOf(
    ...recipients.map((recipient) => recipientInfo(recipient, key, options.keyTransport)),
  )
  // CBC always pads, by a whole block where the last one is full (RFC 5652 6.3).
  const ciphertextBytes = (Math.floor(plaintext.bytes / BLOCK_BYTES) + 1) * BLOCK_BYTES

  const version = smallInteger(0)
  const type = oid(OID.data)
  const algorithm = contentAlgorithm(options.content, iv)
  const infoBytes = type.length + algorithm.length + sizeWithHeader(ciphertextBytes)
  const dataBytes = version.length + recipientInfos.length + sizeWithHeader(infoBytes)
  const contentType = oid(OID.envelopedData)
  const head = Buffer.concat([
    header(TAG.SEQUENCE, contentType.length + sizeWithHeader(sizeWithHeader(dataBytes))),
    contentType,
    header(context(0), sizeWithHeader(dataBytes)),
    header(TAG.SEQUENCE, dataBytes),
    version,
    recipientInfos,
    header(TAG.SEQUENCE, infoBytes),
    type,
    algorithm,
    header(context(0, 'primitive'), ciphertextBytes),
  ])
  const ciphertext = { bytes: ciphertextBytes, read: () => encrypted(plaintext, options.content, key, iv) }
  return concatSources([head, ciphertext])
}

async function* encrypted(
  plaintext: Source,
  content: ContentCipher,
  key: Uint8Array,
  iv: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const cipher = createCipheriv(content, key, iv)
  let bytes = 0
  for await (const chunk of plaintext.read()) {
    bytes += chunk.length
    const block = cipher.update(chunk)
    if (block.length > 0) yield block
  }
  if (bytes !== plaintext.bytes) {
    throw new DirectError(
      'MESSAGE_INVALID',
      `the message changed while it was encrypted: ${plaintext.bytes} bytes became ${bytes}`,
      {
        hint: 'Leave attachments alone until the message has been sent.',
      },
    )
  }
  yield cipher.final()
}

/** KeyTransRecipientInfo by issuer and serial number (RFC 5652 6.2.1; MSG-9). */
function recipientInfo(recipient: Certificate, key: Uint8Array, transport: KeyTransport): Uint8Array {
  if (recipient.publicKey.asymmetricKeyType !== 'rsa') {
    throw new DirectError(
      'NOT_BUILT',
      `certificate ${recipient.sha256} has no RSA key; others are not built yet`,
    )
  }
  const hash = oaepHash(transport)
  const padding =
    hash === null
      ? { padding: constants.RSA_PKCS1_PADDING }
      : { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash }
  return sequence(
    smallInteger(0),
    recipient.issuerAndSerialNumber,
    keyTransportAlgorithm(transport),
    tlv(TAG.OCTET_STRING, publicEncrypt({ key: recipient.publicKey, ...padding }, key)),
  )
}

function inBase64(source: Source): Source {
  return { bytes: base64LinesLength(source.bytes), read: () => encodeBase64Lines(source.read()) }
}
