import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign as signBytes,
} from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { MessageCode, Reason } from '../../../agent/errors.ts'
import {
  type Digest,
  digestAlgorithm,
  hashName,
  OID,
  type ReceivedDigest,
  signatureAlgorithm,
} from '../../../agent/smime/algorithms.ts'
import { context, NULL, oid, sequence, setOf, smallInteger, TAG, tlv } from '../../../agent/smime/ber/der.ts'
import { encrypt } from '../../../agent/smime/encrypt.ts'
import { sign } from '../../../agent/smime/sign.ts'
import { Verified, verify } from '../../../agent/smime/verify.ts'
import { type KeyName, type Minted, mint, poolKey } from '../../../fixtures/pki.ts'
import { signed as signedCertificate } from '../../../fixtures/signing.ts'
import { Certificate, parseCertificate } from '../../../trust-anchors/index.ts'
import { encodeTbsCertificate } from '../../../trust-anchors/issue/issue.ts'
import {
  attribute,
  envelope,
  honestAttributes,
  keyTrans,
  multipart,
  type SignerOptions,
  signedData,
  signerInfo,
} from './hostile.ts'
import {
  alice,
  bob,
  bytesOf,
  cmsOf,
  composed,
  countingSpool,
  encryptionPath,
  identity,
  NOW,
  opened,
  root,
  sourceOf,
} from './parties.ts'

const PART = 'Content-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nHello\r\n'
const PSS = '1.2.840.113549.1.1.10'
const MGF1 = '1.2.840.113549.1.1.8'
const HASH: Readonly<Record<ReceivedDigest, string>> = {
  'sha-1': '1.3.14.3.2.26',
  'sha-256': '2.16.840.1.101.3.4.2.1',
  'sha-384': '2.16.840.1.101.3.4.2.2',
  'sha-512': '2.16.840.1.101.3.4.2.3',
}

const code = (expected: MessageCode, text = /./) => ({ code: expected, text: expect.stringMatching(text) })

async function judge(signerInfos: readonly Uint8Array[], certificates: readonly Minted[]) {
  const sealed = envelope(multipart(PART, signedData({ signerInfos, certificates })), {
    recipientInfos: [keyTrans(bob)],
  })
  const decrypted = await opened(sourceOf(sealed), identity(bob))
  return verify(decrypted, { spool: countingSpool().spool, parseCertificate })
}

interface Made {
  readonly signer: Minted
  readonly digest: ReceivedDigest
  /** What the SignerInfo names. */
  readonly algorithm: Uint8Array
  /** What was done. */
  readonly options?: object
  readonly attributes?: false
  readonly change?: (signature: Buffer) => Uint8Array
}

/** A SignerInfo whose signature was made by these options, whatever its algorithm says. */
function made({
  signer,
  digest,
  algorithm,
  options = {},
  attributes,
  change = (one) => one,
}: Made): Uint8Array {
  const hash = hashName(digest)
  const signedAttributes = attributes === false ? null : honestAttributes(PART, hash)
  const data = signedAttributes === null ? Buffer.from(PART) : setOf(...signedAttributes)
  const how: Partial<SignerOptions> = {
    attributes: signedAttributes,
    digestAlgorithm: sequence(oid(HASH[digest])),
    signatureAlgorithm: algorithm,
    signature: change(signBytes(hash, data, { key: signer.privateKey, ...options })),
  }
  return signerInfo({ content: PART, signer, ...how })
}

async function judgeMade(one: Made): Promise<Verified | Reason<MessageCode>> {
  return judge([made(one)], [one.signer])
}

const leaf = (key: KeyName) => mint({ issuer: root, san: ['signer.example'], key })

/** RSASSA-PSS-params (RFC 4055 3.1); a field that is null is left out. */
function pss(
  hash: string | null,
  mask: string | null,
  salt: Uint8Array | null,
  trailer?: number,
): Uint8Array {
  return sequence(
    oid(PSS),
    sequence(
      ...(hash === null ? [] : [tlv(context(0), sequence(oid(hash), NULL))]),
      ...(mask === null ? [] : [tlv(context(1), sequence(oid(MGF1), sequence(oid(mask), NULL)))]),
      ...(salt === null ? [] : [tlv(context(2), salt)]),
      ...(trailer === undefined ? [] : [tlv(context(3), smallInteger(trailer))]),
    ),
  )
}

