import { digestAlgorithm, OID } from '../../../agent/smime/algorithms.ts'
import { context, oid, sequence, setOf, smallInteger, TAG, tlv } from '../../../agent/smime/ber/der.ts'
import type { Hostile } from './hostile.ts'
import { envelope, indefinite, keyTrans, multipart, signedData, signerInfo } from './hostile.ts'
import { header, mail, signed, wrapped } from './opening.ts'
import { alice, bob } from './parties.ts'

/** Few bytes that would be much work (protocol.md IN-11, ALG-3). */

const TO_BOB = { recipientInfos: [keyTrans(bob)] }
const sealed = (plaintext: string | Uint8Array) => mail(envelope(plaintext, TO_BOB))
const withSignature = (cms: Uint8Array) => sealed(multipart(wrapped(), cms))

const open = (tag: number, count: number) => Buffer.alloc(2 * count).fill(Buffer.of(tag, 0x80))
const [SEQUENCE, STRING] = [0x30, 0x24]

/** A ContentInfo whose SignedData holds these certificates and signers, whatever they are. */
const signature = (certificates: Uint8Array, signerInfos: Uint8Array) =>
  sequence(
    oid(OID.signedData),
    tlv(
      context(0),
      sequence(
        smallInteger(1),
        setOf(digestAlgorithm('sha-256')),
        sequence(oid(OID.data)),
        tlv(context(0), certificates),
        tlv(TAG.SET, signerInfos),
      ),
    ),
  )

/** A length of 2^46 bytes. */
const ENDLESS = Buffer.of(SEQUENCE, 0x86, 0x40, 0, 0, 0, 0, 0)

const nestedParts = (depth: number) => {
  let body = 'Content-Type: text/plain\r\n\r\nx'
  for (let i = 0; i < depth; i++)
    body = `Content-Type: multipart/mixed; boundary=n${i}\r\n\r\n--n${i}\r\n${body}\r\n--n${i}--`
  return body
}

const parts = (count: number, part = '\r\nx') =>
  `Content-Type: multipart/mixed; boundary=p\r\n\r\n${`--p\r\n${part}\r\n`.repeat(count)}--p--\r\n`

const own = (body: string) => () => sealed(signed(wrapped({}, body)))

const ber: readonly Hostile[] = [
  {
    name: 'elements nested a hundred thousand deep in its envelope',
    code: 'UNDECRYPTABLE',
    mail: () => mail(open(SEQUENCE, 100_000)),
  },
  {
    name: 'strings nested a hundred thousand deep in its content',
    code: 'UNDECRYPTABLE',
    mail: () =>
      mail(envelope('', { ...TO_BOB, encryptedContent: indefinite(context(0), open(STRING, 100_000)) })),
  },
  {
    name: 'a million empty strings in its content',
    code: 'UNDECRYPTABLE',
    mail: () => {
      const empty = Buffer.alloc(4_000_000).fill(Buffer.of(STRING, 0x80, 0, 0))
      return mail(envelope('', { ...TO_BOB, encryptedContent: indefinite(context(0), empty) }))
    },
  },
  {
    name: 'a million recipients',
    code: 'UNDECRYPTABLE',
    mail: () =>
      mail(envelope('', { recipientInfos: [keyTrans(bob), Buffer.alloc(2_000_000).fill(sequence())] })),
  },
  {
    name: 'an element of seventy terabytes in its envelope',
    code: 'UNDECRYPTABLE',
    mail: () => mail(Buffer.concat([ENDLESS, oid(OID.envelopedData)])),
  },
  {
    name: 'a recipient of seventy terabytes',
    code: 'UNDECRYPTABLE',
    mail: () =>
      mail(
        indefinite(
          SEQUENCE,
          oid(OID.envelopedData),
          indefinite(context(0), indefinite(SEQUENCE, smallInteger(0), indefinite(TAG.SET, ENDLESS))),
        ),
      ),
  },
  {
    name: 'elements nested a hundred thousand deep in its signature',
    code: 'LIMIT_EXCEEDED',
    mail: () => withSignature(signature(open(SEQUENCE, 100_000), Buffer.alloc(0))),
  },
  {
    name: 'a million certificates in its signature',
    code: 'LIMIT_EXCEEDED',
    mail: () => withSignature(signature(Buffer.alloc(2_000_000).fill(sequence()), Buffer.alloc(0))),
  },
  {
    name: 'a million signers',
    code: 'LIMIT_EXCEEDED',
    mail: () => withSignature(signature(Buffer.alloc(0), Buffer.alloc(2_000_000).fill(sequence()))),
  },
  {
    name: 'a certificate of twelve megabytes',
    code: 'LIMIT_EXCEEDED',
    mail: () => withSignature(signature(sequence(Buffer.alloc(12_000_000)), Buffer.alloc(0))),
  },
  {
    name: 'a signer whose attributes are nested ten thousand deep',
    code: 'SIGNATURE_INVALID',
    mail: () => {
      const deep = Buffer.concat([open(SEQUENCE, 10_000), Buffer.alloc(20_000)])
      const info = signerInfo({ content: wrapped(), signer: alice, unsigned: [deep] })
      return withSignature(signedData({ signerInfos: [info], certificates: [alice] }))
    },
  },
]

