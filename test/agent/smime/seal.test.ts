import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type ContentCipher, type Digest, keyTransportAlgorithm } from '../../../agent/smime/algorithms.ts'
import { context, TAG, tlv } from '../../../agent/smime/ber/der.ts'
import { BerReader, type Reading } from '../../../agent/smime/ber/reader.ts'
import { encrypt } from '../../../agent/smime/encrypt.ts'
import { Identity } from '../../../agent/smime/identity.ts'
import { sign } from '../../../agent/smime/sign.ts'
import { unwrap } from '../../../agent/smime/unwrap.ts'
import { type Composed, wrap } from '../../../agent/smime/wrap.ts'
import {
  alice,
  bob,
  bytesOf,
  cmsOf,
  composed,
  countingSpool,
  drLee,
  encryptionPath,
  identity,
  intermediate,
  KEY_TRANSPORTS,
  MESSAGE,
  NOW,
  opened,
  root,
  sourceOf,
  verified,
} from './parties.ts'

const signer = identity(alice, [intermediate, root])
const toBob = encryptionPath(bob, 'b@clinic-b.example')
const USUAL = { content: 'aes-256-cbc', keyTransport: 'rsa-oaep-sha256' } as const

const signed = (message: Composed = composed(), digest: Digest = 'sha-256', at = NOW) =>
  sign(message, signer, { digest, signature: 'rsa-pkcs1', at })

async function text(source: Parameters<typeof bytesOf>[0]): Promise<string> {
  return (await bytesOf(source)).toString('latin1')
}

describe('what is sealed opens again', () => {
  const ciphers: ContentCipher[] = ['aes-128-cbc', 'aes-192-cbc', 'aes-256-cbc']
  for (const content of ciphers) {
    for (const keyTransport of KEY_TRANSPORTS) {
      test(`${content} by ${keyTransport}`, async () => {
        const sealed = await encrypt(await signed(), [toBob], { content, keyTransport })
        const cms = cmsOf(await bytesOf(sealed.entity))
        const decrypted = await opened(sourceOf(cms, 100), identity(bob))
        expect(decrypted.algorithms).toEqual({ content, keyTransport })
        const { entity, signers } = await verified(decrypted)
        expect(signers[0].certificate).toBe(alice.certificate)
        expect(await text(entity)).toBe(await text(composed().entity))
      })
    }
  }

  test('a message of any length, byte for byte (MSG-14)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 1, max: 100 }),
        async (tail, chunk) => {
          const message = Buffer.concat([
            Buffer.from('Subject: s\r\n\r\n'),
            Buffer.from(tail).map((byte) => (byte % 95) + 32),
          ])
          const source = sourceOf(message, chunk)
          const sealed = await encrypt(await signed(wrap(source, composed().routing)), [toBob], USUAL)
          const result = await verified(
            await opened(sourceOf(cmsOf(await bytesOf(sealed.entity))), identity(bob)),
          )
          const { inner, wrapped } = await unwrap(result.entity, countingSpool().spool)
          expect(wrapped).toBe(true)
          expect(inner.bytes).toBe(message.length)
          expect(await bytesOf(inner)).toEqual(message)
        },
      ),
      { numRuns: 40 },
    )
  })
})