const salted = (saltLength: number) => ({ padding: constants.RSA_PKCS1_PSS_PADDING, saltLength })

describe('RSA-PSS (RFC 4056, ALG)', () => {
  const { 'sha-256': SHA256, 'sha-1': SHA1 } = HASH
  const withSalt = (salt: Uint8Array) => pss(SHA256, SHA256, salt)

  test.each<ReceivedDigest>(['sha-256', 'sha-384', 'sha-512'])(
    '%s with MGF1 of the same hash',
    async (digest) => {
      const algorithm = signatureAlgorithm('rsa-pss', digest as Digest)
      const options = salted(createHash(hashName(digest)).digest().length)
      expect(await judgeMade({ signer: alice, digest, algorithm, options })).toMatchObject({
        signers: [{ signature: 'rsa-pss', digest, weak: false }],
      })
    },
  )

  test.each([0, 1, 20, 33, 64, 100])('a salt of %d bytes', async (salt) => {
    const one = { signer: alice, digest: 'sha-256', options: salted(salt) } as const
    expect(await judgeMade({ ...one, algorithm: withSalt(smallInteger(salt)) })).toBeInstanceOf(Verified)
    expect(await judgeMade({ ...one, algorithm: withSalt(smallInteger(salt + 1)) })).toEqual(
      code('SIGNATURE_INVALID', /does not match/),
    )
  })

  test.each<[string, Uint8Array]>([
    ['negative, which OpenSSL would take for "whatever is there"', tlv(TAG.INTEGER, Uint8Array.of(0xff))],
    ['-2', tlv(TAG.INTEGER, Uint8Array.of(0xfe))],
    ['beyond all reason', tlv(TAG.INTEGER, Uint8Array.of(1, 0, 0, 0, 32))],
    ['no number', NULL],
  ])('a salt length that is %s is invalid', async (_, salt) => {
    const one = { signer: alice, digest: 'sha-256', options: salted(32) } as const
    expect(await judgeMade({ ...one, algorithm: withSalt(salt) })).toEqual(
      code('SIGNATURE_INVALID', /small number/),
    )
  })

  test('the trailer may be written out, and no other stand there', async () => {
    const one = { signer: alice, digest: 'sha-256', options: salted(32) } as const
    const trailed = (trailer: number) => pss(SHA256, SHA256, smallInteger(32), trailer)
    expect(await judgeMade({ ...one, algorithm: trailed(1) })).toBeInstanceOf(Verified)
    expect(await judgeMade({ ...one, algorithm: trailed(2) })).toEqual(code('ALGORITHM_REFUSED', /trailer/))
  })

  test('what is left out is SHA-1 and 20, and contradicts another digest (RFC 4055 3.1)', async () => {
    const one = { signer: alice, digest: 'sha-256', options: salted(20) } as const
    const contradiction = code('ALGORITHM_REFUSED', /sha-1 stands beside a digest of sha-256/)
    expect(await judgeMade({ ...one, algorithm: pss(null, null, null) })).toEqual(contradiction)
    expect(await judgeMade({ ...one, algorithm: sequence(oid(PSS)) })).toEqual(contradiction)
    expect(await judgeMade({ ...one, algorithm: pss(SHA256, SHA256, null) })).toBeInstanceOf(Verified)
  })

  test('a mask of another hash is refused by name', async () => {
    const one = { signer: alice, digest: 'sha-256', options: salted(32) } as const
    expect(await judgeMade({ ...one, algorithm: pss(SHA256, SHA1, smallInteger(32)) })).toEqual(
      code('ALGORITHM_REFUSED', /sha-256 and MGF1 with sha-1/),
    )
    expect(await judgeMade({ ...one, algorithm: pss(SHA256, null, smallInteger(32)) })).toEqual(
      code('ALGORITHM_REFUSED', /sha-256 and MGF1 with sha-1/),
    )
  })

  test('PKCS#1 v1.5 under the name of PSS, and the reverse, match nothing', async () => {
    const algorithm = signatureAlgorithm('rsa-pss', 'sha-256')
    expect(await judgeMade({ signer: alice, digest: 'sha-256', algorithm })).toEqual(
      code('SIGNATURE_INVALID'),
    )
    const pkcs1 = signatureAlgorithm('rsa-pkcs1', 'sha-256')
    expect(
      await judgeMade({ signer: alice, digest: 'sha-256', algorithm: pkcs1, options: salted(32) }),
    ).toEqual(code('SIGNATURE_INVALID'))
  })

  test('an EC key is refused for it', async () => {
    const algorithm = signatureAlgorithm('rsa-pss', 'sha-256')
    expect(await judgeMade({ signer: leaf('ec-p256'), digest: 'sha-256', algorithm })).toEqual(
      code('ALGORITHM_REFUSED', /EC prime256v1, for rsa-pss/),
    )
  })
})

