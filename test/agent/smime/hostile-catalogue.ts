import { createHash, randomBytes } from 'node:crypto'
import { OID } from '../../../agent/smime/algorithms.ts'
import { context, NULL, oid, sequence, setOf, TAG, tlv } from '../../../agent/smime/ber/der.ts'
import { mint } from '../../../fixtures/pki.ts'
import {
  attribute,
  envelope,
  gcm,
  type Hostile,
  honestAttributes,
  IV,
  indefinite,
  keyTrans,
  multipart,
  opaque,
  signedData,
  signerInfo,
} from './hostile.ts'
import { bombs } from './hostile-bombs.ts'
import { gadgets } from './hostile-gadgets.ts'
import { mail, signed, wrapped } from './opening.ts'
import { alice, bob, intermediate, root } from './parties.ts'

/** What must not work, by the sentence that forbids it. Each is tried by name: see the tests that import this. */
export type Catalogue = Readonly<Record<string, readonly Hostile[]>>

const TO_BOB = { recipientInfos: [keyTrans(bob)] }
/** Encrypted to clinic B. */
const sealed = (plaintext: string | Uint8Array) => mail(envelope(plaintext, TO_BOB))

const mallory = mint({ issuer: root, san: ['clinic-m.example'], key: 'dr-lee' })
const weak = mint({ issuer: root, san: ['clinic-a.example'], key: 'rsa-1024' })

const ENTITY = wrapped()
const [contentType, messageDigest, signingTime] = honestAttributes(ENTITY) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const isAttribute = (type: string, ...values: Uint8Array[]) => attribute(type, ...values)
const withAttributes = (...attributes: Uint8Array[]) => sealed(signed(ENTITY, { attributes }))

const attributes: readonly Hostile[] = [
  {
    name: 'a content-type attribute that differs from eContentType',
    code: 'SIGNATURE_INVALID',
    mail: () => withAttributes(isAttribute(OID.contentType, oid(OID.signedData)), messageDigest, signingTime),
  },
  {
    name: 'an eContentType that differs from the content-type attribute',
    code: 'SIGNATURE_INVALID',
    mail: () => {
      const signerInfos = [signerInfo({ content: ENTITY, signer: alice })]
      const form = { signerInfos, certificates: [alice, intermediate], contentType: OID.envelopedData }
      return sealed(multipart(ENTITY, signedData(form)))
    },
  },
  {
    name: 'no content-type attribute among its signed attributes',
    code: 'SIGNATURE_INVALID',
    mail: () => withAttributes(messageDigest, signingTime),
  },
  {
    name: 'no message-digest attribute among its signed attributes',
    code: 'SIGNATURE_INVALID',
    mail: () => withAttributes(contentType, signingTime),
  },
  {
    name: 'an empty set of signed attributes',
    code: 'SIGNATURE_INVALID',
    mail: () => withAttributes(),
  },
  {
    name: 'two content-type attributes',
    code: 'SIGNATURE_INVALID',
    mail: () => withAttributes(contentType, contentType, messageDigest),
  },
  {
    name: 'two message-digest attributes, of which one is right',
    code: 'SIGNATURE_INVALID',
    mail: () => withAttributes(contentType, messageDigest, honestAttributes('other')[1] as Uint8Array),
  },
  {
    name: 'a message-digest attribute of two values',
    code: 'SIGNATURE_INVALID',
    mail: () => {
      const digest = (of: string) => tlv(TAG.OCTET_STRING, createHash('sha256').update(of).digest())
      return withAttributes(contentType, isAttribute(OID.messageDigest, digest(ENTITY), digest('other')))
    },
  },
  {
    name: 'signed attributes that are not in DER order',
    code: 'SIGNATURE_INVALID',
    mail: () =>
      sealed(signed(ENTITY, { rawAttributes: tlv(TAG.SET, messageDigest, signingTime, contentType) })),
  },
  {
    name: 'signed attributes of indefinite length',
    code: 'SIGNATURE_INVALID',
    mail: () =>
      sealed(
        signed(ENTITY, {
          rawAttributes: Buffer.from(indefinite(TAG.SET, contentType, signingTime, messageDigest)),
        }),
      ),
  },
  {
    name: 'the attributes that must be signed among the unsigned ones',
    code: 'SIGNATURE_INVALID',
    mail: () => sealed(signed(ENTITY, { attributes: null, unsigned: [contentType, messageDigest] })),
  },
  {
    name: 'signed attributes of another message replayed as its content',
    code: 'SIGNATURE_INVALID',
    mail: () => {
      // What clinic A once signed, over the attributes; now said to be over the content.
      const stolen = setOf(contentType, messageDigest, signingTime)
      const signerInfos = [signerInfo({ content: stolen, signer: alice, attributes: null })]
      return sealed(opaque(signedData({ content: stolen, signerInfos, certificates: [alice, intermediate] })))
    },
  },
]

