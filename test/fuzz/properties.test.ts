import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readNotification, writeMdn } from '../../agent/mdn.ts'
import { MimeError } from '../../agent/mime/error.ts'
import { readMessageHeader, readParts } from '../../agent/read.ts'
import { TAG, tlv } from '../../agent/smime/ber/der.ts'
import { CmsError } from '../../agent/smime/ber/error.ts'
import { BerReader } from '../../agent/smime/ber/reader.ts'
import { verify } from '../../agent/smime/verify.ts'
import { parseCertificate } from '../../trust-anchors/index.ts'
import { envelope, indefinite, keyTrans } from '../agent/smime/hostile.ts'
import { LEE } from '../agent/smime/opening.ts'
import { address, bob, bytesOf, countingSpool, identity, opened, sourceOf } from '../agent/smime/parties.ts'

/** What holds for every input of the parsers: CMS, MIME, MDN. */

/** Any BER of some depth: primitive and constructed, of definite and of indefinite length. */
const ber: fc.Arbitrary<Buffer> = fc.letrec<{ element: Buffer }>((tie) => ({
  element: fc.oneof(
    { maxDepth: 6 },
    fc
      .tuple(fc.constantFrom(0x02, 0x04, 0x05, 0x06, 0x80, 0x0c), fc.uint8Array({ maxLength: 300 }))
      .map(([tag, value]) => Buffer.from(tlv(tag, value))),
    fc
      .tuple(
        fc.constantFrom(0x30, 0x31, 0x24, 0xa0, 0xa1),
        fc.constantFrom(tlv, indefinite),
        fc.array(tie('element'), { maxLength: 4 }),
      )
      .map(([tag, form, contents]) => Buffer.from(form(tag, ...contents))),
  ),
})).element

const cuts = fc.integer({ min: 1, max: 500 })

describe('CMS (ALG-3)', () => {
  test('an element is read, and passed over, exactly as it is, however the bytes arrive', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(ber, { minLength: 1, maxLength: 3 }), cuts, async (elements, size) => {
        const reader = new BerReader(
          sourceOf(Buffer.from(indefinite(TAG.SEQUENCE, ...elements)), size).read(),
        )
        await reader.read(reader.enter(TAG.SEQUENCE))
        for (const [i, element] of elements.entries())
          if (i === 1) await reader.read(reader.skip())
          else expect(Buffer.from(await reader.read(reader.element(1 << 20)))).toEqual(element)
        expect(await reader.read(reader.atEnd())).toBe(true)
        await reader.read(reader.leave())
      }),
      { numRuns: 300 },
    )
  })

  test('a string is the same in any pieces, within pieces of any form', async () => {
    const string: fc.Arbitrary<Uint8Array[]> = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 })
    const form = fc.constantFrom(tlv, indefinite)
    await fc.assert(
      fc.asyncProperty(string, form, form, cuts, async (pieces, outer, inner, size) => {
        const strings = pieces.map((piece, i) => {
          const primitive = tlv(TAG.OCTET_STRING, piece)
          return i % 3 === 0 ? inner(TAG.OCTET_STRING | 0x20, primitive, primitive) : primitive
        })
        const whole = Buffer.concat(pieces.flatMap((piece, i) => (i % 3 === 0 ? [piece, piece] : [piece])))
        const bytes = Buffer.from(outer(TAG.OCTET_STRING | 0x20, ...strings))
        const reader = new BerReader(sourceOf(bytes, size).read())
        expect(await bytesOf({ read: () => reader.octets() })).toEqual(whole)
      }),
      { numRuns: 300 },
    )
  })

  test('any bytes at all end in an answer', async () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), ber)
    await fc.assert(
      fc.asyncProperty(bytes, cuts, async (any, size) => {
        const reader = new BerReader(sourceOf(any, size).read())
        try {
          await reader.read(reader.element(1 << 16))
        } catch (error) {
          expect(error).toBeInstanceOf(CmsError)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('whatever stands where a signature belongs, in opaque or detached form, ends in an answer', async () => {
    const kinds = fc.constantFrom('application/pkcs7-mime', 'multipart/signed; boundary=b')
    await fc.assert(
      fc.asyncProperty(kinds, ber, async (type, cms) => {
        const base64 = cms.toString('base64')
        const body =
          type === 'application/pkcs7-mime'
            ? base64
            : `--b\r\n\r\nx\r\n--b\r\nContent-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64}\r\n--b--`
        const content = `Content-Type: ${type}\r\nContent-Transfer-Encoding: ${body === base64 ? 'base64' : '7bit'}\r\n\r\n${body}`
        const sealed = envelope(content, { recipientInfos: [keyTrans(bob)] })
        await using decrypted = await opened(sourceOf(sealed), identity(bob))
        const { spool, open } = countingSpool()
        expect(await verify(decrypted, { spool, parseCertificate })).toHaveProperty('code')
        expect(open()).toBe(0)
      }),
      { numRuns: 150 },
    )
  })
})

/** Text that is often mail. */
const mailLike = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\r\n',
        '\n',
        '--b\r\n',
        '--b--\r\n',
        'Content-Type: multipart/mixed; boundary=b\r\n',
        'Content-Type: message/rfc822\r\n',
        'Content-Transfer-Encoding: base64\r\n',
        'Content-Transfer-Encoding: quoted-printable\r\n',
        'Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n',
        'Content-Type: message/disposition-notification\r\n',
        'Disposition: a/b; processed\r\n',
        'From: a@b.example\r\n',
      ),
      fc.string({ unit: 'binary', maxLength: 30 }),
    ),
    { maxLength: 30 },
  )
  .map((pieces) => Buffer.from(`X: y\r\n${pieces.join('')}`, 'utf8'))