describe('RSA-PSS keys (RFC 4055 1.2, 3.3)', () => {
  const free = pssLeaf(sequence(oid(PSS)))
  const strict = pssLeaf(pss(HASH['sha-256'], HASH['sha-256'], smallInteger(32)))

  test.each<[string, Minted, ReceivedDigest, number]>([
    ['one without parameters signs by any', free, 'sha-512', 10],
    ['one with parameters signs by them', strict, 'sha-256', 32],
    ['its salt may be longer', strict, 'sha-256', 40],
  ])('%s', async (_, signer, digest, salt) => {
    const algorithm = pss(HASH[digest], HASH[digest], smallInteger(salt))
    expect(await judgeMade({ signer, digest, algorithm, options: salted(salt) })).toMatchObject({
      signers: [{ signature: 'rsa-pss', digest }],
    })
  })

  test.each<[string, ReceivedDigest, number]>([
    ['by another digest', 'sha-384', 48],
    ['with a shorter salt', 'sha-256', 31],
  ])(
    'one with parameters does not sign %s: refused by name, and nothing is thrown',
    async (_, digest, salt) => {
      const algorithm = pss(HASH[digest], HASH[digest], smallInteger(salt))
      const signature = made({ signer: free, digest, algorithm, options: salted(salt) })
      expect(await judge([signature], [{ ...free, certificate: withIdOf(strict, free) }])).toEqual(
        code('ALGORITHM_REFUSED', /RSA-PSS by sha256.*32 bytes or more/),
      )
    },
  )

  test('PKCS#1 v1.5 is refused', async () => {
    const algorithm = signatureAlgorithm('rsa-pkcs1', 'sha-256')
    const change = () => Buffer.alloc(256, 1)
    const options = salted(32)
    expect(await judgeMade({ signer: strict, digest: 'sha-256', algorithm, options, change })).toEqual(
      code('ALGORITHM_REFUSED', /an RSA-PSS key, for rsa-pkcs1/),
    )
  })

  test('of ours sign by what they are for, whatever is configured', async () => {
    for (const [own, digest] of [
      [strict, 'sha-256'],
      [free, 'sha-512'],
    ] as const) {
      const signed = await sign(composed(), identity(own), {
        digest: 'sha-512',
        signature: 'rsa-pkcs1',
        at: NOW,
      })
      const algorithms = { content: 'aes-256-cbc', keyTransport: 'rsa-oaep-sha256' } as const
      const { entity } = await encrypt(signed, [encryptionPath(bob, 'b@clinic-b.example')], algorithms)
      const decrypted = await opened(sourceOf(cmsOf(await bytesOf(entity))), identity(bob))
      const result = await verify(decrypted, { spool: countingSpool().spool, parseCertificate })
      expect(result).toMatchObject({ signers: [{ signature: 'rsa-pss', digest }] })
      expect((await bytesOf(signed.entity)).toString()).toContain(`micalg=${digest}`)
    }
  })
})