const signers: readonly Hostile[] = [
  {
    name: 'a signature of zero signers',
    code: 'NOT_SIGNED',
    mail: () => sealed(multipart(ENTITY, signedData({ signerInfos: [], certificates: [alice] }))),
  },
  {
    name: 'opaque content and zero signers',
    code: 'NOT_SIGNED',
    mail: () => sealed(opaque(signedData({ content: ENTITY, signerInfos: [], certificates: [alice] }))),
  },
  {
    name: 'a signature whose bytes are any',
    code: 'SIGNATURE_INVALID',
    mail: () => sealed(signed(ENTITY, { signature: randomBytes(256) })),
  },
  {
    name: 'a signature by somebody who says that its certificate is another one',
    code: 'SIGNATURE_INVALID',
    mail: () => sealed(signed(ENTITY, { signer: { ...alice, privateKey: mallory.privateKey } })),
  },
  {
    name: 'a valid signature by somebody who is not From',
    code: 'SIGNER_NOT_FROM',
    mail: () => sealed(signed(ENTITY, { signer: mallory })),
  },
  {
    name: "a valid signature by somebody who is not From, and From's certificate beside it",
    code: 'SIGNER_NOT_FROM',
    mail: () => sealed(signed(ENTITY, { signer: mallory, certificates: [alice, intermediate, mallory] })),
  },
  {
    name: 'a valid signature by somebody who is not From, and one of From that is not valid',
    code: 'SIGNER_NOT_FROM',
    mail: () => {
      const signerInfos = [
        signerInfo({ content: 'other', signer: alice }),
        signerInfo({ content: ENTITY, signer: mallory }),
      ]
      const certificates = [alice, intermediate, mallory]
      return sealed(multipart(ENTITY, signedData({ signerInfos, certificates })))
    },
  },
  {
    name: 'a valid signature by somebody who is Sender and not From',
    code: 'SIGNER_NOT_FROM',
    mail: () => sealed(signed(wrapped({ Sender: 'dr.m@clinic-m.example' }), { signer: mallory })),
  },
]

const HTML = 'Content-Type: text/html\r\n\r\n<p>Double the dose.</p>'
const mixed = (...parts: string[]) =>
  `Content-Type: multipart/mixed; boundary=m\r\n\r\n${parts.map((part) => `--m\r\n${part}\r\n`).join('')}--m--\r\n`
const good = () => signed().trimEnd()
const FOOTER = 'This mail was scanned.\r\n'

const partial: readonly Hostile[] = [
  {
    name: 'a signed part before an unsigned one',
    code: 'NOT_SIGNED',
    mail: () => sealed(mixed(good(), HTML)),
  },
  {
    name: 'a signed part behind an unsigned one',
    code: 'NOT_SIGNED',
    mail: () => sealed(mixed(HTML, good())),
  },
  { name: 'nothing but a signed part in a multipart', code: 'NOT_SIGNED', mail: () => sealed(mixed(good())) },
  {
    name: 'opaque signed data beside an unsigned part',
    code: 'NOT_SIGNED',
    mail: () => {
      const signerInfos = [signerInfo({ content: ENTITY, signer: alice })]
      const cms = signedData({ content: ENTITY, signerInfos, certificates: [alice, intermediate] })
      return sealed(mixed(opaque(cms), HTML))
    },
  },
  {
    name: 'a signed message inside an unsigned one',
    code: 'NOT_SIGNED',
    mail: () => sealed(wrapped({}, good())),
  },
  {
    name: 'a footer behind the signed entity',
    code: 'UNDECRYPTABLE',
    mail: () => sealed(`${signed()}${FOOTER}`),
  },
  {
    name: 'a footer as a third part behind the signature',
    code: 'MALFORMED',
    mail: () => sealed(signed().replace('--b--', `--b\r\n\r\n${FOOTER}\r\n--b--`)),
  },
  {
    name: 'a footer behind the signed part, before its signature',
    code: 'SIGNATURE_INVALID',
    mail: () => sealed(signed().replace('\r\n--b\r\nContent-Type: application', `\r\n${FOOTER}$&`)),
  },
  {
    name: 'a signature before what it signs',
    code: 'NOT_SIGNED',
    mail: () => {
      const [head = '', first = '', second = ''] = signed().split('--b\r\n')
      return sealed(`${head}--b\r\n${second.replace('--b--\r\n', '')}--b\r\n${first}--b--\r\n`)
    },
  },
  {
    name: 'a multipart/signed without its end',
    code: 'UNDECRYPTABLE',
    mail: () => sealed(signed().replace('--b--\r\n', '')),
  },
  { name: 'no signature at all', code: 'NOT_SIGNED', mail: () => sealed(ENTITY) },
]

