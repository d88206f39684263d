import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { MessageCode, Reason } from '../../../agent/errors.ts'
import { OID, signatureAlgorithm } from '../../../agent/smime/algorithms.ts'
import { NULL, oid, sequence, setOf, smallInteger, TAG, time, tlv } from '../../../agent/smime/ber/der.ts'
import { Verified, verify } from '../../../agent/smime/verify.ts'
import { type Minted, mint } from '../../../fixtures/pki.ts'
import { parseCertificate } from '../../../trust-anchors/index.ts'
import {
  attribute,
  envelope,
  honestAttributes,
  indefinite,
  keyTrans,
  multipart,
  opaque,
  type SignerOptions,
  signedData,
  signerInfo,
} from './hostile.ts'
import { alice, bob, bytesOf, countingSpool, drLee, identity, opened, root, sourceOf } from './parties.ts'

const PART = 'Content-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nHello\r\n'

/** Seals the plaintext for bob, opens it, and verifies what comes out. */
async function judge(
  plaintext: string | Uint8Array,
  chunk?: number,
): Promise<Verified | Reason<MessageCode>> {
  const cms = envelope(plaintext, { recipientInfos: [keyTrans(bob)] })
  const decrypted = await opened(sourceOf(cms, chunk), identity(bob))
  const { spool, open } = countingSpool()
  const result = await verify(decrypted, { spool, parseCertificate })
  if (!(result instanceof Verified)) expect(open(), 'spools left behind').toBe(0)
  return result
}

/** A detached signature by alice, unless the options say otherwise. */
function detached(options: Partial<SignerOptions> = {}, certificates: readonly Minted[] = [alice]): string {
  const signerInfos = [signerInfo({ content: PART, signer: alice, ...options })]
  return multipart(PART, signedData({ signerInfos, certificates }))
}

const code = (expected: MessageCode, text = /./) => ({ code: expected, text: expect.stringMatching(text) })

describe('the form (IN-4)', () => {
  test('multipart/signed: the entity is part one, byte for byte, however the bytes arrive', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 300 }), async (chunk) => {
        const result = (await judge(detached(), chunk)) as Verified
        expect((await bytesOf(result.entity)).toString()).toBe(PART)
        expect(result.entity.bytes).toBe(PART.length)
      }),
      { numRuns: 15 },
    )
  })

  for (const [name, form] of [
    ['DER', undefined],
    ['BER in pieces', indefinite],
  ] as const) {
    test(`opaque signed-data in ${name}: the entity is its content, until it is disposed of`, async () => {
      const cms = signedData({
        content: PART,
        signerInfos: [signerInfo({ content: PART, signer: alice })],
        certificates: [alice],
        ...(form === undefined ? {} : { form }),
      })
      for (const type of [undefined, 'application/x-pkcs7-mime']) {
        const decrypted = await opened(
          sourceOf(envelope(opaque(cms, type), { recipientInfos: [keyTrans(bob)] })),
          identity(bob),
        )
        const { spool, open } = countingSpool()
        const result = (await verify(decrypted, { spool, parseCertificate })) as Verified
        expect((await bytesOf(result.entity)).toString()).toBe(PART)
        expect(open()).toBe(1)
        await result[Symbol.asyncDispose]()
        expect(open()).toBe(0)
      }
    })
  }

  test('an unsigned message is refused', async () => {
    expect(await judge(PART)).toEqual(code('NOT_SIGNED', /message\/rfc822/))
  })

  test('nested encryption is refused, and says so', async () => {
    const inner = envelope(PART, { recipientInfos: [keyTrans(bob)] })
    expect(await judge(opaque(inner))).toEqual(code('NOT_SIGNED', /nested encryption is refused/))
    expect(await judge(opaque(envelope(PART, { recipientInfos: [], type: OID.authEnvelopedData })))).toEqual(
      code('NOT_SIGNED', /nested encryption is refused/),
    )
  })

  test('multipart/signed that does not come apart is undecryptable; one of three parts is malformed (IN-4)', async () => {
    const cms = signedData({
      signerInfos: [signerInfo({ content: PART, signer: alice })],
      certificates: [alice],
    })
    const one = `Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n${PART}\r\n--b--\r\n`
    expect(await judge(one)).toEqual(code('UNDECRYPTABLE'))
    const three = multipart(PART, cms).replace('--b--', '--b\r\n\r\nmore\r\n--b--')
    expect(await judge(three)).toEqual(code('MALFORMED', /3 parts/))
    expect(await judge(detached().replace('boundary=b', 'x=y'))).toEqual(code('UNDECRYPTABLE'))
  })

  test('a signature that is PGP, or no CMS, is no signature', async () => {
    expect(
      await judge(detached().replace('application/pkcs7-signature\r\n', 'application/pgp-signature\r\n')),
    ).toEqual(code('NOT_SIGNED', /pgp/))
    expect(await judge(multipart(PART, Buffer.from('nothing')))).toEqual(code('UNDECRYPTABLE'))
  })

  test('MIME that makes no sense is undecryptable, like any other failure (ALG-2)', async () => {
    expect(await judge('From nobody\r\n\r\n')).toEqual(code('UNDECRYPTABLE'))
    expect(await judge('::::::::::::::::::::')).toEqual(code('UNDECRYPTABLE'))
  })

  test('zero SignerInfos are no signature', async () => {
    expect(await judge(multipart(PART, signedData({ signerInfos: [], certificates: [alice] })))).toEqual(
      code('NOT_SIGNED', /no signer/),
    )
  })

  test('opaque signed-data without content is malformed', async () => {
    const cms = signedData({
      signerInfos: [signerInfo({ content: '', signer: alice })],
      certificates: [alice],
    })
    expect(await judge(opaque(cms))).toEqual(code('MALFORMED', /no content/))
  })

  test('micalg is ignored (ALG-1)', async () => {
    for (const micalg of ['', 'micalg=md5;', 'micalg="SHA1";', 'micalg=rsa-sha-512;']) {
      expect(await judge(detached().replace(' micalg=whatever;', micalg))).toBeInstanceOf(Verified)
    }
  })
})