const mime: readonly Hostile[] = [
  { name: 'parts nested 21 deep', code: 'LIMIT_EXCEEDED', mail: own(nestedParts(21)) },
  { name: 'parts nested two thousand deep', code: 'LIMIT_EXCEEDED', mail: own(nestedParts(2000)) },
  { name: 'more than a thousand parts', code: 'LIMIT_EXCEEDED', mail: own(parts(1001)) },
  { name: 'a million parts', code: 'LIMIT_EXCEEDED', mail: own(parts(1_000_000, '')) },
  {
    name: 'a million parts beside its signature',
    code: 'LIMIT_EXCEEDED',
    mail: () =>
      sealed(`Content-Type: multipart/signed; boundary=b\r\n\r\n${'--b\r\n\r\n'.repeat(1_000_000)}--b--`),
  },
  {
    name: 'an inner header of more than a megabyte',
    code: 'LIMIT_EXCEEDED',
    mail: () => sealed(signed(wrapped({ 'X-Long': 'a'.repeat(1 << 20) }))),
  },
  {
    name: 'an outer header of more than a megabyte',
    code: 'LIMIT_EXCEEDED',
    mail: () => Buffer.from(`${header({ 'X-Long': 'a'.repeat(1 << 20) })}\r\nx`),
  },
  {
    name: 'three hundred thousand fields',
    code: 'LIMIT_EXCEEDED',
    mail: () => sealed(signed(wrapped({ 'X-Many': `x\r\n${'a:\r\n'.repeat(200_000)}X-End: x` }))),
  },
  {
    name: 'many fields in each of many parts',
    code: 'LIMIT_EXCEEDED',
    mail: own(parts(990, `${'a:\n'.repeat(2400)}\r\nx`)),
  },
  {
    name: 'a megabyte of header in each of eight parts',
    code: 'LIMIT_EXCEEDED',
    mail: own(parts(8, `X-Long: ${'a'.repeat(1_000_000)}\r\n\r\nx`)),
  },
  {
    name: 'a million lines that are almost its delimiter',
    code: 'LIMIT_EXCEEDED',
    mail: own(
      `Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n${'--xA\r\n'.repeat(1_400_000)}--x--\r\n`,
    ),
  },
  {
    name: 'a boundary of two thousand letters',
    code: 'LIMIT_EXCEEDED',
    mail: () =>
      sealed(
        `Content-Type: multipart/signed; boundary=${'a'.repeat(2000)}\r\n\r\n${'\n'.repeat(9000)}${'a'.repeat(1 << 16)}`,
      ),
  },
]

export const bombs: readonly Hostile[] = [...ber, ...mime]
