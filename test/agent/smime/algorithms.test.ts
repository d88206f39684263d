import { describe, expect, test } from 'vitest'
import {
  type AlgorithmIdentifier,
  readAlgorithmIdentifier,
} from '../../../agent/smime/algorithms/algorithm-identifier.ts'
import { deriveKey } from '../../../agent/smime/algorithms/key-derivation.ts'
import { type KeyWrap, unwrapKey, wrapKey } from '../../../agent/smime/algorithms/key-wrap.ts'
import {
  CAPABILITIES,
  CAPABILITIES_WITH_EC_KEY,
  CONTENT_PREFERENCE,
  type ContentCipher,
  contentAlgorithm,
  type Digest,
  digestAlgorithm,
  isAuthenticated,
  keyAgreementAlgorithm,
  keyBytes,
  keyEncryptionKey,
  keyTransportAlgorithm,
  OUR_AGREEMENT,
  type ReceivedDigest,
  readCapabilities,
  readContentEncryption,
  readDigest,
  readKeyAgreement,
  readKeyTransport,
  readSignatureAlgorithm,
  signatureAlgorithm,
  TRANSPORT_PREFERENCE,
} from '../../../agent/smime/algorithms.ts'
import { context, NULL, oid, sequence, smallInteger, TAG, tlv } from '../../../agent/smime/ber/der.ts'
import { readElement } from '../../../agent/smime/ber/element.ts'
import { KEY_TRANSPORTS } from './parties.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const bytes = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const read = (der: Uint8Array) => readAlgorithmIdentifier(readElement(der))
const refused = (text: RegExp) => ({ code: 'ALGORITHM_REFUSED', text: expect.stringMatching(text) })
const malformed = expect.objectContaining({ code: 'MALFORMED' })
const ENVELOPED = { authenticated: false, tripleDes: false }
const AUTHENTICATED = { authenticated: true, tripleDes: false }

/** Sections 4.1 to 4.6: the wrapping key counts up from 00, the wrapped one is 00112233… */
describe('AES key wrap (RFC 3394)', () => {
  const counting = (count: number) => Buffer.from(Array.from({ length: count }, (_, i) => i))
  const data = (count: number) =>
    bytes('00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f').subarray(0, count)
  const vectors: [string, KeyWrap, number, string][] = [
    ['4.1', 'aes-128-wrap', 16, '1fa68b0a8112b447 aef34bd8fb5a7b82 9d3e862371d2cfe5'],
    ['4.2', 'aes-192-wrap', 16, '96778b25ae6ca435 f92b5b97c050aed2 468ab8a17ad84e5d'],
    ['4.3', 'aes-256-wrap', 16, '64e8c3f9ce0f5ba2 63e9777905818a2a 93c8191e7d6e8ae7'],
    ['4.4', 'aes-192-wrap', 24, '031d33264e15d332 68f24ec260743edc e1c6c7ddee725a93 6ba814915c6762d2'],
    ['4.5', 'aes-256-wrap', 24, 'a8f9bc1612c68b3f f6e6f4fbe30e71e4 769c8b80a32cb895 8cd5d17d6b254da1'],
    [
      '4.6',
      'aes-256-wrap',
      32,
      '28c9f404c4b810f4 cbccb35cfb87f826 3f5786e2d80ed326 cbc7f0e71a99f43b fb988b9b7a02dd21',
    ],
  ]

  test.each(vectors)('vector %s, both ways', (_, wrap, count, wrapped) => {
    const wrapping = counting(Number(wrap.slice(4, 7)) / 8)
    expect(hex(wrapKey(wrap, wrapping, data(count)))).toBe(hex(bytes(wrapped)))
    expect(hex(unwrapKey(wrap, wrapping, bytes(wrapped)) ?? Buffer.of())).toBe(hex(data(count)))
  })

  test('what was changed, is cut short, or is under another key, is null', () => {
    const wrapping = counting(16)
    const wrapped = Buffer.from(wrapKey('aes-128-wrap', wrapping, data(16)))
    for (let at = 0; at < wrapped.length; at++) {
      const changed = Buffer.from(wrapped)
      changed[at] = (changed[at] as number) ^ 1
      expect(unwrapKey('aes-128-wrap', wrapping, changed)).toBeNull()
      expect(unwrapKey('aes-128-wrap', wrapping, wrapped.subarray(0, at))).toBeNull()
    }
    expect(unwrapKey('aes-128-wrap', counting(16).reverse(), wrapped)).toBeNull()
  })
})

