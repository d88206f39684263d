import { type AlgorithmIdentifier, readAlgorithmIdentifier } from '../algorithms/algorithm-identifier.ts'
import { context, TAG } from '../ber/der.ts'
import { readElement } from '../ber/element.ts'
import { CmsError } from '../ber/error.ts'
import { BerReader, type Reading } from '../ber/reader.ts'
import { type CmsKind, enterContentInfo, leaveContentInfo } from '../content-info.ts'
import { lent, type Source } from '../source.ts'

/** RecipientInfos of one message: how many, the bytes of one, and of all. */
const MAX_RECIPIENTS = 10_000
/** Of those, how many may name one of ours: each costs the reading of a structure. */
const MAX_OURS = 1000
const MAX_RECIPIENT_BYTES = 64 << 10
const MAX_RECIPIENTS_BYTES = 4 << 20
const MAX_ALGORITHM_BYTES = 4096
const MAX_ATTRIBUTES_BYTES = 64 << 10
const MAX_MAC_BYTES = 64

/** All of an EnvelopedData or AuthEnvelopedData before its content (RFC 5652 6.1, RFC 5083 2.1). */
export interface EnvelopeHead {
  readonly kind: CmsKind
  /** BER of the RecipientInfos that were asked for. */
  readonly recipientInfos: readonly Uint8Array[]
  readonly contentEncryption: AlgorithmIdentifier
}

/** What stands behind the content of an AuthEnvelopedData (RFC 5083 2.1). */
export interface EnvelopeTail {
  /** BER of the authenticated attributes, under the tag of a SET: what the tag covers beside the content. */
  readonly attributes: Uint8Array | null
  readonly mac: Uint8Array
}

/** CMS that is read once, as far as its content and then to its end. */
export class OpenEnvelope implements AsyncDisposable {
  readonly head: EnvelopeHead
  readonly #reader: BerReader

  /** @internal Use `openEnvelope`. */
  constructor(head: EnvelopeHead, reader: BerReader) {
    this.head = head
    this.#reader = reader
  }

  /**
   * The encrypted content as it comes, lent. Ends only when the whole CMS around it was complete, and `tailFound` was told
   * what stands behind the content, where the kind has a MAC. Throws CmsError.
   */
  async *content(tailFound: (tail: EnvelopeTail) => void): AsyncGenerator<Uint8Array> {
    const reader = this.#reader
    yield* reader.octets(context(0, 'primitive'))
    await reader.read(reader.leave())
    if (this.head.kind === 'auth-enveloped-data') tailFound(await readTail(reader))
    await reader.read(leaveEnvelope(reader))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.close()
  }
}

/** Reads up to the content, for as long as it is not disposed of. Null when it is CMS of another kind. Throws CmsError. */
export async function openEnvelope(
  cms: Pick<Source, 'read' | 'lend'>,
  wanted: (recipientInfo: Uint8Array) => boolean,
): Promise<OpenEnvelope | null> {
  const reader = new BerReader(lent(cms))
  let head: EnvelopeHead | null = null
  try {
    head = await reader.read(enterContent(reader, wanted))
  } finally {
    if (head === null) await reader.close()
  }
  return head && new OpenEnvelope(head, reader)
}

async function readTail(reader: BerReader): Promise<EnvelopeTail> {
  let attributes: Uint8Array | null = null
  if ((await reader.read(reader.peek())) === context(1)) {
    const element = await reader.read(reader.element(MAX_ATTRIBUTES_BYTES))
    attributes = Buffer.concat([Uint8Array.of(TAG.SET), element.subarray(1)])
  }
  const mac: Uint8Array[] = []
  let length = 0
  for await (const piece of reader.octets()) {
    length += piece.length
    if (length > MAX_MAC_BYTES) throw new CmsError('LIMIT_EXCEEDED', 'a MAC beyond all reason')
    mac.push(Buffer.from(piece))
  }
  return { attributes, mac: Buffer.concat(mac) }
}

/** Whatever else the structure holds, and its end. */
function* leaveEnvelope(reader: BerReader): Reading<void> {
  while (!(yield* reader.atEnd())) yield* reader.skip()
  yield* reader.leave()
  yield* leaveContentInfo(reader)
}

function* enterContent(
  reader: BerReader,
  wanted: (recipientInfo: Uint8Array) => boolean,
): Reading<EnvelopeHead | null> {
  const kind = yield* enterContentInfo(reader)
  if (kind !== 'enveloped-data' && kind !== 'auth-enveloped-data') return null
  yield* reader.enter(TAG.SEQUENCE)
  yield* reader.element(16)
  if ((yield* reader.peek()) === context(0)) yield* reader.skip()
  const recipientInfos = yield* readRecipientInfos(reader, wanted)
  yield* reader.enter(TAG.SEQUENCE)
  // The content type inside is not looked at: the plaintext is judged for what it is.
  yield* reader.element(64)
  const contentEncryption = readAlgorithmIdentifier(readElement(yield* reader.element(MAX_ALGORITHM_BYTES)))
  return { kind, recipientInfos, contentEncryption }
}

function* readRecipientInfos(
  reader: BerReader,
  wanted: (recipientInfo: Uint8Array) => boolean,
): Reading<Uint8Array[]> {
  const kept: Uint8Array[] = []
  let bytes = 0
  yield* reader.enter(TAG.SET)
  for (let count = 1; !(yield* reader.atEnd()); count++) {
    const info = yield* reader.element(MAX_RECIPIENT_BYTES)
    bytes += info.length
    if (count > MAX_RECIPIENTS || bytes > MAX_RECIPIENTS_BYTES) {
      throw new CmsError(
        'LIMIT_EXCEEDED',
        `more than ${MAX_RECIPIENTS} recipients, or ${MAX_RECIPIENTS_BYTES} bytes`,
      )
    }
    if (kept.length < MAX_OURS && wanted(info)) kept.push(info)
  }
  yield* reader.leave()
  return kept
}