/** All parts of a message with what they hold; the code where it is none. */
async function shown(message: Buffer, size: number): Promise<unknown> {
  try {
    const source = sourceOf(message, size)
    const parts: unknown[] = [await readMessageHeader(source)]
    for await (const { filename, contentType, read } of readParts(source))
      parts.push({ filename, contentType, content: (await bytesOf({ read })).toString('latin1') })
    return parts
  } catch (error) {
    if (error instanceof MimeError) return error.code
    throw error
  }
}

describe('MIME (IN-8, IN-11)', () => {
  test('a message has the same header and parts however its bytes arrive', async () => {
    await fc.assert(
      fc.asyncProperty(mailLike, cuts, async (message, size) => {
        expect(await shown(message, size)).toEqual(await shown(message, 1 << 20))
      }),
      { numRuns: 400 },
    )
  })
})

describe('MDN (N-1, N-5)', () => {
  const id = fc
    .string({ unit: fc.constantFrom(...'abcXYZ019.-_@+=/$!'), minLength: 1, maxLength: 60 })
    .map((text) => `<${text}>`)

  test('what we write we read: the message, the recipient and what became of it', async () => {
    await fc.assert(
      fc.asyncProperty(id, id, cuts, async (originalMessageId, messageId, size) => {
        const mdn = writeMdn({
          from: address(LEE),
          to: address('dr.kim@clinic-a.example'),
          originalMessageId,
          messageId,
          date: new Date(0),
          reportingUa: 'h; p',
          kind: 'processed',
        })
        expect(await readNotification(sourceOf(mdn, size))).toMatchObject({
          kind: 'mdn',
          originalMessageId,
          recipients: [{ address: LEE, disposition: 'processed' }],
        })
      }),
      { numRuns: 100 },
    )
  })

  test('anything is a notification, or none, or beyond the limits; what it shows is one line of ASCII', async () => {
    await fc.assert(
      fc.asyncProperty(mailLike, async (message) => {
        try {
          const notification = await readNotification(sourceOf(message))
          for (const { detail } of notification?.recipients ?? [])
            expect(detail ?? '').toMatch(/^[\x20-\x7e]{0,200}$/)
        } catch (error) {
          expect(error).toBeInstanceOf(MimeError)
        }
      }),
      { numRuns: 400 },
    )
  })
})
