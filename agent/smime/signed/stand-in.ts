import type { Certificate } from '../../../trust-anchors/index.ts'
import { openPart } from '../../mime/entity.ts'
import { digestAlgorithm, OID, signatureAlgorithm } from '../algorithms.ts'
import { context, oid, sequence, setOf, smallInteger, TAG, time, tlv } from '../ber/der.ts'
import type { Identity } from '../identity.ts'
import type { Source } from '../source.ts'
import { firstPart, type SignatureForm, type SignatureShape, type TakenApart } from './signature-form.ts'

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

const BOUNDARY = '=_stand-in'
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
const BETWEEN = lines('', `--${BOUNDARY}`, '')
const END = lines(`--${BOUNDARY}--`, '')

/** `key`: whose certificates the signature shows. */
export function standInFor(content: Source, key: Identity): StandIn {
  const { part, ...signature } = signatureOf(key)
  const message = blanked(content, Buffer.concat([BETWEEN, part, END]))
  const signed = { read: () => firstPart(message, BOUNDARY) }
  return {
    message,
    shape: { form: 'multipart', boundary: BOUNDARY },
    apart: async () => ({ signed, signature: await openPart(once(part)), isClosed: true }),
    form: { ...signature, content: signed, kept: null, isAll: true },
  }
}

/** A message whose text is blank: the content is read as it would be, and its bytes are not looked at. */
function blanked(content: Source, end: Uint8Array): Source {
  const text = Math.max(content.bytes - HEAD.length - end.length, 0)
  return {
    bytes: HEAD.length + text + end.length,
    async *read() {
      let before = HEAD
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

const made = new WeakMap<Identity, NoSignature>()

function signatureOf(key: Identity): NoSignature {
  const known = made.get(key)
  if (known !== undefined) return known
  // Most signatures show a signer's certificate and that of its CA.
  const shown = [key.certificate, ...(key.intermediates.length > 0 ? key.intermediates : [key.certificate])]
  const certificates = shown.map(({ der }) => der)
  const signer = signerInfo(key.certificate)
  const base64 = signedData(certificates, signer).toString('base64')
  const part = Buffer.concat([PART_HEAD, Buffer.from(base64.replace(/.{1,76}/g, '$&\r\n'))])
  const signature = { certificates, signerInfos: [signer], revocation: { crls: [], ocsp: [] }, part }
  made.set(key, signature)
  return signature
}

/** A SignerInfo whose signature nobody made. */
function signerInfo({ issuerAndSerialNumber, key }: Certificate): Uint8Array {
  const attribute = (type: string, value: Uint8Array) => sequence(oid(type), setOf(value))
  const attributes = setOf(
    attribute(OID.contentType, oid(OID.data)),
    attribute(OID.messageDigest, tlv(TAG.OCTET_STRING, Buffer.alloc(32))),
    attribute(OID.signingTime, time(new Date(0))),
  )
  return sequence(
    smallInteger(1),
    issuerAndSerialNumber,
    digestAlgorithm('sha-256'),
    Buffer.concat([Uint8Array.of(context(0)), attributes.subarray(1)]),
    signatureAlgorithm(key.type === 'ec' ? 'ecdsa' : 'rsa-pkcs1', 'sha-256'),
    tlv(TAG.OCTET_STRING, Buffer.alloc(key.bits / 8, 1)),
  )
}

function signedData(certificates: readonly Uint8Array[], signer: Uint8Array): Buffer {
  const data = sequence(
    smallInteger(1),
    setOf(digestAlgorithm('sha-256')),
    sequence(oid(OID.data)),
    tlv(context(0), ...certificates),
    setOf(signer),
  )
  return Buffer.from(sequence(oid(OID.signedData), tlv(context(0), data)))
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function lines(...text: readonly string[]): Buffer {
  return Buffer.from(text.join('\r\n'))
}