describe('key derivation (ANSI X9.63, SEC 1 3.6.1)', () => {
  // From NIST's component test vectors, ansx963_2001.
  test.each<[ReceivedDigest, string, string, number, string]>([
    ['sha-1', '1c7d7b5f0597b03d06a018466ed1a93e30ed4b04dc64ccdd', '', 16, 'bf71dffd8f4d99223936beb46fee8ccc'],
    [
      'sha-256',
      '96c05619d56c328ab95fe84b18264b08725b85e33fd34f08',
      '',
      16,
      '443024c3dae66b95e6f5670601558f71',
    ],
  ])('%s, one block', (digest, secret, info, count, expected) => {
    expect(hex(deriveKey(digest, bytes(secret), bytes(info), count))).toBe(expected)
  })

  test('of several blocks each counts from 1, and a shorter key is the start of a longer one', () => {
    const [secret, info] = [bytes('0102'), bytes('0304')]
    const long = deriveKey('sha-1', secret, info, 50)
    expect(long).toHaveLength(50)
    expect(hex(deriveKey('sha-1', secret, info, 32))).toBe(hex(long.subarray(0, 32)))
  })

  test('what is derived from is the wrap as it was written, the ukm where there is one, and the length (RFC 5753 7.2)', () => {
    const secret = bytes('aa'.repeat(32))
    const info = (ukm: string) =>
      bytes(`30 ${ukm === '' ? '15' : '1b'} 300b 060960864801650304012d ${ukm} a206 0404 00000100`)
    const expected = (ukm: string) => hex(deriveKey('sha-256', secret, info(ukm), 32))
    expect(hex(keyEncryptionKey(secret, OUR_AGREEMENT, null))).toBe(expected(''))
    expect(hex(keyEncryptionKey(secret, OUR_AGREEMENT, bytes('0102')))).toBe(expected('a004 0402 0102'))
    const withNull = sequence(oid('2.16.840.1.101.3.4.1.45'), NULL)
    const form = { ...OUR_AGREEMENT, wrapAlgorithm: withNull }
    expect(hex(keyEncryptionKey(secret, form, null))).not.toBe(expected(''))
  })
})

describe('key agreement', () => {
  test('is written as RFC 5753 7.1.4 has it, and read again', () => {
    const der = keyAgreementAlgorithm(OUR_AGREEMENT)
    expect(hex(der)).toBe(hex(bytes('3015 06062b8104010b01 300b 060960864801650304012d')))
    expect(readKeyAgreement(read(der))).toEqual({
      ...OUR_AGREEMENT,
      wrapAlgorithm: new Uint8Array(OUR_AGREEMENT.wrapAlgorithm),
    })
  })

  test.each<[string, Uint8Array, RegExp]>([
    [
      '3DES as its wrap',
      sequence(oid('1.3.132.1.11.1'), sequence(oid('1.2.840.113549.1.9.16.3.6'), NULL)),
      /3DES key wrap/,
    ],
    [
      'AES with parameters',
      sequence(oid('1.3.132.1.11.1'), sequence(oid('2.16.840.1.101.3.4.1.5'), smallInteger(1))),
      /with parameters/,
    ],
    [
      'SHA-224',
      sequence(oid('1.3.132.1.11.0'), sequence(oid('2.16.840.1.101.3.4.1.5'))),
      /1\.3\.132\.1\.11\.0/,
    ],
  ])('with %s is refused by name', (_, der, text) => {
    expect(readKeyAgreement(read(der))).toEqual(refused(text))
  })

  test('without a wrap is malformed', () => {
    expect(() => readKeyAgreement(read(sequence(oid('1.3.132.1.11.1'))))).toThrow(malformed)
  })
})

