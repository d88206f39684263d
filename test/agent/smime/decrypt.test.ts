import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type MediaType, parseDisposition, parseMediaType } from '../../../agent/mime/media-type.ts'
import { decodeTransfer } from '../../../agent/mime/transfer.ts'
import {
  contentAlgorithm,
  contentCapability,
  keyTransportAlgorithm,
  OID,
} from '../../../agent/smime/algorithms.ts'
import { context, NULL, oid, sequence, smallInteger, TAG, tlv } from '../../../agent/smime/ber/der.ts'
import { cmsKind } from '../../../agent/smime/content-info.ts'
import { Decrypted, decrypt } from '../../../agent/smime/decrypt.ts'
import { isEnvelopedMediaType } from '../../../agent/smime/media-type.ts'
import { UNDECRYPTABLE } from '../../../agent/smime/undecryptable.ts'
import { mint } from '../../../fixtures/pki.ts'
import { cbc, envelope, IV, indefinite, KEY, keyTrans, pieces, signedData } from './hostile.ts'
import { bob, bytesOf, countingSpool, drLee, identity, opened, root, sourceOf } from './parties.ts'

const PLAINTEXT = `Content-Type: text/plain\r\n\r\n${'line of text\r\n'.repeat(20)}`
const toBob = { recipientInfos: [keyTrans(bob)] }

async function outcome(cms: Uint8Array, ...keys: Parameters<typeof identity>[0][]) {
  const { spool, open } = countingSpool()
  const result = await decrypt(
    sourceOf(cms),
    (keys.length === 0 ? [bob] : keys).map((minted) => identity(minted)),
    spool,
  )
  if (result instanceof Decrypted) return result
  expect(open(), 'spools left behind').toBe(0)
  return result
}

describe('BER', () => {
  const forms: Readonly<Record<string, Uint8Array>> = {
    'definite lengths': envelope(PLAINTEXT, toBob),
    'indefinite lengths': envelope(PLAINTEXT, { ...toBob, form: indefinite }),
    'content in pieces': envelope(PLAINTEXT, {
      ...toBob,
      form: indefinite,
      encryptedContent: pieces(cbc(PLAINTEXT), context(0, 'primitive'), [1, 2, 17, 100]),
    }),
    'content in pieces of definite length': envelope(PLAINTEXT, {
      ...toBob,
      encryptedContent: pieces(cbc(PLAINTEXT), context(0, 'primitive'), [33], tlv),
    }),
    'content in pieces within pieces': envelope(PLAINTEXT, {
      ...toBob,
      encryptedContent: pieces(cbc(PLAINTEXT), context(0, 'primitive'), [50], indefinite, true),
    }),
    'unprotected attributes after the content': envelope(PLAINTEXT, {
      ...toBob,
      form: indefinite,
      after: [tlv(context(1), sequence(oid(OID.contentType), tlv(TAG.SET, oid(OID.data))))],
    }),
  }
  for (const [name, cms] of Object.entries(forms)) {
    test(`${name} decrypt, however the bytes arrive (ALG-3)`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 1, max: 200 }), async (chunk) => {
          const decrypted = await opened(sourceOf(cms, chunk), identity(bob))
          expect((await bytesOf(decrypted.content)).toString()).toBe(PLAINTEXT)
        }),
        { numRuns: 15 },
      )
    })
    test(`${name}, cut short anywhere, are undecryptable and leave no spool (ALG-2)`, async () => {
      for (let length = cms.length - 1; length > 0; length -= 1 + Math.floor(length / 23)) {
        expect(await outcome(cms.subarray(0, length))).toEqual(UNDECRYPTABLE)
      }
    })
  }

  test('bytes after the CMS are nobody’s', async () => {
    const padded = Buffer.concat([envelope(PLAINTEXT, toBob), Buffer.alloc(5)])
    expect(await outcome(padded)).toBeInstanceOf(Decrypted)
  })
})

