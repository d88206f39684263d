import { expect, test } from 'vitest'
import { mint } from '../../fixtures/pki.ts'
import { BUNDLE_LIMIT, bundleCms, readBundle } from '../../trust-anchors/index.ts'
import { encode, encodeInteger, encodeOid, sequence } from '../../trust-anchors/x509/der-write.ts'
import { p7b, p7bWithMetadata, toBer } from '../services/bundles.ts'

const rootA = mint({ ca: true, subject: 'Root A', key: 'root-a' })
const rootB = mint({ ca: true, subject: 'Root B', key: 'root-b' })
const leaf = mint({ san: ['clinic-a.example'], key: 'clinic-a' })
const BOTH = [rootA.certificate.sha256, rootB.certificate.sha256]

function anchorsOf(bytes: Uint8Array): readonly string[] | string {
  const bundle = readBundle(bytes)
  return 'code' in bundle ? bundle.code : bundle.anchors.map(({ sha256 }) => sha256)
}

/** Certs-only SignedData around anything. */
function certsOnly(...certificates: readonly Uint8Array[]): Uint8Array {
  const signedData = sequence(
    encodeInteger(1),
    encode(0x31),
    sequence(encodeOid('1.2.840.113549.1.7.1')),
    ...(certificates.length === 0 ? [] : [encode(0xa0, ...certificates)]),
    encode(0x31),
  )
  return sequence(encodeOid('1.2.840.113549.1.7.2'), encode(0xa0, signedData))
}

test.each([
  ['a p7b in DER', p7b([rootA, rootB])],
  ['a p7b as PEM', p7b([rootA, rootB], 'PEM')],
  ['a p7b as PEM with CRLF', Buffer.from(p7b([rootA, rootB], 'PEM').toString().replaceAll('\n', '\r\n'))],
  ['a p7b in BER, of indefinite lengths', toBer(p7b([rootA, rootB]))],
  ['a p7b with XML metadata as its content', p7bWithMetadata([rootA, rootB], leaf)],
  ['PEM certificates one after the other', Buffer.from(rootA.pem + rootB.pem)],
])('%s is a trust bundle (TR-4)', (_, bytes) => {
  expect(anchorsOf(bytes)).toHaveLength(2)
  expect(new Set(anchorsOf(bytes))).toEqual(new Set(BOTH))
})

test('a certificate that cannot be read is told, and the others are anchors', () => {
  const broken = Uint8Array.from(rootB.certificate.der)
  broken[4] = 0x31
  const bundle = readBundle(certsOnly(rootA.certificate.der, broken))
  if ('code' in bundle) throw new Error(bundle.text)
  expect(bundle.anchors.map(({ sha256 }) => sha256)).toEqual([rootA.certificate.sha256])
  expect(bundle.notes).toEqual([expect.stringContaining('certificate 2 of 2 was passed over')])
})

test('one that is no CA is an anchor all the same, and told', () => {
  const bundle = readBundle(certsOnly(rootA.certificate.der, leaf.certificate.der))
  if ('code' in bundle) throw new Error(bundle.text)
  expect(bundle.anchors).toHaveLength(2)
  expect(bundle.notes).toEqual([
    `${leaf.certificate.sha256} is no CA certificate: as an anchor it stands for itself alone`,
  ])
})

test('the same certificate twice is one anchor', () => {
  expect(anchorsOf(certsOnly(rootA.certificate.der, rootA.certificate.der))).toHaveLength(1)
})

test.each([
  ['a bundle without any certificate: it would end all trust', p7b([]), 'NO_ANCHORS'],
  ['a bundle of certificates that nobody can read', certsOnly(sequence(encodeInteger(1))), 'NO_ANCHORS'],
  ['a web page', Buffer.from('<html><body>moved</body></html>'), 'MALFORMED'],
  ['nothing at all', Buffer.alloc(0), 'MALFORMED'],
  ['one certificate in DER: rather the wrong file', Buffer.from(rootA.certificate.der), 'MALFORMED'],
  ['half a p7b', p7b([rootA, rootB]).subarray(0, 500), 'MALFORMED'],
  ['more bytes than anybody may send', Buffer.alloc(BUNDLE_LIMIT.bytes + 1, 0x30), 'LIMIT_EXCEEDED'],
  [
    'more certificates than anybody has',
    Buffer.from(
      '-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n'.repeat(BUNDLE_LIMIT.count + 1),
    ),
    'LIMIT_EXCEEDED',
  ],
])('%s is refused (TR-4)', (_, bytes, code) => {
  expect(anchorsOf(bytes)).toBe(code)
})

test('more certificates than anybody has are refused in a p7b too', () => {
  const many = Array.from({ length: BUNDLE_LIMIT.count + 1 }, () => sequence(encodeInteger(1)))
  expect(anchorsOf(certsOnly(...many))).toBe('MALFORMED')
})

test("the CMS of a bundle's PEM text is what stands between its lines", () => {
  expect(bundleCms(p7b([rootA], 'PEM'))).toEqual(p7b([rootA]))
  expect(bundleCms(p7b([rootA]))).toEqual(p7b([rootA]))
})