describe('sign', () => {
  test('makes a multipart/signed of two parts, the first being the exact entity (MSG-5, MSG-6)', async () => {
    const entity = await text((await signed()).entity)
    const [head = '', ...rest] = entity.split('\r\n\r\n')
    expect(head.replaceAll('\r\n ', ' ')).toMatch(
      /^Content-Type: multipart\/signed; protocol="application\/pkcs7-signature"; micalg=sha-256; boundary="[^"]{20,70}"$/,
    )
    const boundary = /boundary="(.*)"/.exec(head)?.[1] ?? ''
    const parts = rest.join('\r\n\r\n').split(`\r\n--${boundary}`)
    expect(
      rest
        .join('\r\n\r\n')
        .startsWith(`--${boundary}\r\n${await text(composed().entity)}\r\n--${boundary}\r\n`),
    ).toBe(true)
    expect(parts).toHaveLength(3)
    expect(parts[1]).toMatch(
      /^\r\nContent-Type: application\/pkcs7-signature; name="smime.p7s"\r\nContent-Transfer-Encoding: base64\r\n/,
    )
    expect(parts[2]).toBe('--\r\n')
    expect(Math.max(...(parts[1] ?? '').split('\r\n').map((line) => line.length))).toBe(76)
  })

  test('knows the length beforehand, and reads the same each time', async () => {
    const { entity } = await signed()
    const bytes = await bytesOf(entity)
    expect(bytes.length).toBe(entity.bytes)
    expect(await bytesOf(entity)).toEqual(bytes)
  })

  test('draws a new boundary for each message', async () => {
    expect(await text((await signed()).entity)).not.toBe(await text((await signed()).entity))
  })

  test('names the digest in micalg, and signs with it', async () => {
    for (const digest of ['sha-256', 'sha-384', 'sha-512'] as const) {
      const one = await signed(composed(), digest)
      expect(await text(one.entity)).toContain(`micalg=${digest};`)
      const sealed = await encrypt(one, [toBob], USUAL)
      const { signers } = await verified(
        await opened(sourceOf(cmsOf(await bytesOf(sealed.entity))), identity(bob)),
      )
      expect(signers).toMatchObject([{ digest, weak: false, signature: 'rsa-pkcs1' }])
    }
  })

  test('claims its signing time, also past 2049 (RFC 5652 11.3)', async () => {
    for (const at of [NOW, new Date('2049-12-31T23:59:59Z'), new Date('2050-01-01T00:00:00Z')]) {
      const sealed = await encrypt(await signed(composed(), 'sha-256', at), [toBob], USUAL)
      const { signers } = await verified(
        await opened(sourceOf(cmsOf(await bytesOf(sealed.entity))), identity(bob)),
      )
      expect(signers[0].signingTime).toEqual(at)
    }
  })

  test('sends the intermediates along, not the root (MSG-7)', async () => {
    const sealed = await encrypt(await signed(), [toBob], USUAL)
    const { certificates } = await verified(
      await opened(sourceOf(cmsOf(await bytesOf(sealed.entity))), identity(bob)),
    )
    expect(new Set(certificates.map(({ sha256 }) => sha256))).toEqual(
      new Set([alice.certificate.sha256, intermediate.certificate.sha256]),
    )
  })

  test('says in smimeCapabilities what we accept: AES-256 first, AES-128, OAEP with SHA-256 (MSG-7)', async () => {
    const entity = await text((await signed()).entity)
    const p7s = Buffer.from(entity.slice(entity.lastIndexOf('\r\n\r\n')).split('\r\n--')[0] ?? '', 'base64')
    const aes = (last: number) =>
      Buffer.from([0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, last])
    expect(p7s.includes(Buffer.concat([46, 42, 22, 6, 2].map(aes)))).toBe(true)
    expect(p7s.includes(Buffer.from(keyTransportAlgorithm('rsa-oaep-sha256')))).toBe(true)
    expect(p7s.includes(Buffer.from(keyTransportAlgorithm('rsa-oaep-sha1')))).toBe(false)
  })

  test('the digest is that of the exact bytes', async () => {
    const digest = createHash('sha256')
      .update(await bytesOf(composed().entity))
      .digest()
    const entity = await text((await signed()).entity)
    const p7s = Buffer.from(entity.slice(entity.lastIndexOf('\r\n\r\n')).split('\r\n--')[0] ?? '', 'base64')
    expect(p7s.includes(digest)).toBe(true)
  })
})