describe('content encryption', () => {
  const iv = bytes('000102030405060708090a0b0c0d0e0f')
  const nonce = iv.subarray(0, 12)

  test.each<[Parameters<typeof contentAlgorithm>[0], string]>([
    [{ cipher: 'aes-128-cbc', iv }, '301d 0609 608648016503040102 0410 000102030405060708090a0b0c0d0e0f'],
    [{ cipher: 'aes-256-cbc', iv }, '301d 0609 60864801650304012a 0410 000102030405060708090a0b0c0d0e0f'],
    [
      { cipher: 'aes-256-gcm', nonce, tagBytes: 16 },
      '301e 0609 60864801650304012e 3011 040c 000102030405060708090a0b 020110',
    ],
  ])('%j is written so (RFC 3565 4.1, RFC 5084 3.2), and read again', (encryption, expected) => {
    const der = contentAlgorithm(encryption)
    expect(hex(der)).toBe(hex(bytes(expected)))
    const back = readContentEncryption(read(der), 'iv' in encryption ? ENVELOPED : AUTHENTICATED)
    expect(JSON.stringify(back)).toBe(JSON.stringify(plain(encryption)))
  })

  const gcm = (...parameters: readonly Uint8Array[]) =>
    read(sequence(oid('2.16.840.1.101.3.4.1.46'), sequence(...parameters)))
  const octets = (count: number) => tlv(TAG.OCTET_STRING, Buffer.alloc(count, 1))

  test('a GCM tag has 12 bytes where nothing is said, and up to 16 (RFC 5084 3.2)', () => {
    expect(readContentEncryption(gcm(octets(12)), AUTHENTICATED)).toMatchObject({ tagBytes: 12 })
    for (const tagBytes of [12, 13, 14, 15, 16])
      expect(readContentEncryption(gcm(octets(12), smallInteger(tagBytes)), AUTHENTICATED)).toMatchObject({
        tagBytes,
      })
    for (const tagBytes of [0, 4, 8, 11, 17])
      expect(readContentEncryption(gcm(octets(12), smallInteger(tagBytes)), AUTHENTICATED)).toEqual(
        refused(new RegExp(`tag of ${tagBytes} bytes`)),
      )
  })

  test('parameters that make no sense are malformed, a negative tag length among them', () => {
    const wrong = [
      gcm(),
      gcm(octets(0)),
      gcm(octets(65)),
      gcm(octets(12), bytes('0201f0')),
      gcm(octets(12), NULL),
    ]
    for (const one of wrong) expect(() => readContentEncryption(one, AUTHENTICATED)).toThrow(malformed)
    const cbc = (parameters: Uint8Array) => read(sequence(oid('2.16.840.1.101.3.4.1.2'), parameters))
    for (const one of [cbc(octets(15)), cbc(octets(17)), cbc(NULL)])
      expect(() => readContentEncryption(one, ENVELOPED)).toThrow(malformed)
  })

  test('each kind of envelope has its ciphers', () => {
    const cbc = read(contentAlgorithm({ cipher: 'aes-128-cbc', iv }))
    expect(readContentEncryption(cbc, AUTHENTICATED)).toEqual(
      refused(/aes-128-cbc inside an AuthEnvelopedData/),
    )
    expect(readContentEncryption(gcm(octets(12)), ENVELOPED)).toEqual(
      refused(/aes-256-gcm inside an EnvelopedData/),
    )
  })

  test('3DES passes where it may, in an EnvelopedData alone, with 8 bytes of IV and 24 of key', () => {
    const of = (count: number) => read(sequence(oid('1.2.840.113549.3.7'), octets(count)))
    expect(readContentEncryption(of(8), ENVELOPED)).toEqual(refused(/3DES/))
    expect(readContentEncryption(of(8), { ...ENVELOPED, tripleDes: true })).toMatchObject({
      cipher: 'des-ede3-cbc',
    })
    expect(readContentEncryption(of(8), { authenticated: true, tripleDes: true })).toEqual(
      refused(/AuthEnvelopedData/),
    )
    expect(() => readContentEncryption(of(16), { ...ENVELOPED, tripleDes: true })).toThrow(malformed)
    expect(keyBytes('des-ede3-cbc')).toBe(24)
    expect((['aes-128-cbc', 'aes-192-cbc', 'aes-256-gcm'] as const).map(keyBytes)).toEqual([16, 24, 32])
  })
})

