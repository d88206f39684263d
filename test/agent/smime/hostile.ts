import { constants, createCipheriv, createHash, publicEncrypt, sign } from 'node:crypto'
import type { MessageCode } from '../../../agent/errors.ts'
import {
  contentAlgorithm,
  digestAlgorithm,
  keyTransportAlgorithm,
  OID,
  signatureAlgorithm,
} from '../../../agent/smime/algorithms.ts'
import {
  context,
  NULL,
  oid,
  sequence,
  setOf,
  smallInteger,
  TAG,
  time,
  tlv,
} from '../../../agent/smime/ber/der.ts'
import type { Minted } from '../../../fixtures/pki.ts'

/** CMS that no honest program makes, or that others make and we do not. Everything has an honest default. */

export type Form = (tag: number, ...contents: readonly Uint8Array[]) => Uint8Array

export const indefinite: Form = (tag, ...contents) =>
  Buffer.concat([Uint8Array.of(tag, 0x80), ...contents, Uint8Array.of(0, 0)])

/** A string in pieces of these sizes (the last one repeats), each piece again in `form` when `nested`. */
export function pieces(
  bytes: Uint8Array,
  tag: number,
  sizes: readonly number[],
  form: Form = indefinite,
  nested = false,
): Uint8Array {
  const parts: Uint8Array[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[Math.min(i, sizes.length - 1)] as number
    const part = tlv(TAG.OCTET_STRING, bytes.subarray(at, at + size))
    parts.push(nested ? form(TAG.OCTET_STRING | 0x20, part) : part)
    at += size
  }
  return form(tag | 0x20, ...parts)
}

export const KEY = Buffer.alloc(16, 7)
export const IV = Buffer.alloc(16, 9)

export function keyTrans(
  to: Pick<Minted, 'certificate'>,
  options: {
    readonly by?: 'issuer' | 'ski'
    readonly algorithm?: Uint8Array
    readonly encryptedKey?: Uint8Array
    readonly key?: Uint8Array
  } = {},
): Uint8Array {
  const { certificate } = to
  const id =
    options.by === 'ski'
      ? tlv(context(0, 'primitive'), certificate.subjectKeyIdentifier as Uint8Array)
      : certificate.issuerAndSerialNumber
  const padding = { key: certificate.publicKey, padding: constants.RSA_PKCS1_PADDING }
  return sequence(
    smallInteger(options.by === 'ski' ? 2 : 0),
    id,
    options.algorithm ?? keyTransportAlgorithm('rsa-pkcs1'),
    tlv(TAG.OCTET_STRING, options.encryptedKey ?? publicEncrypt(padding, options.key ?? KEY)),
  )
}

/** AES-128-CBC under KEY and IV. */
export function cbc(plaintext: Uint8Array | string): Buffer {
  const cipher = createCipheriv('aes-128-cbc', KEY, IV)
  return Buffer.concat([cipher.update(plaintext), cipher.final()])
}

/** AES-128-CBC under KEY, and any initialisation vector. The padding is the caller's. */
export function blocks(plaintext: Uint8Array, iv: Uint8Array = IV, key: Uint8Array = KEY): Buffer {
  const cipher = createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false)
  return Buffer.concat([cipher.update(plaintext), cipher.final()])
}

/** What decrypts to a plaintext whose padding is wrong in its last byte. */
export function badlyPadded(plaintext: Uint8Array | string): Buffer {
  const bytes = Buffer.from(plaintext)
  const padding = Buffer.alloc(16 - (bytes.length % 16), 16 - (bytes.length % 16))
  padding[padding.length - 1] = 0
  return blocks(Buffer.concat([bytes, padding]))
}

/** Nonce of the AES-GCM messages made here. */
export const NONCE = Buffer.alloc(12, 5)

export interface GcmOptions {
  readonly recipientInfos: readonly Uint8Array[]
  /** As the message says; default 16. */
  readonly tagBytes?: number
  readonly tag?: Uint8Array
}

/** AuthEnvelopedData under AES-128-GCM and KEY (RFC 5083, RFC 5084). */
export function gcm(plaintext: Uint8Array | string, options: GcmOptions): Buffer {
  const cipher = createCipheriv('aes-128-gcm', KEY, NONCE)
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()])
  const tagBytes = options.tagBytes ?? 16
  const tag = options.tag ?? cipher.getAuthTag().subarray(0, tagBytes)
  return envelope('', {
    recipientInfos: options.recipientInfos,
    type: OID.authEnvelopedData,
    algorithm: contentAlgorithm({ cipher: 'aes-128-gcm', nonce: NONCE, tagBytes }),
    encryptedContent: tlv(context(0, 'primitive'), ciphertext),
    after: [tlv(TAG.OCTET_STRING, tag)],
  })
}

export interface EnvelopeOptions {
  readonly recipientInfos: readonly Uint8Array[]
  readonly type?: string
  readonly algorithm?: Uint8Array
  /** Under `[0]`, its header included. */
  readonly encryptedContent?: Uint8Array
  readonly form?: Form
  /** Put after the EncryptedContentInfo. */
  readonly after?: readonly Uint8Array[]
}