describe('recipients', () => {
  test('a RecipientInfo matches by subjectKeyIdentifier (ALG-5)', async () => {
    const cms = envelope(PLAINTEXT, { recipientInfos: [keyTrans(bob, { by: 'ski' })] })
    expect(await outcome(cms)).toBeInstanceOf(Decrypted)
  })

  test('every identity among the RecipientInfos is reported, whoever opened it (IN-3)', async () => {
    const cms = envelope(PLAINTEXT, { recipientInfos: [keyTrans(drLee), keyTrans(bob)] })
    const keys = [identity(bob), identity(drLee), identity(mint({ san: ['other.example'] }))]
    const decrypted = await opened(sourceOf(cms), ...keys)
    expect(decrypted.recipients).toEqual(keys.slice(0, 2))
    expect(decrypted.opened).toBe(keys[1])
  })

  test('an old and a renewed key are both tried where one identifier means both (ALG-5)', async () => {
    const old = mint({ issuer: root, san: ['clinic-b.example'], key: 'clinic-b', serialFrom: 'old' })
    const renewed = mint({ issuer: root, san: ['clinic-b.example'], key: 'clinic-b', serialFrom: 'renewed' })
    const cms = envelope(PLAINTEXT, {
      recipientInfos: [keyTrans(old, { encryptedKey: randomBytes(256) }), keyTrans(renewed)],
    })
    const decrypted = await opened(sourceOf(cms), identity(old), identity(renewed))
    expect(decrypted.opened.certificate).toBe(renewed.certificate)
    expect((await bytesOf(decrypted.content)).toString()).toBe(PLAINTEXT)
  })

  test('which key opened it, and how often it was put in, shows in nothing that is done: one pass (ALG-2)', async () => {
    const passes = async (recipientInfos: readonly Uint8Array[], plaintext: Uint8Array | string) => {
      let spooled = 0
      const counting = (bytes: AsyncIterable<Uint8Array>) => {
        spooled++
        return countingSpool().spool(bytes)
      }
      await decrypt(sourceOf(envelope(plaintext, { recipientInfos })), [identity(bob)], counting)
      return spooled
    }
    const other = keyTrans(bob, { key: randomBytes(16) })
    for (const infos of [
      [keyTrans(bob)],
      [keyTrans(bob), other, other],
      [other, other, keyTrans(bob)],
      [other],
    ])
      for (const plaintext of [PLAINTEXT, randomBytes(320)]) expect(await passes(infos, plaintext)).toBe(1)
    const mixed = envelope(PLAINTEXT, { recipientInfos: [other, keyTrans(bob), other] })
    expect(await outcome(mixed)).toBeInstanceOf(Decrypted)
  })

  test('at most eight keys are tried (ALG-5)', async () => {
    const wrong = keyTrans(bob, { encryptedKey: randomBytes(256) })
    const infos = (count: number) => [...Array.from({ length: count }, () => wrong), keyTrans(bob)]
    expect(await outcome(envelope(PLAINTEXT, { recipientInfos: infos(7) }))).toBeInstanceOf(Decrypted)
    expect(await outcome(envelope(PLAINTEXT, { recipientInfos: infos(8) }))).toEqual(UNDECRYPTABLE)
  })

  test('a message for others is not for us, whatever its algorithms', async () => {
    const cms = envelope(PLAINTEXT, { ...toBob, algorithm: sequence(oid('1.2.840.113549.3.7'), NULL) })
    expect(await outcome(cms, drLee)).toMatchObject({ code: 'NOT_FOR_US' })
    expect(await outcome(envelope(PLAINTEXT, { recipientInfos: [] }))).toMatchObject({ code: 'NOT_FOR_US' })
  })

  test('the same serial number under another issuer is not for us', async () => {
    const otherRoot = mint({ ca: true, subject: 'Other', key: 'root-b' })
    const twin = mint({
      issuer: otherRoot,
      san: ['clinic-b.example'],
      key: 'clinic-b',
      serialFrom: 'twin',
      keyIdentifiers: false,
    })
    const ours = mint({
      issuer: root,
      san: ['clinic-b.example'],
      key: 'clinic-b',
      serialFrom: 'twin',
      keyIdentifiers: false,
    })
    expect(await outcome(envelope(PLAINTEXT, { recipientInfos: [keyTrans(twin)] }), ours)).toMatchObject({
      code: 'NOT_FOR_US',
    })
  })
})