describe('key transport', () => {
  test('OAEP names hash and mask, but for SHA-1 (RFC 4055 4.1), and is read again', () => {
    for (const transport of KEY_TRANSPORTS)
      expect(readKeyTransport(read(keyTransportAlgorithm(transport)))).toBe(transport)
    expect(hex(keyTransportAlgorithm('rsa-oaep-sha1'))).toBe('300d06092a864886f70d0101073000')
    expect(hex(keyTransportAlgorithm('rsa-pkcs1'))).toBe('300d06092a864886f70d0101010500')
    expect(hex(keyTransportAlgorithm('rsa-oaep-sha256'))).toBe(
      hex(
        bytes(
          '303c 06092a864886f70d010107 302f a00f 300d 0609608648016503040201 0500 a11c 301a 06092a864886f70d010108 300d 0609608648016503040201 0500',
        ),
      ),
    )
  })

  const OAEP = oid('1.2.840.113549.1.1.7')
  const labelled = (...value: readonly Uint8Array[]) =>
    read(sequence(OAEP, sequence(tlv(context(2), sequence(oid('1.2.840.113549.1.1.9'), ...value)))))

  test('absent and NULL parameters are the defaults; so is an empty label', () => {
    for (const one of [read(sequence(OAEP)), read(sequence(OAEP, NULL)), labelled(tlv(TAG.OCTET_STRING))])
      expect(readKeyTransport(one)).toBe('rsa-oaep-sha1')
    expect(readKeyTransport(labelled(tlv(TAG.OCTET_STRING, Buffer.of(1))))).toEqual(refused(/label/))
  })

  test('parameters without a value, or of another structure, are malformed', () => {
    for (const one of [
      sequence(OAEP, smallInteger(1)),
      sequence(OAEP, sequence(tlv(context(0)))),
      sequence(OAEP, sequence(tlv(context(0, 'primitive'), Buffer.of(1)))),
    ])
      expect(() => readKeyTransport(read(one))).toThrow(malformed)
  })
})

test('digests: SHA-2 is written without parameters (RFC 5754 2); others are refused by name', () => {
  for (const digest of ['sha-256', 'sha-384', 'sha-512'] as const)
    expect(readDigest(read(digestAlgorithm(digest)).algorithm)).toBe(digest)
  expect(hex(digestAlgorithm('sha-256'))).toBe('300b0609608648016503040201')
  expect(readDigest('1.2.840.113549.2.5')).toEqual(refused(/^MD5 is not accepted as the digest/))
  expect(readDigest('1.2.3')).toEqual(refused(/unknown algorithm \(1\.2\.3\)/))
})

test('signatures: every scheme that we write is read as what it is', () => {
  for (const digest of ['sha-256', 'sha-384', 'sha-512'] as Digest[]) {
    const back = (scheme: Parameters<typeof signatureAlgorithm>[0]) =>
      readSignatureAlgorithm(read(signatureAlgorithm(scheme, digest)), digest)
    expect(back('rsa-pkcs1')).toEqual({ scheme: 'rsa-pkcs1' })
    expect(back('ecdsa')).toEqual({ scheme: 'ecdsa' })
    expect(back('rsa-pss')).toEqual({ scheme: 'rsa-pss', saltBytes: Number(digest.slice(4)) / 8 })
  }
  expect(hex(signatureAlgorithm('ecdsa', 'sha-256'))).toBe('300a06082a8648ce3d040302')
})

