import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { Identities } from '../../agent/identities.ts'
import { encodeField } from '../../agent/mime/encode-field.ts'
import { type Field, Header } from '../../agent/mime/header.ts'
import { digestAlgorithm, OID } from '../../agent/smime/algorithms.ts'
import { context, oid, setOf, smallInteger, TAG, tlv } from '../../agent/smime/ber/der.ts'
import { type Minted, mint } from '../../fixtures/pki.ts'
import { AnchorSets } from '../../trust-anchors/index.ts'
import { envelope, indefinite, keyTrans, multipart, signedData, signerInfo } from './smime/hostile.ts'
import { judge, LEE } from './smime/opening.ts'
import { address } from './smime/parties.ts'

/**
 * Mail that anybody may send, and that would keep the process busy for a minute or for hours if its work were not
 * bounded (CERT-5, IN-11, ALG-3). Each has its verdict long before the runner's time limit.
 */

const pki = (name: string) => fileURLToPath(new URL(`../../fixtures/pki/${name}`, import.meta.url))
const root = mint({ ca: true, subject: 'Root', key: 'root-a' })
const otherRoot = mint({ ca: true, subject: 'Other', key: 'root-b' })
const sender = mint({ issuer: root, san: ['clinic-a.example'], key: 'clinic-a' })
const identities = await Identities.load([
  {
    for: 'clinic-b.example',
    certificate: pki('clinic-b.pem'),
    privateKey: pki('clinic-b.key'),
    password: undefined,
  },
])
const [clinicB] = identities.readingFor(address(LEE))

const wrapped = (rest: string) =>
  `Content-Type: message/rfc822\r\n\r\nFrom: a@clinic-a.example\r\nTo: ${LEE}\r\nMessage-ID: <1@clinic-a.example>\r\n${rest}`

function sealed(plain: string | Uint8Array, encryptedContent?: Uint8Array): Buffer {
  if (!clinicB) throw new Error('the fixtures lack clinic-b')
  const recipientInfos = [keyTrans(clinicB)]
  const cms = envelope(plain, { recipientInfos, ...(encryptedContent && { encryptedContent }) })
  const head = 'Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n'
  return Buffer.from(`${head}${cms.toString('base64')}\r\n`)
}

const ANCHORS = new AnchorSets([{ for: '*', direction: 'both', certificates: [root.certificate] }])

async function judged(mail: Buffer, to: readonly string[] = [LEE]) {
  const trust = async () => ({ anchors: ANCHORS, pinned: () => [], hasPins: false })
  const result = await judge(mail, { recipients: to.map(address), tools: { identities, trust } })
  await result[Symbol.asyncDispose]()
  return { code: result.code, accepted: result.trusted?.accepted.length ?? 0 }
}

test('opaque content in two million pieces of one byte is opened', async () => {
  const content = Buffer.from(wrapped(`\r\n${'a'.repeat(2_000_000)}`))
  const pieces = Buffer.alloc(3 * content.length)
  for (const [i, byte] of content.entries()) pieces.set([TAG.OCTET_STRING, 1, byte], 3 * i)
  const cms = indefinite(
    TAG.SEQUENCE,
    oid(OID.signedData),
    indefinite(
      context(0),
      indefinite(
        TAG.SEQUENCE,
        smallInteger(1),
        setOf(digestAlgorithm('sha-256')),
        indefinite(
          TAG.SEQUENCE,
          oid(OID.data),
          indefinite(context(0), indefinite(TAG.OCTET_STRING | 0x20, pieces)),
        ),
        tlv(context(0), sender.certificate.der),
        tlv(TAG.SET, signerInfo({ content, signer: sender })),
      ),
    ),
  )
  const head = Buffer.from(
    'Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: binary\r\n\r\n',
  )
  expect(await judged(sealed(Buffer.concat([head, cms])))).toEqual({ code: null, accepted: 1 })
})

test('empty strings within strings by the million are UNDECRYPTABLE, not walked to their end', async () => {
  const nested = Buffer.alloc(28_000_000).fill(Buffer.from([TAG.OCTET_STRING | 0x20, 0x80, 0, 0]))
  expect(await judged(sealed('', indefinite(context(0), nested)))).toEqual({
    code: 'UNDECRYPTABLE',
    accepted: 0,
  })
})

test('lines that begin like a delimiter, twenty multiparts deep, are read up to ten thousand of them (IN-11)', async () => {
  let body = '\n--xA'.repeat(10_000)
  for (let depth = 0; depth < 17; depth++)
    body = `Content-Type: multipart/mixed; boundary=y${depth}\r\n\r\n--y${depth}\r\n${body}\r\n--y${depth}--\r\n`
  const part = wrapped(`Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n${body}\r\n--x--\r\n`)
  const cms = signedData({
    signerInfos: [signerInfo({ content: part, signer: sender })],
    certificates: [sender],
  })
  expect(await judged(sealed(multipart(part, cms)))).toEqual({ code: null, accepted: 1 })
})

test('256 false signatures over the content itself are SIGNATURE_INVALID', async () => {
  const twins = Array.from({ length: 8 }, (_, i) =>
    mint({ issuer: root, san: ['clinic-a.example'], key: 'clinic-a', serialFrom: 'twin', subject: `${i}` }),
  )
  const part = wrapped(`\r\n${`${'a'.repeat(70)}\n`.repeat(90_000)}`)
  const signature = Buffer.alloc(256, 1)
  const info = signerInfo({ content: '', signer: twins[0] as Minted, attributes: null, signature })
  const cms = signedData({ signerInfos: Array.from({ length: 32 }, () => info), certificates: twins })
  expect(await judged(sealed(multipart(part, cms)))).toEqual({ code: 'SIGNATURE_INVALID', accepted: 0 })
})

test('a hostile chain is judged once for twenty thousand recipients', async () => {
  const untrusted = mint({ issuer: otherRoot, san: ['clinic-a.example'], key: 'clinic-a' })
  const authorities = Array.from({ length: 90 }, (_, i) =>
    mint({
      ca: true,
      subject: 'Other',
      key: i % 2 ? 'root-b' : 'intermediate',
      ...(i % 3 ? {} : { issuer: otherRoot }),
    }),
  )
  const part = wrapped('\r\nhello')
  const cms = signedData({
    signerInfos: [signerInfo({ content: part, signer: untrusted })],
    certificates: [untrusted, ...authorities],
  })
  const to = Array.from({ length: 20_000 }, (_, i) => `u${i}@clinic-b.example`)
  expect(await judged(sealed(multipart(part, cms)), to)).toEqual({ code: 'SIGNER_UNTRUSTED', accepted: 0 })
})

test('twenty thousand parameters in UTF-8 are encoded (MSG-1)', () => {
  const many = Array.from({ length: 20_000 }, (_, i) => `; a${i}="ü"`).join('')
  const [field] = Header.parse(Buffer.from(`Content-Type: text/plain${many}`)).fields
  expect(Buffer.from(encodeField(field as Field)).toString()).toMatch(/a19999\*=utf-8''%C3%BC\r\n$/)
})