describe('refused by name (ALG)', () => {
  const oaep = (...parameters: Uint8Array[]) => sequence(oid('1.2.840.113549.1.1.7'), sequence(...parameters))
  const hash = (id: string) => sequence(oid(id), NULL)
  const SHA1 = '1.3.14.3.2.26'
  const SHA256 = '2.16.840.1.101.3.4.2.1'
  const MD5 = '1.2.840.113549.2.5'
  const mgf1 = (id: string) => tlv(context(1), sequence(oid('1.2.840.113549.1.1.8'), hash(id)))

  const contents: Readonly<Record<string, [string, RegExp]>> = {
    '3DES': ['1.2.840.113549.3.7', /3DES/],
    RC2: ['1.2.840.113549.3.2', /RC2/],
    DES: ['1.3.14.3.2.7', /^DES /],
    'an unknown cipher': ['1.2.3.4', /1\.2\.3\.4/],
  }
  for (const [name, [id, text]] of Object.entries(contents)) {
    test(`${name} as content encryption, before anything is decrypted`, async () => {
      const cms = envelope(PLAINTEXT, {
        recipientInfos: [keyTrans(bob, { encryptedKey: randomBytes(10) })],
        algorithm: sequence(oid(id), tlv(TAG.OCTET_STRING, IV.subarray(8))),
        encryptedContent: tlv(context(0, 'primitive'), randomBytes(5)),
      })
      expect(await outcome(cms)).toEqual({ code: 'ALGORITHM_REFUSED', text: expect.stringMatching(text) })
    })
  }

  test.each([4, 11, 17])('AES-GCM with a tag of %i bytes', async (tagBytes) => {
    const parameters = sequence(tlv(TAG.OCTET_STRING, IV.subarray(4)), smallInteger(tagBytes))
    const cms = envelope(PLAINTEXT, {
      ...toBob,
      type: OID.authEnvelopedData,
      algorithm: sequence(oid('2.16.840.1.101.3.4.1.46'), parameters),
      after: [tlv(TAG.OCTET_STRING, randomBytes(tagBytes))],
    })
    expect(await outcome(cms)).toEqual({
      code: 'ALGORITHM_REFUSED',
      text: `a GCM tag of ${tagBytes} bytes is not accepted`,
    })
  })

  test('AES-CBC in an AuthEnvelopedData', async () => {
    expect(await outcome(envelope(PLAINTEXT, { ...toBob, type: OID.authEnvelopedData }))).toMatchObject({
      code: 'ALGORITHM_REFUSED',
    })
  })

  const transports: Readonly<Record<string, [Uint8Array, RegExp]>> = {
    'OAEP SHA-256 with MGF1 SHA-1': [
      oaep(tlv(context(0), hash(SHA256)), mgf1(SHA1)),
      /sha-256 and MGF1 with sha-1/,
    ],
    'OAEP SHA-256 whose absent MGF1 means SHA-1': [oaep(tlv(context(0), hash(SHA256))), /MGF1 with sha-1/],
    'OAEP SHA-1 with MGF1 SHA-256': [oaep(mgf1(SHA256)), /sha-1 and MGF1 with sha-256/],
    'OAEP with MD5': [oaep(tlv(context(0), hash(MD5)), mgf1(MD5)), /MD5/],
    'OAEP with a label': [
      oaep(tlv(context(2), sequence(oid('1.2.840.113549.1.1.9'), tlv(TAG.OCTET_STRING, Buffer.from('x'))))),
      /label/,
    ],
    'OAEP with another mask generation': [oaep(tlv(context(1), hash('1.2.3'))), /mask generation/],
    'an unknown key transport': [hash('1.2.3.5'), /1\.2\.3\.5/],
  }
  for (const [name, [algorithm, text]] of Object.entries(transports)) {
    test(`${name} as key transport`, async () => {
      const cms = envelope(PLAINTEXT, { recipientInfos: [keyTrans(bob, { algorithm })] })
      expect(await outcome(cms)).toEqual({ code: 'ALGORITHM_REFUSED', text: expect.stringMatching(text) })
    })
  }

  test('one refused key transport does not keep another RecipientInfo from opening it', async () => {
    const refused = keyTrans(bob, { algorithm: hash('1.2.3.5') })
    const cms = envelope(PLAINTEXT, { recipientInfos: [refused, keyTrans(bob)] })
    expect(await outcome(cms)).toBeInstanceOf(Decrypted)
  })

  test('the content is judged before the key transport', async () => {
    const cms = envelope(PLAINTEXT, {
      recipientInfos: [keyTrans(bob, { algorithm: hash('1.2.3.5') })],
      algorithm: hash('1.2.840.113549.3.7'),
    })
    expect(await outcome(cms)).toMatchObject({ text: expect.stringMatching(/3DES/) })
  })
})

