import type { MessageCode, Reason } from '../../errors.ts'
import { type Head, MessageHead } from '../../mime/head.ts'
import type { Header } from '../../mime/header.ts'
import { parseMediaType } from '../../mime/media-type.ts'
import { DIGEST_OID, type ReceivedDigest } from '../algorithms.ts'
import { isPkcs7Mime } from '../media-type.ts'
import { UNDECRYPTABLE } from '../undecryptable.ts'
import { type SignedPart, SignedParts } from './signed-parts.ts'

/** In which of its two forms an entity is signed (RFC 8551 3.5). */
export type SignedForm = { readonly form: 'opaque' } | ({ readonly form: 'multipart' } & SignedPart)

/**
 * Tells multipart/signed from opaque signed-data, and where the parts of the former stand (protocol.md IN-4), in an
 * entity that is handed to it chunk by chunk. MIME that does not come apart is UNDECRYPTABLE: it may be what a flipped
 * bit left of it. Throws MimeError.
 */
export class EntityOutline {
  readonly #head = new MessageHead()
  /** By the header; null as long as that is not complete. */
  #form: 'opaque' | SignedParts | null = null

  /** What is wrong with the entity, as soon as it shows. */
  update(chunk: Uint8Array): Reason<MessageCode> | null {
    if (this.#form === null) {
      const head = this.#head.push(chunk)
      return head === null ? null : this.#begin(head)
    }
    if (this.#form !== 'opaque') this.#form.update(chunk)
    return null
  }

  end(): SignedForm | Reason<MessageCode> {
    const failure = this.#form === null ? this.#begin(this.#head.end()) : null
    if (failure !== null || this.#form === null) return failure ?? UNDECRYPTABLE
    if (this.#form === 'opaque') return { form: 'opaque' }
    const part = this.#form.end()
    return 'code' in part ? part : { form: 'multipart', ...part }
  }

  #begin({ header, bodyStart, rest }: Head): Reason<MessageCode> | null {
    const type = parseMediaType(header.first('Content-Type'))
    if (type !== null && isPkcs7Mime(type)) {
      this.#form = 'opaque'
      return null
    }
    if (type?.type !== 'multipart/signed')
      return isKnownHeader(header)
        ? {
            code: 'NOT_SIGNED',
            text: `the decrypted message is ${type?.type ?? 'plain text'}, not signed`,
          }
        : UNDECRYPTABLE
    const boundary = type.parameters.get('boundary') ?? ''
    if (boundary === '') return UNDECRYPTABLE
    this.#form = new SignedParts(boundary, bodyStart, announced(type.parameters.get('micalg')))
    this.#form.update(rest)
    return null
  }
}

/** The digests that the header says the signers have used (RFC 1847 2.1, RFC 8551 3.5.3.2), as far as it can be read. */
function announced(micalg = ''): ReadonlySet<ReceivedDigest> {
  const names = micalg.toLowerCase().split(',')
  const isNamed = (digest: string) =>
    names.some((name) => name.trim() === digest || name.trim() === digest.replace('-', ''))
  const known = (Object.keys(DIGEST_OID) as ReceivedDigest[]).filter(isNamed)
  return new Set(known.length > 0 ? known : ['sha-256'])
}

const TOP_LEVEL =
  /^(application|audio|example|font|haptics|image|message|model|multipart|text|video|x-[^/]+)\//
const FIELDS = ['mime-version', 'from', 'to', 'subject', 'date', 'message-id']

/**
 * Whether it is somebody's header. Under AES-CBC whoever changes the initialisation vector chooses the first 16 bytes:
 * of a Content-Type that leaves a field, or a type, that nobody knows.
 */
function isKnownHeader(header: Header): boolean {
  const value = header.first('Content-Type')
  if (value !== null) return TOP_LEVEL.test(parseMediaType(value)?.type ?? '')
  return header.fields.some(({ name }) => FIELDS.includes(name.toLowerCase()))
}