describe('encrypt', () => {
  test('writes the header that MSG-5 asks for, and base64 in lines of 76', async () => {
    const { entity } = await encrypt(await signed(), [toBob], USUAL)
    const [head, body = ''] = (await text(entity)).split('\r\n\r\n')
    expect(head?.split('\r\n')).toEqual([
      'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"',
      'Content-Transfer-Encoding: base64',
      'Content-Disposition: attachment; filename="smime.p7m"',
    ])
    const lines = body.split('\r\n')
    expect(lines.at(-1)).toBe('')
    expect(new Set(lines.slice(0, -2).map((line) => line.length))).toEqual(new Set([76]))
  })

  test('gives the same bytes at each read, and others at each call (MSG-9)', async () => {
    const one = await signed()
    const sealed = await encrypt(one, [toBob], USUAL)
    const bytes = await bytesOf(sealed.entity)
    expect(bytes.length).toBe(sealed.entity.bytes)
    expect(await bytesOf(sealed.entity)).toEqual(bytes)
    const again = await bytesOf((await encrypt(one, [toBob], USUAL)).entity)
    expect(cmsOf(again).subarray(-200)).not.toEqual(cmsOf(bytes).subarray(-200))
  })

  test('a certificate that several recipients share appears once (MSG-9)', async () => {
    const shared = [
      toBob,
      encryptionPath(bob, 'c@clinic-b.example'),
      encryptionPath(drLee, 'dr.lee@clinic-b.example'),
    ]
    const sealed = await encrypt(await signed(), shared, USUAL)
    expect(sealed.certificates).toEqual([bob.certificate.sha256, drLee.certificate.sha256])
    expect(await recipientInfos(cmsOf(await bytesOf(sealed.entity)))).toHaveLength(2)
  })

  test('the sender can keep a record for its own key (MSG-15)', async () => {
    const sealed = await encrypt(await signed(), [signer], USUAL)
    expect(sealed.certificates).toEqual([alice.certificate.sha256])
    await verified(await opened(sourceOf(cmsOf(await bytesOf(sealed.entity))), signer))
  })

  test('is DER: no indefinite length, and the SETs in order (MSG-7)', async () => {
    const recipients = [
      toBob,
      encryptionPath(drLee, 'dr.lee@clinic-b.example'),
      encryptionPath(alice, 'x@clinic-a.example'),
    ]
    for (const message of [MESSAGE, MESSAGE.padEnd(70_000, 'x')]) {
      const sealed = await encrypt(await signed(composed(message)), recipients, USUAL)
      const cms = cmsOf(await bytesOf(sealed.entity))
      expect(derLength(cms)).toBe(cms.length)
      const infos = await recipientInfos(cms)
      expect(infos.toSorted(Buffer.compare)).toEqual(infos)
    }
  })

  test('keeps the routing', async () => {
    const sealed = await encrypt(await signed(), [toBob], USUAL)
    expect(sealed.routing).toEqual(composed().routing)
  })

  test('refuses to encrypt to nobody', async () => {
    await expect(encrypt(await signed(), [], USUAL)).rejects.toMatchObject({ code: 'USAGE' })
  })

  test('a message that changed after it was measured is an error, not a broken CMS', async () => {
    const source = { bytes: 100, read: sourceOf('x'.repeat(99)).read }
    const sealed = await encrypt(await signed(wrap(source, composed().routing)), [toBob], USUAL)
    await expect(bytesOf(sealed.entity)).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
  })
})

describe('Identity', () => {
  test('a key that belongs to another certificate is refused', () => {
    expect(() => Identity.of(alice.certificate, [], bob.privateKey)).toThrow(
      expect.objectContaining({ code: 'KEY_MISMATCH' }),
    )
  })
})

async function recipientInfos(cms: Uint8Array): Promise<Uint8Array[]> {
  const reader = new BerReader(sourceOf(cms).read())
  return reader.read(infosIn(reader))
}

function* infosIn(reader: BerReader): Reading<Uint8Array[]> {
  yield* reader.enter(TAG.SEQUENCE)
  yield* reader.skip()
  yield* reader.enter(context(0))
  yield* reader.enter(TAG.SEQUENCE)
  yield* reader.skip()
  yield* reader.enter(TAG.SET)
  const infos: Uint8Array[] = []
  while (!(yield* reader.atEnd())) infos.push(yield* reader.element(10_000))
  return infos
}

/** Length of one element all of whose parts have definite, minimal lengths; throws where one has not. */
function derLength(bytes: Uint8Array): number {
  const tag = bytes[0] as number
  const first = bytes[1] as number
  if (first === 0x80) throw new Error('indefinite')
  const octets = first < 0x80 ? 0 : first & 0x7f
  const length =
    octets === 0 ? first : bytes.subarray(2, 2 + octets).reduce((sum, octet) => sum * 256 + octet, 0)
  const value = bytes.subarray(2 + octets, 2 + octets + length)
  if (value.length !== length) throw new Error('too short')
  if (Buffer.compare(tlv(tag, value), bytes.subarray(0, 2 + octets + length)) !== 0) throw new Error('padded')
  if (tag & 0x20) for (let at = 0; at < value.length; ) at += derLength(value.subarray(at))
  return 2 + octets + length
}
