import { randomBytes } from 'node:crypto'
import { context, NULL, oid, sequence, TAG, tlv } from '../../../agent/smime/ber/der.ts'
import { mint } from '../../../fixtures/pki.ts'
import { envelope, gcm, type Hostile, IV, keyTrans, opaque } from './hostile.ts'
import { authors } from './hostile-authors.ts'
import { bombs } from './hostile-bombs.ts'
import { gadgets } from './hostile-gadgets.ts'
import { attributes, partial, signers } from './hostile-signatures.ts'
import { mail, signed, wrapped } from './opening.ts'
import { bob, root } from './parties.ts'

/** What must not work, by the sentence that forbids it. Each is tried by name: see the tests that import this. */
export type Catalogue = Readonly<Record<string, readonly Hostile[]>>

const TO_BOB = { recipientInfos: [keyTrans(bob)] }
/** Encrypted to clinic B. */
const sealed = (plaintext: string | Uint8Array) => mail(envelope(plaintext, TO_BOB))

const weak = mint({ issuer: root, san: ['clinic-a.example'], key: 'rsa-1024' })

const ENTITY = wrapped()

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
    name: 'an envelope as the message that it wraps',
    code: 'MALFORMED',
    mail: () => sealed(signed(wrapped({}, cmsBody(nestedCms())))),
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