describe('capabilities (RFC 8551 2.5.2, MSG-7)', () => {
  const entries = (der: Uint8Array) =>
    readElement(der).children.map((entry) => readAlgorithmIdentifier(entry))
  const said = (...list: readonly Uint8Array[]) => readCapabilities(readElement(sequence(...list)))

  test('ours are read as what they are, best first', () => {
    const back = readCapabilities(readElement(CAPABILITIES))
    expect(back).toEqual({ content: CONTENT_PREFERENCE, keyTransport: TRANSPORT_PREFERENCE })
    expect(back?.content.slice(0, 2)).toEqual(['aes-256-gcm', 'aes-256-cbc'])
    expect(back?.content.at(-1)).toBe('aes-128-cbc')
    expect(back?.keyTransport).not.toContain('rsa-pkcs1')
  })

  test('we name nothing that we do not accept', () => {
    const iv = tlv(TAG.OCTET_STRING, Buffer.alloc(16))
    const gcm = sequence(tlv(TAG.OCTET_STRING, Buffer.alloc(12)))
    const accepts = (identifier: AlgorithmIdentifier) => {
      const cipher = (parameters: Uint8Array) => read(sequence(oid(identifier.algorithm), parameters))
      const answers = [
        () => readKeyTransport(identifier),
        () => readKeyAgreement(identifier),
        () => readContentEncryption(cipher(iv), ENVELOPED),
        () => readContentEncryption(cipher(gcm), AUTHENTICATED),
      ].map(answerOf)
      return answers.some(
        (answer) => typeof answer === 'string' || (answer !== null && !Object.hasOwn(Object(answer), 'code')),
      )
    }
    const all = entries(CAPABILITIES_WITH_EC_KEY)
    expect(all.length).toBeGreaterThan(entries(CAPABILITIES).length)
    expect(all.filter((one) => !accepts(one))).toEqual([])
  })

  test('of others we take what we know, in their order, once; the rest is passed over', () => {
    const gcm = sequence(oid('2.16.840.1.101.3.4.1.6'))
    const cbc = sequence(oid('2.16.840.1.101.3.4.1.2'), NULL)
    const rc2 = sequence(oid('1.2.840.113549.3.2'), tlv(TAG.INTEGER, Buffer.of(0, 0x80)))
    const broken = sequence(oid('1.2.840.113549.1.1.7'), smallInteger(1))
    expect(said(rc2, cbc, NULL, gcm, cbc, broken, keyTransportAlgorithm('rsa-oaep-sha512'))).toEqual({
      content: ['aes-128-cbc', 'aes-128-gcm'],
      keyTransport: ['rsa-oaep-sha512'],
    })
  })

  test('that name none of our ciphers, or are none, say nothing', () => {
    expect(said()).toBeNull()
    expect(said(sequence(oid('1.2.840.113549.3.7')), keyTransportAlgorithm('rsa-oaep-sha256'))).toBeNull()
    expect(readCapabilities(readElement(NULL))).toBeNull()
    expect(readCapabilities(null)).toBeNull()
  })
})

/** Null where it throws that these are no parameters. */
function answerOf(ask: () => unknown): unknown {
  try {
    return ask()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'MALFORMED') return null
    throw error
  }
}

function plain(encryption: Parameters<typeof contentAlgorithm>[0]): object {
  const { cipher }: { cipher: ContentCipher } = encryption
  const copy = (one: Uint8Array) => new Uint8Array(one)
  if (isAuthenticated(cipher) && 'nonce' in encryption)
    return { ...encryption, nonce: copy(encryption.nonce) }
  return 'iv' in encryption ? { cipher, iv: copy(encryption.iv) } : encryption
}
