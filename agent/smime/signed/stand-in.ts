import { openPart } from '../../mime/entity.ts'
import { sequence, TAG, tlv } from '../ber/der.ts'
import { Identity } from '../identity.ts'
import { signedData } from '../sign.ts'
import { type Source, sliceOf } from '../source.ts'
import type { SignatureForm, SignatureShape, TakenApart } from './signature-form.ts'
import { readSignedData } from './signed-data.ts'

/**
 * What stands in for a signed message that cannot be read, so that the steps which are left are taken all the same
 * (protocol.md ALG-2): as long as the content that it stands in for, and with a signature that is none, as one of ours
 * would look.
 */
export interface StandIn {
  readonly message: Source
  readonly shape: SignatureShape
  apart(): Promise<TakenApart>
  readonly form: SignatureForm
}

const BOUNDARY = '=_stands-in-for-a-boundary'
const HEAD = lines(
  'Content-Type: multipart/signed; protocol="application/pkcs7-signature";',
  ` micalg=sha-256; boundary="${BOUNDARY}"`,
  '',
  `--${BOUNDARY}`,
  '',
)
const PART_HEAD = lines(
  'Content-Type: application/pkcs7-signature; name="smime.p7s"',
  'Content-Transfer-Encoding: base64',
  'Content-Disposition: attachment; filename="smime.p7s"',
  '',
  '',
)
const WRAPPER = lines('Content-Type: message/rfc822', '', '')
const BETWEEN = lines('', `--${BOUNDARY}`, '')
const END = lines(`--${BOUNDARY}--`, '')

/** `key`: whose certificates the signature shows. */
export async function standInFor(content: Source, key: Identity): Promise<StandIn> {
  const { part, ...signature } = await signatureOf(key)
  const end = Buffer.concat([BETWEEN, part, END])
  const message = blanked(content, end)
  const signed = sliceOf(message, HEAD.length, message.bytes - end.length)
  return {
    message,
    shape: { form: 'multipart', boundary: BOUNDARY },
    apart: async () => ({ signed, signature: await openPart(once(part)), isClosed: true }),
    form: { ...signature, content: signed, kept: null, isAll: true },
  }
}

/** A message whose text is blank: the content is read as it would be, and its bytes are not looked at. */
function blanked(content: Source, end: Uint8Array): Source {
  const start = Buffer.concat([HEAD, WRAPPER])
  const text = Math.max(content.bytes - start.length - end.length, 0)
  return {
    bytes: start.length + text + end.length,
    async *read() {
      let before: Buffer = start
      let left = text
      for await (const { length } of content.read()) {
        const some = Math.min(length, left)
        left -= some
        yield before.length > 0 ? Buffer.concat([before, blanks(some)]) : blanks(some)
        before = NOTHING
      }
      yield Buffer.concat([before, end])
    },
  }
}

const NOTHING = Buffer.alloc(0)
const LINE = `${' '.repeat(74)}\r\n`
const BLANK = Buffer.alloc(1 << 18, LINE)

function blanks(bytes: number): Buffer {
  return bytes <= BLANK.length ? BLANK.subarray(0, bytes) : Buffer.alloc(bytes, LINE)
}

interface NoSignature extends Pick<SignatureForm, 'certificates' | 'signerInfos' | 'revocation'> {
  /** The whole part of the multipart. */
  readonly part: Buffer
}

const made = new WeakMap<Identity, Promise<NoSignature>>()

function signatureOf(key: Identity): Promise<NoSignature> {
  const known = made.get(key) ?? makeSignature(key)
  made.set(key, known)
  return known
}

/** What we would write, but for the bytes of the signature, which nobody made. */
async function makeSignature({ certificate, intermediates }: Identity): Promise<NoSignature> {
  const octets = certificate.key.bits >> 3
  const number = tlv(TAG.INTEGER, Buffer.alloc(octets, 1))
  const forger = Identity.of(certificate, intermediates, {
    sign: async ({ scheme }) => (scheme === 'ecdsa' ? sequence(number, number) : number.subarray(-octets)),
    decrypt: async () => null,
  })
  const form = forger.signsBy({ scheme: 'rsa-pkcs1', digest: 'sha-256' })
  const cms = await signedData(Buffer.alloc(32), forger, form, new Date(0))
  const signature = await readSignedData(once(cms), null)
  if (typeof signature === 'string') throw new Error(`the stand-in of a signature is ${signature}`)
  const base64 = Buffer.from(cms)
    .toString('base64')
    .replace(/.{1,76}/g, '$&\r\n')
  const { certificates, signerInfos, revocation } = signature
  return { certificates, signerInfos, revocation, part: Buffer.concat([PART_HEAD, Buffer.from(base64)]) }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function lines(...text: readonly string[]): Buffer {
  return Buffer.from(text.join('\r\n'))
}