export function envelope(plaintext: Uint8Array | string, options: EnvelopeOptions): Buffer {
  const form = options.form ?? tlv
  const info = form(
    TAG.SEQUENCE,
    oid(OID.data),
    options.algorithm ?? contentAlgorithm({ cipher: 'aes-128-cbc', iv: IV }),
    options.encryptedContent ?? tlv(context(0, 'primitive'), cbc(plaintext)),
  )
  const data = form(
    TAG.SEQUENCE,
    smallInteger(2),
    form(TAG.SET, ...options.recipientInfos),
    info,
    ...(options.after ?? []),
  )
  return Buffer.from(form(TAG.SEQUENCE, oid(options.type ?? OID.envelopedData), form(context(0), data)))
}

export function attribute(type: string, ...values: readonly Uint8Array[]): Uint8Array {
  return sequence(oid(type), setOf(...values))
}

export interface SignerOptions {
  /** What the messageDigest is of. */
  readonly content: Uint8Array | string
  readonly signer: Minted
  readonly attributes?: readonly Uint8Array[] | null
  /** Exactly the signed attributes, as a SET. */
  readonly rawAttributes?: Uint8Array
  readonly digest?: 'sha1' | 'sha256' | 'md5'
  readonly digestAlgorithm?: Uint8Array
  readonly signatureAlgorithm?: Uint8Array
  readonly by?: 'issuer' | 'ski'
  readonly signature?: Uint8Array
  readonly unsigned?: readonly Uint8Array[]
}

export function honestAttributes(content: Uint8Array | string, digest = 'sha256'): Uint8Array[] {
  return [
    attribute(OID.contentType, oid(OID.data)),
    attribute(OID.messageDigest, tlv(TAG.OCTET_STRING, createHash(digest).update(content).digest())),
    attribute(OID.signingTime, time(new Date('2026-11-21T12:00:00Z'))),
  ]
}

const WEAK = { sha1: '1.3.14.3.2.26', md5: '1.2.840.113549.2.5' } as const

export function signerInfo(options: SignerOptions): Uint8Array {
  const { signer, content, digest = 'sha256' } = options
  const attributes = options.attributes === undefined ? honestAttributes(content, digest) : options.attributes
  const set = options.rawAttributes ?? (attributes === null ? null : setOf(...attributes))
  const signature = options.signature ?? sign(digest, set ?? Buffer.from(content), signer.privateKey)
  const algorithm =
    options.digestAlgorithm ??
    (digest === 'sha256' ? digestAlgorithm('sha-256') : sequence(oid(WEAK[digest]), NULL))
  return sequence(
    smallInteger(options.by === 'ski' ? 3 : 1),
    options.by === 'ski'
      ? tlv(context(0, 'primitive'), signer.certificate.subjectKeyIdentifier as Uint8Array)
      : signer.certificate.issuerAndSerialNumber,
    algorithm,
    ...(set === null ? [] : [Buffer.concat([Uint8Array.of(context(0)), set.subarray(1)])]),
    options.signatureAlgorithm ?? signatureAlgorithm('rsa-pkcs1', 'sha-256'),
    tlv(TAG.OCTET_STRING, signature),
    ...(options.unsigned === undefined ? [] : [tlv(context(1), ...options.unsigned)]),
  )
}

export interface SignedDataOptions {
  readonly signerInfos: readonly Uint8Array[]
  readonly certificates?: readonly Minted[]
  /** RevocationInfoChoices, under `[1]`. */
  readonly crls?: readonly Uint8Array[]
  /** Embedded content; absent: detached. */
  readonly content?: Uint8Array | string
  readonly contentType?: string
  readonly form?: Form
}

export function signedData(options: SignedDataOptions): Buffer {
  const form = options.form ?? tlv
  const { content } = options
  const embedded =
    content === undefined
      ? []
      : [
          form(
            context(0),
            options.form === undefined
              ? tlv(TAG.OCTET_STRING, Buffer.from(content))
              : pieces(Buffer.from(content), TAG.OCTET_STRING, [3, 100]),
          ),
        ]
  const certificates = (options.certificates ?? []).map(({ certificate }) => certificate.der)
  const data = form(
    TAG.SEQUENCE,
    smallInteger(1),
    setOf(digestAlgorithm('sha-256')),
    form(TAG.SEQUENCE, oid(options.contentType ?? OID.data), ...embedded),
    ...(certificates.length === 0 ? [] : [form(context(0), ...certificates)]),
    ...(options.crls === undefined ? [] : [form(context(1), ...options.crls)]),
    form(TAG.SET, ...options.signerInfos),
  )
  return Buffer.from(form(TAG.SEQUENCE, oid(OID.signedData), form(context(0), data)))
}

/** multipart/signed around a part's exact bytes; CRLF unless another line end is given. */
export function multipart(part: string, cms: Uint8Array, eol = '\r\n'): string {
  return [
    'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=whatever; boundary=b',
    '',
    '--b',
    part,
    '--b',
    'Content-Type: application/pkcs7-signature',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from(cms).toString('base64').replace(/.{76}/g, `$&${eol}`),
    '--b--',
    '',
  ].join(eol)
}

export function opaque(cms: Uint8Array, type = 'application/pkcs7-mime; smime-type=signed-data'): string {
  return `Content-Type: ${type}\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(cms).toString('base64')}\r\n`
}

/** One message that must not be accepted. */
export interface Hostile {
  /** What it is, as the end of "mail with …". */
  readonly name: string
  readonly code: MessageCode
  readonly mail: () => Buffer
}
