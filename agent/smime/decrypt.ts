import { createDecipheriv, type Decipheriv, randomBytes } from 'node:crypto'
import { OctetString } from 'asn1js'
import type { MessageCode, Reason } from '../errors.ts'
import { MimeError } from '../mime/error.ts'
import { type Refused, readContentCipher } from './algorithm-reader.ts'
import { BLOCK_BYTES, type ContentCipher, type KeyTransport, keyBytes } from './algorithms.ts'
import { inBlocks } from './blocks.ts'
import { octetsOf } from './cms-element.ts'
import { CmsError } from './cms-reader.ts'
import { type EnvelopeHead, encryptedContent, readHead } from './enveloped-data.ts'
import type { Identity } from './identity.ts'
import { type Candidate, match, mentions } from './recipients.ts'
import type { Source, Spool, Spooled } from './source.ts'

export { isEnvelopedMediaType } from './media-type.ts'

/** Whole decryptions tried for one message. Renewed certificates of one address rarely make it more than two. */
const MAX_TRIES = 8

/** One text for everything that goes wrong once the algorithms are known to be accepted (ALG-2). */
export const UNDECRYPTABLE: Reason<MessageCode> = {
  code: 'UNDECRYPTABLE',
  text: 'the message could not be decrypted, or what was decrypted makes no sense',
}

/** The decrypted content of an enveloped message; nothing about it is authentic yet. Only `decrypt` makes one. */
export class Decrypted implements AsyncDisposable {
  readonly #content: Spooled
  readonly algorithms: { readonly content: ContentCipher; readonly keyTransport: KeyTransport }
  /** Whose key opened it. */
  readonly opened: Identity
  /** Those of the given identities that are among the RecipientInfos (IN-3). */
  readonly recipients: readonly Identity[]

  private constructor(
    content: Spooled,
    opened: Candidate,
    cipher: ContentCipher,
    recipients: readonly Identity[],
  ) {
    this.#content = content
    this.algorithms = { content: cipher, keyTransport: opened.transport }
    this.opened = opened.identity
    this.recipients = recipients
  }

  /** Plaintext; CBC proves nothing about it. `verify` is what it is for. */
  get content(): Source {
    return this.#content
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#content[Symbol.asyncDispose]()
  }

  /** @internal Use `decrypt`. */
  static async decrypt(
    cms: Pick<Source, 'read'>,
    keys: readonly Identity[],
    spool: Spool,
  ): Promise<Decrypted | Reason<MessageCode>> {
    try {
      const head = await readHead(cms, (info) => keys.some((identity) => mentions(info, identity)))
      if (head === null) {
        return { code: 'NOT_ENCRYPTED', text: 'the message is CMS, but of a kind that is not encrypted' }
      }
      const addressed = match(head, keys)
      if (addressed.length === 0) {
        return {
          code: 'NOT_FOR_US',
          text: 'none of our certificates is among the recipients of the encryption',
        }
      }
      const cipher = contentCipher(head)
      if (typeof cipher !== 'string') return cipher
      const candidates = addressed.filter((entry) => 'transport' in entry)
      if (candidates.length === 0)
        return addressed.find((entry) => 'refused' in entry)?.refused ?? UNDECRYPTABLE
      const iv = initialisationVector(head)
      for (const candidate of candidates.slice(0, MAX_TRIES)) {
        const key = await contentKey(candidate, cipher)
        const content = await decryptContent(cms, createDecipheriv(cipher, key, iv), spool)
        if (content === null) continue
        const recipients = keys.filter((identity) => addressed.some((entry) => entry.identity === identity))
        return new Decrypted(content, candidate, cipher, recipients)
      }
      return UNDECRYPTABLE
    } catch (error) {
      if (error instanceof CmsError) return UNDECRYPTABLE
      // The CMS comes out of a transfer encoding as it is read, and that can be none that is known.
      if (error instanceof MimeError) return { code: error.code, text: error.message }
      throw error
    }
  }
}

/**
 * Opens an EnvelopedData with the keys that it names (RFC 5652 6.3; protocol.md ALG-2 to ALG-5). Reasons:
 * `NOT_ENCRYPTED`, `NOT_FOR_US`, `ALGORITHM_REFUSED`, and `UNDECRYPTABLE` for everything else that can be wrong with it.
 * `cms` is read once to judge it and once for each key tried.
 */
export function decrypt(
  cms: Pick<Source, 'read'>,
  keys: readonly Identity[],
  spool: Spool,
): Promise<Decrypted | Reason<MessageCode>> {
  return Decrypted.decrypt(cms, keys, spool)
}

function contentCipher({ kind, contentEncryption }: EnvelopeHead): ContentCipher | Refused {
  const cipher = readContentCipher(contentEncryption.algorithmId)
  if (typeof cipher !== 'string' || kind === 'enveloped-data') return cipher
  return { code: 'ALGORITHM_REFUSED', text: `${cipher} inside an AuthEnvelopedData is not accepted` }
}

function initialisationVector({ contentEncryption }: EnvelopeHead): Uint8Array {
  const parameters: unknown = contentEncryption.algorithmParams
  const iv = parameters instanceof OctetString ? octetsOf(parameters) : null
  if (iv?.length === BLOCK_BYTES) return iv
  throw new CmsError('MALFORMED', 'an initialisation vector of the wrong length')
}

/**
 * ALG-2: where the key cannot be had, or has the wrong length, a random one takes its place, and decryption goes on to
 * the end all the same; what a sender can learn from the time it took is nothing.
 */
async function contentKey(candidate: Candidate, cipher: ContentCipher): Promise<Uint8Array> {
  const key = await candidate.identity.key.decrypt(candidate.transport, candidate.encryptedKey)
  const random = randomBytes(keyBytes(cipher))
  return key?.length === random.length ? key : random
}

/** The content, or null when it was not this key, or is broken. */
async function decryptContent(
  cms: Pick<Source, 'read'>,
  decipher: Decipheriv,
  spool: Spool,
): Promise<Spooled | null> {
  let whole = false
  let start = Buffer.alloc(0)
  const content = await spool(plaintext())
  if (whole && startsLikeHeader(start)) return content
  await content[Symbol.asyncDispose]()
  return null

  async function* plaintext(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of inBlocks(encryptedContent(cms))) {
        const bytes = decipher.update(piece)
        if (start.length < BLOCK_BYTES) start = Buffer.concat([start, bytes])
        if (bytes.length > 0) yield bytes
      }
    } catch (error) {
      if (error instanceof CmsError) return
      throw error
    }
    const last = finish(decipher)
    if (last === null) return
    if (start.length < BLOCK_BYTES) start = Buffer.concat([start, last])
    whole = true
    if (last.length > 0) yield last
  }
}

function finish(decipher: Decipheriv): Buffer | null {
  try {
    return decipher.final()
  } catch {
    // The only thing that final() says by throwing is that the padding is wrong.
    return null
  }
}

/** A wrong key passes the padding once in 256 times; then the first bytes of what should be a header tell. */
function startsLikeHeader(start: Uint8Array): boolean {
  const isText = (byte: number) =>
    (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d
  return start.length > 0 && start.subarray(0, 8).every(isText)
}