describe('the content (IN-4)', () => {
  test('a changed byte is not signed', async () => {
    expect(await judge(detached().replace('Hello', 'Hallo'))).toEqual(code('SIGNATURE_INVALID'))
  })

  test('LF line ends get one retry as CRLF, and the entity is what verified', async () => {
    const result = (await judge(detached().replaceAll('\r\n', '\n'))) as Verified
    expect(result).toBeInstanceOf(Verified)
    expect((await bytesOf(result.entity)).toString()).toBe(PART)
    expect(result.entity.bytes).toBe(PART.length)
  })

  test('LF line ends that were signed as they are stay as they are', async () => {
    const part = PART.replaceAll('\r\n', '\n')
    const cms = signedData({
      signerInfos: [signerInfo({ content: part, signer: alice })],
      certificates: [alice],
    })
    const result = (await judge(multipart(part, cms, '\n'))) as Verified
    expect((await bytesOf(result.entity)).toString()).toBe(part)
  })

  test('mixed line ends are found in chunks of any size', async () => {
    const mixed = PART.replace('\r\nHello', '\nHello')
    const plaintext = detached().replace(PART, mixed)
    for (let chunk = 1; chunk < 40; chunk++) {
      const result = (await judge(plaintext, chunk)) as Verified
      expect((await bytesOf(result.entity)).toString()).toBe(PART)
    }
  })

  test('blanks at line ends are not touched', async () => {
    expect(await judge(detached().replace('Hello', 'Hello '))).toEqual(code('SIGNATURE_INVALID'))
  })
})