describe('ECDSA (RFC 5753, ALG)', () => {
  const ID_EC_PUBLIC_KEY = sequence(oid('1.2.840.10045.2.1'))

  test.each<[KeyName, Digest]>(
    (['ec-p256', 'ec-p384', 'ec-p521'] as const).flatMap((key) =>
      (['sha-256', 'sha-384', 'sha-512'] as const).map((digest): [KeyName, Digest] => [key, digest]),
    ),
  )('%s with %s', async (key, digest) => {
    const algorithm = signatureAlgorithm('ecdsa', digest)
    expect(await judgeMade({ signer: leaf(key), digest, algorithm })).toMatchObject({
      signers: [{ signature: 'ecdsa', digest, weak: false }],
    })
  })

  test('named by id-ecPublicKey alone: the digest is that of the SignerInfo', async () => {
    const one = { signer: leaf('ec-p256'), algorithm: ID_EC_PUBLIC_KEY } as const
    expect(await judgeMade({ ...one, digest: 'sha-384' })).toMatchObject({
      signers: [{ signature: 'ecdsa', digest: 'sha-384' }],
    })
  })

  test('whose own digest contradicts the SignerInfo’s is refused (ALG-1)', async () => {
    const algorithm = signatureAlgorithm('ecdsa', 'sha-512')
    expect(await judgeMade({ signer: leaf('ec-p256'), digest: 'sha-256', algorithm })).toEqual(
      code('ALGORITHM_REFUSED', /sha-512 stands beside a digest of sha-256/),
    )
  })

  test('by an RSA key, and on a curve that is not accepted, is refused', async () => {
    const algorithm = signatureAlgorithm('ecdsa', 'sha-256')
    expect(await judgeMade({ signer: alice, digest: 'sha-256', algorithm })).toEqual(
      code('ALGORITHM_REFUSED', /RSA 2048, for ecdsa/),
    )
    expect(await judgeMade({ signer: leaf('ec-k256'), digest: 'sha-256', algorithm })).toEqual(
      code('ALGORITHM_REFUSED', /EC secp256k1/),
    )
  })

  const zeroes = (count: number) => Buffer.alloc(count)
  test.each<[string, object, (signature: Buffer) => Uint8Array]>([
    ['as two plain numbers', { dsaEncoding: 'ieee-p1363' }, (one) => one],
    ['with something behind it', {}, (one) => Buffer.concat([one, zeroes(1)])],
    ['with a length in BER', {}, (one) => Buffer.concat([Buffer.of(0x30, 0x81), one.subarray(1)])],
    ['with a zero before a number', {}, padFirstNumber],
    ['of two zeroes', {}, () => sequence(smallInteger(0), smallInteger(0))],
    ['that is empty', {}, () => zeroes(0)],
  ])('a signature %s is invalid: DER alone counts (RFC 3279 2.2.3)', async (_, options, change) => {
    const algorithm = signatureAlgorithm('ecdsa', 'sha-256')
    expect(
      await judgeMade({ signer: leaf('ec-p256'), digest: 'sha-256', algorithm, options, change }),
    ).toEqual(code('SIGNATURE_INVALID', /does not match/))
  })
})

describe('SHA-1 is weak in every scheme, and counts for partners of legacy.sha1From alone (ALG-4)', () => {
  const ec = leaf('ec-p256')
  const PSS_DEFAULTS = pss(null, null, null)
  test.each<[string, Made]>([
    ['RSA', { signer: alice, digest: 'sha-1', algorithm: sequence(oid(OID.rsaEncryption), NULL) }],
    [
      'sha1WithRSAEncryption',
      { signer: alice, digest: 'sha-1', algorithm: sequence(oid('1.2.840.113549.1.1.5'), NULL) },
    ],
    [
      'RSA-PSS by its defaults',
      { signer: alice, digest: 'sha-1', algorithm: PSS_DEFAULTS, options: salted(20) },
    ],
    ['ecdsa-with-SHA1', { signer: ec, digest: 'sha-1', algorithm: sequence(oid('1.2.840.10045.4.1')) }],
    ['id-ecPublicKey', { signer: ec, digest: 'sha-1', algorithm: sequence(oid('1.2.840.10045.2.1')) }],
  ])('%s', async (_, one) => {
    expect(await judgeMade(one)).toMatchObject({ signers: [{ digest: 'sha-1', weak: true }] })
  })
})