describe('one failure for all (ALG-2)', () => {
  const encrypted = cbc(PLAINTEXT)
  const badPadding = Buffer.from(encrypted)
  badPadding[badPadding.length - 17] = (badPadding.at(-17) as number) ^ 0x80
  const content = (bytes: Uint8Array) => ({ encryptedContent: tlv(context(0, 'primitive'), bytes) })
  const failures: Readonly<Record<string, Uint8Array>> = {
    'wrong PKCS#1 padding': envelope(PLAINTEXT, {
      recipientInfos: [keyTrans(bob, { encryptedKey: randomBytes(256) })],
    }),
    'a content key of the wrong length': envelope(PLAINTEXT, {
      recipientInfos: [keyTrans(bob, { key: randomBytes(24) })],
    }),
    'a wrong content key of the right length': envelope(PLAINTEXT, {
      recipientInfos: [keyTrans(bob, { key: Buffer.alloc(16, 1) })],
    }),
    'wrong OAEP padding': envelope(PLAINTEXT, {
      recipientInfos: [
        keyTrans(bob, {
          encryptedKey: randomBytes(256),
          algorithm: keyTransportAlgorithm('rsa-oaep-sha256'),
        }),
      ],
    }),
    'an encrypted key of the wrong size': envelope(PLAINTEXT, {
      recipientInfos: [keyTrans(bob, { encryptedKey: randomBytes(300) })],
    }),
    'wrong CBC padding': envelope(PLAINTEXT, { ...toBob, ...content(badPadding) }),
    'content that is no number of blocks': envelope(PLAINTEXT, {
      ...toBob,
      ...content(encrypted.subarray(1)),
    }),
    'no content': envelope(PLAINTEXT, { ...toBob, ...content(new Uint8Array()) }),
    'content that is no text': envelope(Buffer.alloc(300, 0x80), toBob),
    'text that is no header': envelope('no header, no sense\r\n\r\n', toBob),
    'an initialisation vector of the wrong length': envelope(PLAINTEXT, {
      ...toBob,
      algorithm: contentAlgorithm({ cipher: 'aes-128-cbc', iv: IV.subarray(1) }),
    }),
    'no initialisation vector': envelope(PLAINTEXT, {
      ...toBob,
      algorithm: contentCapability('aes-128-cbc'),
    }),
    'something after the content that does not belong there': envelope(PLAINTEXT, { ...toBob, after: [KEY] }),
    'no CMS at all': Buffer.from(PLAINTEXT),
    nothing: new Uint8Array(),
  }
  for (const [name, cms] of Object.entries(failures)) {
    test(name, async () => expect(await outcome(cms)).toBe(UNDECRYPTABLE))
  }

  test('a failed key still takes decryption to the end of the message', async () => {
    const long = 'Content-Type: text/plain\r\n\r\n'.padEnd(1 << 19, '.')
    const read = async (recipientInfo: Uint8Array) => {
      let bytes = 0
      const source = sourceOf(envelope(long, { recipientInfos: [recipientInfo] }))
      const counted = {
        async *read() {
          for await (const chunk of source.read()) {
            bytes += chunk.length
            yield chunk
          }
        },
      }
      await decrypt(counted, [identity(bob)], countingSpool().spool)
      return bytes
    }
    const success = await read(keyTrans(bob))
    expect(await read(keyTrans(bob, { encryptedKey: randomBytes(256) }))).toBe(success)
    expect(await read(keyTrans(bob, { key: randomBytes(24) }))).toBe(success)
    expect(await read(keyTrans(bob, { key: randomBytes(16) }))).toBe(success)
  })

  test('more RecipientInfos than ten thousand are not read', async () => {
    const info = sequence()
    const cms = envelope(PLAINTEXT, {
      recipientInfos: [keyTrans(bob), ...Array.from({ length: 10_000 }, () => info)],
    })
    expect(await outcome(cms)).toBe(UNDECRYPTABLE)
  })

  test('nesting without end is not followed', async () => {
    const cms = Buffer.concat(Array.from({ length: 100_000 }, () => Buffer.of(0x30, 0x80)))
    expect(await outcome(cms)).toBe(UNDECRYPTABLE)
  })

  test('a transfer encoding that is not known is malformed', async () => {
    const read = () => decodeTransfer(sourceOf(envelope(PLAINTEXT, toBob)).read(), 'x-uuencode')
    expect(await decrypt({ read }, [identity(bob)], countingSpool().spool)).toMatchObject({
      code: 'MALFORMED',
    })
  })

  test('broken I/O is not an answer: it is thrown', async () => {
    const cms = envelope(PLAINTEXT, toBob)
    const broken = {
      async *read() {
        yield cms.subarray(0, cms.length - 40)
        throw new Error('disk')
      },
    }
    await expect(decrypt(broken, [identity(bob)], countingSpool().spool)).rejects.toThrow('disk')
  })
})