const from = (value: string | readonly string[]) => () => sealed(signed(wrapped({ From: value })))
const KIM = 'dr.kim@clinic-a.example'
const EVE = 'eve@clinic-e.example'

const authors: readonly Hostile[] = [
  { name: 'two From fields', code: 'MALFORMED', mail: from([KIM, EVE]) },
  { name: 'two From fields that say the same', code: 'MALFORMED', mail: from([KIM, KIM]) },
  {
    name: 'two From fields, of which one is in other letters',
    code: 'MALFORMED',
    mail: () => sealed(signed(wrapped({ FROM: EVE }))),
  },
  { name: 'two mailboxes in From', code: 'MALFORMED', mail: from(`${KIM}, ${EVE}`) },
  { name: 'no From', code: 'MALFORMED', mail: () => sealed(signed(wrapped({ From: null }))) },
  { name: 'a group in From', code: 'MALFORMED', mail: from(`Doctors: ${KIM};`) },
  { name: 'an empty group in From', code: 'MALFORMED', mail: from('undisclosed-recipients:;') },
  { name: 'a group beside the mailbox in From', code: 'MALFORMED', mail: from(`${KIM}, Others: ${EVE};`) },
  {
    name: 'the address of another as its display name',
    code: 'SIGNER_NOT_FROM',
    mail: from(`"${KIM}" <${EVE}>`),
  },
  {
    name: 'the bare address of another before its own',
    code: 'SIGNER_NOT_FROM',
    mail: from(`${KIM} <${EVE}>`),
  },
  { name: 'the address of another in a comment', code: 'SIGNER_NOT_FROM', mail: from(`${EVE} (${KIM})`) },
  {
    name: 'the address of another in an encoded word',
    code: 'SIGNER_NOT_FROM',
    mail: from(`=?utf-8?B?${Buffer.from(`${KIM} <${KIM}>`).toString('base64')}?= <${EVE}>`),
  },
  {
    name: 'an encoded word that hides a line end and a second From',
    code: 'SIGNER_NOT_FROM',
    mail: from(`=?utf-8?B?${Buffer.from(`x\r\nFrom: ${KIM}`).toString('base64')}?= <${EVE}>`),
  },
  {
    name: 'an encoded word where its address belongs',
    code: 'MALFORMED',
    mail: from(`=?utf-8?B?${Buffer.from(KIM).toString('base64')}?=`),
  },
  { name: 'a quoted local part', code: 'MALFORMED', mail: from('"dr.kim"@clinic-a.example') },
  {
    name: 'a quoted local part that holds another address',
    code: 'MALFORMED',
    mail: from(`"${KIM}>, <x"@clinic-a.example`),
  },
  { name: 'two addresses in angles', code: 'MALFORMED', mail: from(`<${KIM}> <${EVE}>`) },
  { name: 'text behind its address', code: 'MALFORMED', mail: from(`<${KIM}> ${EVE}`) },
  { name: 'a source route', code: 'MALFORMED', mail: from(`<@clinic-e.example:${KIM}>`) },
  { name: 'two @ in its address', code: 'MALFORMED', mail: from(`${KIM}@clinic-e.example`) },
  { name: 'an address literal', code: 'MALFORMED', mail: from('dr.kim@[127.0.0.1]') },
  { name: 'a NUL in From', code: 'MALFORMED', mail: from('dr.kim@clinic-a.example\0.clinic-e.example') },
  { name: 'a NUL in its display name', code: 'MALFORMED', mail: from(`Kim\0 <${KIM}>`) },
  { name: 'a lone CR in From', code: 'MALFORMED', mail: from(`${KIM}\r(x)`) },
  {
    name: 'another From behind a lone CR',
    code: 'MALFORMED',
    mail: () => sealed(signed(wrapped({ 'X-A': `b\rFrom: ${EVE}` }))),
  },
  {
    name: 'a control in the name of a second From',
    code: 'MALFORMED',
    mail: () => sealed(signed(wrapped({ '\u0001From': EVE }))),
  },
  {
    name: 'a second From that is folded before its colon',
    code: 'MALFORMED',
    mail: () => sealed(signed(wrapped({ 'From\r\n ': EVE }))),
  },
  { name: 'a trailing dot', code: 'MALFORMED', mail: from(`${KIM}.`) },
  { name: 'a trailing dot in its local part', code: 'MALFORMED', mail: from('dr.kim.@clinic-a.example') },
  {
    name: 'a Cyrillic letter in its domain',
    code: 'SIGNER_NOT_FROM',
    mail: from('dr.kim@clinic-\u0430.example'),
  },
  {
    name: 'the A-label of a look-alike domain',
    code: 'SIGNER_NOT_FROM',
    mail: from('dr.kim@xn--clinic--3fg.example'),
  },
  {
    name: 'a Cyrillic letter in its local part',
    code: 'MALFORMED',
    mail: from('dr.k\u0456m@clinic-a.example'),
  },
  { name: 'a letter doubled in its domain', code: 'SIGNER_NOT_FROM', mail: from('dr.kim@cliinic-a.example') },
  {
    name: 'a domain that ends as another does',
    code: 'SIGNER_NOT_FROM',
    mail: from('dr.kim@not-clinic-a.example'),
  },
  { name: 'a domain below another', code: 'SIGNER_NOT_FROM', mail: from('dr.kim@x.clinic-a.example') },
  { name: 'a domain above another', code: 'SIGNER_NOT_FROM', mail: from('dr.kim@a.example') },
]