describe('without signed attributes', () => {
  const ec = leaf('ec-p256')
  const ECDSA = signatureAlgorithm('ecdsa', 'sha-256')
  const good = made({ signer: ec, digest: 'sha-256', algorithm: ECDSA, attributes: false })
  const bad = made({
    signer: ec,
    digest: 'sha-256',
    algorithm: ECDSA,
    attributes: false,
    change: (one) => Buffer.concat([one, Buffer.of(0)]),
  })

  test('RSA-PSS and ECDSA are over the content itself, LF or CRLF (IN-4)', async () => {
    const algorithm = signatureAlgorithm('rsa-pss', 'sha-256')
    const byPss = made({
      signer: alice,
      digest: 'sha-256',
      algorithm,
      options: salted(32),
      attributes: false,
    })
    expect(await judge([byPss, good], [alice, ec])).toMatchObject({ rejected: [] })
    const withLf = multipart(PART, signedData({ signerInfos: [good], certificates: [ec] })).replaceAll(
      '\r\n',
      '\n',
    )
    const sealed = envelope(withLf, { recipientInfos: [keyTrans(bob)] })
    const decrypted = await opened(sourceOf(sealed), identity(bob))
    expect(await verify(decrypted, { spool: countingSpool().spool, parseCertificate })).toBeInstanceOf(
      Verified,
    )
  })

  test('the content is read 4 times for them at most, whoever signs', async () => {
    const result = (await judge([bad, bad, bad, good, ...Array(28).fill(good)], [ec])) as Verified
    expect(result.signers).toHaveLength(1)
    const tooMany = { code: 'LIMIT_EXCEEDED', text: expect.stringMatching(/4 readings/) }
    expect(result.rejected).toEqual([...Array(3).fill(code('SIGNATURE_INVALID')), ...Array(28).fill(tooMany)])
    expect(await judge(Array(32).fill(bad), [ec])).toEqual(code('SIGNATURE_INVALID'))
  })

  test('32 signers by RSA PKCS#1 v1.5 are judged by the digest at hand, as many as they are', async () => {
    const algorithm = signatureAlgorithm('rsa-pkcs1', 'sha-256')
    const one = made({ signer: alice, digest: 'sha-256', algorithm, attributes: false })
    expect(await judge(Array(32).fill(one), [alice])).toMatchObject({ rejected: [], signers: { length: 32 } })
  })
})