describe('signed attributes (IN-4)', () => {
  const [contentType, messageDigest, signingTime] = honestAttributes(PART) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ]
  const digestOfOther = honestAttributes('other')[1] as Uint8Array
  const broken: Readonly<Record<string, readonly Uint8Array[]>> = {
    'without contentType': [messageDigest, signingTime],
    'with two contentType attributes': [contentType, contentType, messageDigest],
    'with two values of contentType': [
      attribute(OID.contentType, oid(OID.data), oid(OID.signedData)),
      messageDigest,
    ],
    'with another contentType than the content': [
      attribute(OID.contentType, oid(OID.signedData)),
      messageDigest,
    ],
    'with a contentType that is no OID': [attribute(OID.contentType, smallInteger(1)), messageDigest],
    'without messageDigest': [contentType, signingTime],
    'with two messageDigest attributes': [contentType, messageDigest, digestOfOther],
    'with the same messageDigest twice': [contentType, messageDigest, messageDigest],
    'with a messageDigest of other content': [contentType, digestOfOther],
    'with a messageDigest that is no OCTET STRING': [
      contentType,
      attribute(OID.messageDigest, smallInteger(1)),
    ],
    'with an empty messageDigest': [contentType, attribute(OID.messageDigest, tlv(TAG.OCTET_STRING))],
    'with a signingTime that is none': [
      contentType,
      messageDigest,
      attribute(OID.signingTime, smallInteger(1)),
    ],
    'with a signingTime that no calendar has': [
      contentType,
      messageDigest,
      attribute(OID.signingTime, tlv(TAG.UTC_TIME, Buffer.from('261399000000Z'))),
    ],
    'with two signingTime attributes': [
      contentType,
      messageDigest,
      signingTime,
      attribute(OID.signingTime, time(new Date(0))),
    ],
  }
  for (const [name, attributes] of Object.entries(broken)) {
    test(`${name}: invalid`, async () => {
      expect(await judge(detached({ attributes }))).toEqual(code('SIGNATURE_INVALID'))
    })
  }

  test('not in DER order: invalid, although the signature is right', async () => {
    const ordered = setOf(contentType, messageDigest, signingTime)
    const disordered = tlv(TAG.SET, messageDigest, signingTime, contentType)
    expect(disordered).not.toEqual(ordered)
    expect(await judge(detached({ rawAttributes: disordered }))).toEqual(code('SIGNATURE_INVALID', /DER/))
    expect(await judge(detached({ rawAttributes: ordered }))).toBeInstanceOf(Verified)
  })

  test('of indefinite length: invalid', async () => {
    const raw = Buffer.from(indefinite(TAG.SET, contentType, signingTime, messageDigest))
    expect(await judge(detached({ rawAttributes: raw }))).toEqual(code('SIGNATURE_INVALID', /DER/))
  })

  test('unsigned attributes are not looked at, but those that must be signed (RFC 5652 11)', async () => {
    expect(await judge(detached({ unsigned: [attribute('1.2.3', NULL)] }))).toBeInstanceOf(Verified)
    for (const type of [OID.contentType, OID.messageDigest, OID.signingTime]) {
      expect(await judge(detached({ unsigned: [attribute(type, NULL)] }))).toEqual(
        code('SIGNATURE_INVALID', /must be signed/),
      )
    }
  })

  test('signingTime may be absent, and is then not known', async () => {
    const result = (await judge(detached({ attributes: [contentType, messageDigest] }))) as Verified
    expect(result.signers[0].signingTime).toBeNull()
  })

  test('absent altogether: the signature is over the content itself, LF or CRLF', async () => {
    const plaintext = detached({ attributes: null })
    expect(await judge(plaintext)).toBeInstanceOf(Verified)
    expect(await judge(plaintext.replaceAll('\r\n', '\n'))).toBeInstanceOf(Verified)
    expect(await judge(plaintext.replace('Hello', 'Hallo'))).toEqual(code('SIGNATURE_INVALID'))
  })

  test('absent, and the content reads as signed attributes: a signature over another message’s attributes is refused', async () => {
    const stolen = setOf(contentType, messageDigest, signingTime)
    const embedded = (content: Uint8Array) =>
      opaque(
        signedData({
          content,
          signerInfos: [signerInfo({ content, signer: alice, attributes: null })],
          certificates: [alice],
        }),
      )
    expect(await judge(embedded(stolen))).toEqual(code('SIGNATURE_INVALID'))
    expect(await judge(embedded(Buffer.from('1: no attributes\r\n\r\n')))).toBeInstanceOf(Verified)
  })

  test('a signature over content of another type, such as a time stamp, is refused', async () => {
    const cms = signedData({
      content: PART,
      contentType: '1.2.840.113549.1.9.16.1.4',
      signerInfos: [signerInfo({ content: PART, signer: alice })],
      certificates: [alice],
    })
    expect(await judge(opaque(cms))).toEqual(code('SIGNATURE_INVALID', /not a message/))
  })
})

