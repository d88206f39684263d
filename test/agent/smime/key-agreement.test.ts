import { diffieHellman, generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  keyAgreementAlgorithm,
  keyEncryptionKey,
  OUR_AGREEMENT,
  unwrapKey,
  wrapKey,
} from '../../../agent/smime/algorithms.ts'
import { context, sequence, smallInteger, TAG, tlv } from '../../../agent/smime/ber/der.ts'
import { decrypt } from '../../../agent/smime/decrypt.ts'
import { UNDECRYPTABLE } from '../../../agent/smime/undecryptable.ts'
import { mint } from '../../../fixtures/pki.ts'
import { envelope, KEY, opaque } from './hostile.ts'
import { alice, bytesOf, countingSpool, identity, root, sourceOf } from './parties.ts'

const ec = mint({ issuer: root, san: ['ec.example'], key: 'ec-p256', keyUsage: null })
const PLAINTEXT = opaque(Buffer.from('whatever'))

/** KeyAgreeRecipientInfo (RFC 5652 6.2.2) to `ec`, by an ephemeral key on this curve, honest unless told otherwise. */
function keyAgree(
  how: {
    readonly originator?: Uint8Array
    readonly curve?: string
    readonly ruin?: (wrapped: Buffer) => Uint8Array
  } = {},
): Uint8Array {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: how.curve ?? 'prime256v1' })
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  // On another curve there is no shared secret, and any key will do.
  const secret =
    how.curve === undefined
      ? diffieHellman({ privateKey, publicKey: ec.certificate.publicKey })
      : Buffer.alloc(32)
  const wrapped = Buffer.from(wrapKey(OUR_AGREEMENT.wrap, keyEncryptionKey(secret, OUR_AGREEMENT, null), KEY))
  return tlv(
    context(1),
    smallInteger(3),
    tlv(context(0), how.originator ?? Buffer.concat([Uint8Array.of(context(1)), spki.subarray(1)])),
    keyAgreementAlgorithm(OUR_AGREEMENT),
    sequence(
      sequence(ec.certificate.issuerAndSerialNumber, tlv(TAG.OCTET_STRING, how.ruin?.(wrapped) ?? wrapped)),
    ),
  )
}

const open = (recipientInfo: Uint8Array) =>
  decrypt(
    sourceOf(envelope(PLAINTEXT, { recipientInfos: [recipientInfo] })),
    [identity(ec)],
    countingSpool().spool,
  )

describe('ECDH', () => {
  test('with an ephemeral key opens', async () => {
    const opened = await open(keyAgree())
    if ('code' in opened) throw new Error(opened.text)
    expect((await bytesOf(opened.content)).toString()).toBe(PLAINTEXT)
    expect(opened.algorithms.keyTransport).toBe('ecdh-sha256')
  })

  test.each([
    ['issuer and serial number', alice.certificate.issuerAndSerialNumber],
    [
      'key identifier',
      tlv(context(0, 'primitive'), alice.certificate.subjectKeyIdentifier ?? Buffer.alloc(0)),
    ],
  ])("with a key of the sender's certificate, named by its %s, is refused by name", async (_, originator) => {
    expect(await open(keyAgree({ originator }))).toEqual({
      code: 'ALGORITHM_REFUSED',
      text: expect.stringContaining("a key of the sender's certificate"),
    })
  })

  test('on another curve, off the curve, or with a broken wrapped key fails as everything else does (ALG-2)', async () => {
    const onNoCurve = tlv(
      context(1),
      sequence(Buffer.from('06072a8648ce3d0201', 'hex')),
      tlv(TAG.BIT_STRING, Buffer.of(0, 4), Buffer.alloc(64, 1)),
    )
    const broken = [
      keyAgree({ curve: 'secp384r1' }),
      keyAgree({ originator: onNoCurve }),
      keyAgree({ ruin: (wrapped) => wrapped.with(3, (wrapped[3] as number) ^ 1) }),
      keyAgree({ ruin: (wrapped) => wrapped.subarray(1) }),
      keyAgree({ ruin: () => Buffer.alloc(0) }),
    ]
    for (const info of broken) expect(await open(info)).toEqual(UNDECRYPTABLE)
  })
})

/** RFC 3394 4.1, 4.3, 4.6: key wrapped by a key of 128, 192 and 256 bits. */
const KEK = Buffer.from(Array.from({ length: 32 }, (_, i) => i))
const DATA = Buffer.from('00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f', 'hex')

test.each([
  ['aes-128-wrap', 16, 16, '1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5'],
  ['aes-192-wrap', 24, 16, '96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d'],
  ['aes-256-wrap', 32, 16, '64e8c3f9ce0f5ba263e9777905818a2a93c8191e7d6e8ae7'],
  [
    'aes-256-wrap',
    32,
    32,
    '28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21',
  ],
] as const)('%s is that of RFC 3394 (%d bytes wrap %d)', (wrap, kekBytes, dataBytes, expected) => {
  const [kek, data] = [KEK.subarray(0, kekBytes), DATA.subarray(0, dataBytes)]
  const wrapped = wrapKey(wrap, kek, data)
  expect(Buffer.from(wrapped).toString('hex')).toBe(expected)
  expect(unwrapKey(wrap, kek, wrapped)).toEqual(data)
  expect(unwrapKey(wrap, KEK.subarray(0, kekBytes).toReversed(), wrapped)).toBeNull()
})