const SHA512_256 = '2.16.840.1.101.3.4.2.6'
const ciphered = (id: string) => () =>
  mail(
    envelope(signed(), {
      ...TO_BOB,
      algorithm: sequence(oid(id), tlv(TAG.OCTET_STRING, IV.subarray(8))),
    }),
  )

const algorithms: readonly Hostile[] = [
  { name: 'SHA-1', code: 'ALGORITHM_REFUSED', mail: () => sealed(signed(ENTITY, { digest: 'sha1' })) },
  { name: 'MD5', code: 'ALGORITHM_REFUSED', mail: () => sealed(signed(ENTITY, { digest: 'md5' })) },
  {
    name: 'a digest that nobody knows',
    code: 'ALGORITHM_REFUSED',
    mail: () => sealed(signed(ENTITY, { digestAlgorithm: sequence(oid(SHA512_256), NULL) })),
  },
  { name: '3DES', code: 'ALGORITHM_REFUSED', mail: ciphered('1.2.840.113549.3.7') },
  { name: 'RC2', code: 'ALGORITHM_REFUSED', mail: ciphered('1.2.840.113549.3.2') },
  { name: 'DES', code: 'ALGORITHM_REFUSED', mail: ciphered('1.3.14.3.2.7') },
  {
    name: 'an RSA key of 1024 bits',
    code: 'ALGORITHM_REFUSED',
    mail: () => sealed(signed(ENTITY, { signer: weak })),
  },
  ...[4, 8, 11].map((tagBytes) => ({
    name: `a GCM tag of ${tagBytes} bytes`,
    code: 'ALGORITHM_REFUSED' as const,
    mail: () => mail(gcm(signed(), { ...TO_BOB, tagBytes })),
  })),
  {
    name: 'a GCM tag of 12 bytes that calls itself 16',
    code: 'UNDECRYPTABLE',
    mail: () => mail(gcm(signed(), { ...TO_BOB, tag: randomBytes(12) })),
  },
]

const cmsBody = (cms: Uint8Array, type = 'enveloped-data') =>
  opaque(cms, `application/pkcs7-mime; smime-type=${type}`)
const nestedCms = () => envelope(signed(), TO_BOB)

const nested: readonly Hostile[] = [
  { name: 'an envelope in its envelope', code: 'NOT_SIGNED', mail: () => sealed(cmsBody(nestedCms())) },
  {
    name: 'an envelope in its envelope that calls itself signed',
    code: 'NOT_SIGNED',
    mail: () => sealed(cmsBody(nestedCms(), 'signed-data')),
  },
  {
    name: 'an authenticated envelope in its envelope',
    code: 'NOT_SIGNED',
    mail: () => sealed(cmsBody(gcm(signed(), TO_BOB))),
  },
  {
    name: 'an envelope in its signature',
    code: 'MALFORMED',
    mail: () => sealed(signed(cmsBody(nestedCms()))),
  },
  {
    name: 'an envelope in its signature that calls itself signed',
    code: 'MALFORMED',
    mail: () => sealed(signed(cmsBody(nestedCms(), 'signed-data'))),
  },
  {
    name: 'compressed data in its envelope',
    code: 'NOT_SIGNED',
    mail: () =>
      sealed(
        cmsBody(
          sequence(oid('1.2.840.113549.1.9.16.1.9'), tlv(context(0), sequence(NULL))),
          'compressed-data',
        ),
      ),
  },
]

export const CATALOGUE: Catalogue = {
  'signed attributes': attributes,
  signers,
  'partial signatures': partial,
  'who it is from': authors,
  algorithms,
  'nested envelopes': nested,
  'EFAIL gadgets': gadgets,
  bombs,
}

/** All of them. */
export const HOSTILE = Object.values(CATALOGUE).flat()