describe('what it is', () => {
  const signed = signedData({ signerInfos: [] })

  test('the CMS itself says whether it is enveloped or signed', async () => {
    expect(await cmsKind(sourceOf(envelope(PLAINTEXT, toBob)))).toBe('enveloped-data')
    expect(await cmsKind(sourceOf(envelope(PLAINTEXT, { ...toBob, type: OID.authEnvelopedData })))).toBe(
      'auth-enveloped-data',
    )
    expect(await cmsKind(sourceOf(signed))).toBe('signed-data')
    expect(await cmsKind(sourceOf(sequence(oid('1.2.3'), tlv(context(0), NULL))))).toBe('other')
    expect(await cmsKind(sourceOf(PLAINTEXT))).toBeNull()
  })

  test('a signature without encryption is not encrypted (IN-1)', async () => {
    expect(await outcome(signed)).toMatchObject({ code: 'NOT_ENCRYPTED' })
  })

  test('media types that other agents write are taken for what they may be (IN-2)', () => {
    const enveloped = (value: string, disposition: string | null = null) =>
      isEnvelopedMediaType(parseMediaType(value) as MediaType, parseDisposition(disposition))
    expect(enveloped('application/pkcs7-mime; smime-type=enveloped-data')).toBe(true)
    expect(enveloped('application/x-pkcs7-mime; name=smime.p7m; smime-type="Enveloped-Data"')).toBe(true)
    expect(enveloped('APPLICATION/PKCS7-MIME')).toBe(true)
    expect(enveloped('application/octet-stream; name="smime.P7M"')).toBe(true)
    expect(enveloped('application/octet-stream; name="a.pdf"')).toBe(false)
    expect(enveloped('text/plain; name=smime.p7m')).toBe(false)
    expect(enveloped('application/octet-stream', 'attachment; filename="smime.p7m"')).toBe(true)
    expect(enveloped('application/octet-stream', 'attachment; filename="a.pdf"')).toBe(false)
    expect(enveloped('text/plain', 'attachment; filename="smime.p7m"')).toBe(false)
  })
})