describe('CMSAlgorithmProtection (RFC 6211 2)', () => {
  const RSA = signatureAlgorithm('rsa-pkcs1', 'sha-256')
  const SHA256 = digestAlgorithm('sha-256')
  const tagged = (tag: number, algorithm: Uint8Array) =>
    Buffer.concat([Uint8Array.of(tag), algorithm.subarray(1)])
  const protection = (digest: Uint8Array, signature: Uint8Array, tag = context(1)) =>
    sequence(digest, tagged(tag, signature))
  const judgeWith = (values: readonly Uint8Array[], options: Partial<SignerOptions> = {}) => {
    const attributes = [...honestAttributes(PART), attribute(OID.algorithmProtection, ...values)]
    return judge([signerInfo({ content: PART, signer: alice, attributes, ...options })], [alice])
  }

  test('that names the algorithms of the SignerInfo is right; NULL or nothing beside a digest is the same', async () => {
    const withNull = sequence(oid(HASH['sha-256']), NULL)
    for (const digest of [SHA256, withNull])
      for (const digestAlgorithm of [SHA256, withNull])
        expect(await judgeWith([protection(digest, RSA)], { digestAlgorithm })).toBeInstanceOf(Verified)
  })

  test.each<[string, readonly Uint8Array[]]>([
    ['another digest', [protection(digestAlgorithm('sha-512'), RSA)]],
    ['a digest with other parameters', [protection(sequence(oid(HASH['sha-256']), smallInteger(1)), RSA)]],
    ['another signature algorithm', [protection(SHA256, signatureAlgorithm('rsa-pss', 'sha-256'))]],
    ['the same by another name', [protection(SHA256, sequence(oid('1.2.840.113549.1.1.11'), NULL))]],
    ['one without its NULL', [protection(SHA256, sequence(oid(OID.rsaEncryption)))]],
    ['a MAC', [protection(SHA256, RSA, context(2))]],
    ['a signature algorithm without its tag', [sequence(SHA256, RSA)]],
    ['a digest alone', [sequence(SHA256)]],
    ['something behind', [sequence(SHA256, tagged(context(1), RSA), NULL)]],
    ['nothing', [sequence()]],
    ['no structure at all', [NULL]],
    ['two values', [protection(SHA256, RSA), protection(SHA256, sequence(oid(OID.rsaEncryption)))]],
  ])('that names %s is invalid', async (_, values) => {
    expect(await judgeWith(values)).toEqual(code('SIGNATURE_INVALID'))
  })

  test('that stands there twice, or is not signed, is invalid', async () => {
    const once = attribute(OID.algorithmProtection, protection(SHA256, RSA))
    const attributes = [...honestAttributes(PART), once, once]
    expect(await judge([signerInfo({ content: PART, signer: alice, attributes })], [alice])).toEqual(
      code('SIGNATURE_INVALID', /once with one value/),
    )
    expect(await judge([signerInfo({ content: PART, signer: alice, unsigned: [once] })], [alice])).toEqual(
      code('SIGNATURE_INVALID', /must be signed/),
    )
  })

  test('tells a salt length that was changed on the way', async () => {
    const named = signatureAlgorithm('rsa-pss', 'sha-256')
    const attributes = [
      ...honestAttributes(PART),
      attribute(OID.algorithmProtection, protection(SHA256, named)),
    ]
    const signature = signBytes('sha256', setOf(...attributes), { key: alice.privateKey, ...salted(32) })
    const judgeNamed = (signatureAlgorithm: Uint8Array) =>
      judge(
        [signerInfo({ content: PART, signer: alice, attributes, signature, signatureAlgorithm })],
        [alice],
      )
    expect(await judgeNamed(named)).toBeInstanceOf(Verified)
    const { 'sha-256': hash } = HASH
    expect(await judgeNamed(pss(hash, hash, smallInteger(33)))).toEqual(
      code('SIGNATURE_INVALID', /another signature algorithm/),
    )
  })
})

/** The first INTEGER of a DER signature with a zero more than it needs. */
function padFirstNumber(signature: Buffer): Uint8Array {
  const length = signature[3] as number
  const [first, second] = [signature.subarray(4, 4 + length), signature.subarray(4 + length)]
  return sequence(tlv(TAG.INTEGER, Uint8Array.of(0), first), second)
}

/** A leaf whose key is of the pool's, for RSA-PSS alone; `algorithm`: as it stands in the key. */
function pssLeaf(algorithm: Uint8Array): Minted {
  const rsa = poolKey('clinic-a').export({ format: 'der', type: 'pkcs1' })
  const pkcs8 = sequence(smallInteger(0), algorithm, tlv(TAG.OCTET_STRING, rsa))
  const privateKey = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
  return { certificate: certify(privateKey), privateKey, pem: '' }
}

function certify(privateKey: KeyObject): Certificate {
  const spki = createPublicKey(privateKey.export({ format: 'pem', type: 'pkcs8' })).export({
    format: 'der',
    type: 'spki',
  })
  const { subject, issuer, notBefore, notAfter } = alice.certificate
  const fields = {
    subject,
    issuer,
    notBefore,
    notAfter,
    spki,
    extensions: [],
    serialNumber: Uint8Array.of(7),
  }
  const parts = signedCertificate((algorithm) => encodeTbsCertificate(fields, algorithm), root.privateKey)
  const certificate = parseCertificate(sequence(...parts))
  if (certificate instanceof Certificate) return certificate
  throw new Error(certificate.text)
}

/** Both are named by the same issuer and serial number, so one's certificate can be put in place of the other's. */
function withIdOf({ certificate }: Minted, other: Minted): Certificate {
  expect(certificate.issuerAndSerialNumber).toEqual(other.certificate.issuerAndSerialNumber)
  return certificate
}