describe('signers', () => {
  test('are found by subjectKeyIdentifier', async () => {
    const result = (await judge(detached({ by: 'ski' }, [drLee, alice]))) as Verified
    expect(result.signers[0].certificate).toBe(alice.certificate)
    expect(result.certificates).toEqual([drLee.certificate, alice.certificate])
  })

  test('whose certificate is not in the message are not valid', async () => {
    expect(await judge(detached({}, [drLee]))).toEqual(code('SIGNATURE_INVALID', /not in the message/))
    expect(await judge(detached({}, []))).toEqual(code('SIGNATURE_INVALID', /not in the message/))
  })

  test('whose certificate is another’s are not valid', async () => {
    const twin = mint({ issuer: root, san: ['twin.example'], key: 'dr-lee' })
    const stolen = { ...twin, privateKey: alice.privateKey }
    expect(await judge(detached({ signer: stolen }, [twin]))).toEqual(code('SIGNATURE_INVALID'))
  })

  test('beside a valid one neither help nor harm (IN-6)', async () => {
    const signerInfos = [
      signerInfo({ content: 'other', signer: drLee }),
      signerInfo({ content: PART, signer: alice }),
      signerInfo({ content: PART, signer: drLee, digest: 'md5' }),
      sequence(smallInteger(1)),
      signerInfo({ content: PART, signer: drLee }),
    ]
    const result = (await judge(
      multipart(PART, signedData({ signerInfos, certificates: [alice, drLee] })),
    )) as Verified
    expect(result.signers.map(({ certificate }) => certificate)).toEqual(
      expect.arrayContaining([alice.certificate, drLee.certificate]),
    )
    expect(result.rejected.map((reason) => reason.code).toSorted()).toEqual([
      'ALGORITHM_REFUSED',
      'SIGNATURE_INVALID',
      'SIGNATURE_INVALID',
    ])
  })

  test('by the hundred are not worked through', async () => {
    const one = signerInfo({ content: PART, signer: alice })
    const cms = signedData({ signerInfos: Array.from({ length: 33 }, () => one), certificates: [alice] })
    expect(await judge(multipart(PART, cms))).toEqual(code('LIMIT_EXCEEDED', /32 signers/))
    const flood = signedData({ signerInfos: [one], certificates: Array.from({ length: 101 }, () => alice) })
    expect(await judge(multipart(PART, flood))).toEqual(code('LIMIT_EXCEEDED', /100 certificates/))
  })
})

describe('algorithms of signatures (ALG)', () => {
  test('MD5 is always refused, by its name', async () => {
    expect(await judge(detached({ digest: 'md5' }))).toEqual(code('ALGORITHM_REFUSED', /MD5/))
  })

  test('SHA-1 verifies and is marked as weak, whatever micalg says (ALG-1, ALG-4)', async () => {
    const result = (await judge(detached({ digest: 'sha1' }))) as Verified
    expect(result.signers).toMatchObject([{ digest: 'sha-1', weak: true }])
  })

  test('a signature whose own digest contradicts the SignerInfo’s is refused', async () => {
    const sha512WithRsa = sequence(oid('1.2.840.113549.1.1.13'), NULL)
    expect(await judge(detached({ signatureAlgorithm: sha512WithRsa }))).toEqual(
      code('ALGORITHM_REFUSED', /sha-512/),
    )
    const sha256WithRsa = sequence(oid('1.2.840.113549.1.1.11'), NULL)
    expect(await judge(detached({ signatureAlgorithm: sha256WithRsa }))).toBeInstanceOf(Verified)
  })

  test('RSA below 2048 bits is refused', async () => {
    const small = mint({ issuer: root, san: ['small.example'], key: 'rsa-1024' })
    expect(await judge(detached({ signer: small }, [small]))).toEqual(code('ALGORITHM_REFUSED', /RSA 1024/))
  })

  test('a key that is not RSA under an RSA signature algorithm is refused', async () => {
    const ec = mint({ issuer: root, san: ['ec.example'], key: 'ec-p256' })
    expect(
      await judge(
        detached({ signer: ec, signatureAlgorithm: signatureAlgorithm('rsa-pkcs1', 'sha-256') }, [ec]),
      ),
    ).toEqual(code('ALGORITHM_REFUSED', /EC prime256v1/))
  })

  test('a wrong signature says more than a refused algorithm beside it', async () => {
    const signerInfos = [
      signerInfo({ content: PART, signer: alice, digest: 'md5' }),
      signerInfo({ content: 'other', signer: alice }),
    ]
    expect(await judge(multipart(PART, signedData({ signerInfos, certificates: [alice] })))).toEqual(
      code('SIGNATURE_INVALID'),
    )
  })
})
