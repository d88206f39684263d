import { createHash, randomBytes } from 'node:crypto'
import { OID } from '../../../agent/smime/algorithms.ts'
import { oid, setOf, TAG, tlv } from '../../../agent/smime/ber/der.ts'
import { mint } from '../../../fixtures/pki.ts'
import {
  attribute,
  envelope,
  type Hostile,
  honestAttributes,
  indefinite,
  keyTrans,
  multipart,
  opaque,
  signedData,
  signerInfo,
} from './hostile.ts'
import { mail, signed, wrapped } from './opening.ts'
import { alice, bob, intermediate, root } from './parties.ts'

/** Signatures that say less than they seem to (protocol.md IN-4, IN-6). */

const sealed = (plaintext: string) => mail(envelope(plaintext, { recipientInfos: [keyTrans(bob)] }))
const mallory = mint({ issuer: root, san: ['clinic-m.example'], key: 'dr-lee' })

const ENTITY = wrapped()
const [contentType, messageDigest, signingTime] = honestAttributes(ENTITY) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
const withAttributes = (...attributes: Uint8Array[]) => sealed(signed(ENTITY, { attributes }))

export const attributes: readonly Hostile[] = [
  {
    name: 'a content-type attribute that differs from eContentType',
    code: 'SIGNATURE_INVALID',
    mail: () => withAttributes(attribute(OID.contentType, oid(OID.signedData)), messageDigest, signingTime),
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
      return withAttributes(contentType, attribute(OID.messageDigest, digest(ENTITY), digest('other')))
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

export const signers: readonly Hostile[] = [
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

export const partial: readonly Hostile[] = [
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
