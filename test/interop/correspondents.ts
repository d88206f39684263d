import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { MessageCode, Reason } from '../../agent/errors.ts'
import type { ContentCipher, Digest, KeyTransport, SignatureScheme } from '../../agent/smime/algorithms.ts'
import { decrypt } from '../../agent/smime/decrypt.ts'
import { encrypt } from '../../agent/smime/encrypt.ts'
import { sign } from '../../agent/smime/sign.ts'
import { unwrap } from '../../agent/smime/unwrap.ts'
import { Verified, verify } from '../../agent/smime/verify.ts'
import { type Minted, mint } from '../../fixtures/pki.ts'
import { parseCertificate } from '../../trust-anchors/index.ts'
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
  NOW,
  root,
  sourceOf,
} from '../agent/smime/parties.ts'

/** Whom other programs write to and hear from, and what we do with a message of each direction. */

const leaf = (key: 'ec-p256' | 'ec-p384' | 'ec-p521') =>
  mint({ issuer: root, san: [`${key}.example`], key, keyUsage: null })

/** By the name that a peer's files have. RSA 2048, but for the curves. */
export const PEOPLE = {
  root,
  intermediate,
  alice,
  bob,
  drLee,
  p256: leaf('ec-p256'),
  p384: leaf('ec-p384'),
  p521: leaf('ec-p521'),
} as const satisfies Readonly<Record<string, Minted>>

export type Person = keyof typeof PEOPLE

/** Who signs, the digest by the name that gpgsm and NSS give it, and what we read of both. */
export const SIGNERS: readonly [Person, hash: string, SignatureScheme, Digest][] = [
  ['alice', 'SHA256', 'rsa-pkcs1', 'sha-256'],
  ['alice', 'SHA384', 'rsa-pkcs1', 'sha-384'],
  ['alice', 'SHA512', 'rsa-pkcs1', 'sha-512'],
  ['p256', 'SHA256', 'ecdsa', 'sha-256'],
  ['p384', 'SHA384', 'ecdsa', 'sha-384'],
  ['p521', 'SHA512', 'ecdsa', 'sha-512'],
]

/** Certificates as `name.pem` and keys as `name.key`, PKCS#8. */
export function savePeople(folder: string): void {
  for (const [name, { pem, privateKey }] of Object.entries(PEOPLE)) {
    writeFileSync(join(folder, `${name}.pem`), pem)
    writeFileSync(join(folder, `${name}.key`), privateKey.export({ type: 'pkcs8', format: 'pem' }), {
      mode: 0o600,
    })
  }
}

/** The entity that peers sign, and the message in it. */
export const INNER = 'Subject: s\r\n\r\nA line.\r\n\r\n.\r\n'
export const ENTITY = `Content-Type: message/rfc822\r\n\r\n${INNER}`

export interface Sealing {
  readonly from?: Person
  readonly to?: readonly Person[]
  readonly digest?: Digest
  readonly signature?: SignatureScheme
  readonly content?: ContentCipher
  readonly keyTransport?: KeyTransport
  readonly message?: string
}

/** A message of ours: its CMS, what is encrypted in it, and what is signed in that. */
export async function seal(how: Sealing = {}) {
  const { from = 'alice', to = ['bob', 'drLee'], digest = 'sha-256', signature = 'rsa-pkcs1' } = how
  const { content = 'aes-256-cbc', keyTransport = 'rsa-oaep-sha256', message } = how
  const signer = identity(PEOPLE[from], [intermediate, root])
  const signed = await sign(composed(message), signer, { digest, signature, at: NOW })
  const paths = to.map((name) => encryptionPath(PEOPLE[name], addressOf(PEOPLE[name])))
  const { entity } = await encrypt(signed, paths, { content, keyTransport })
  const sealed = await bytesOf(entity)
  return {
    entity: sealed,
    cms: cmsOf(sealed),
    signed: await bytesOf(signed.entity),
    content: await bytesOf(composed(message).entity),
  }
}

function addressOf({ certificate }: Minted): string {
  const { rfc822, dns } = certificate.names
  return rfc822[0] ?? `somebody@${dns[0]}`
}

/** Whose keys are ours: one of each kind. */
const OURS = ['bob', 'p256', 'p384', 'p521'] as const

export async function open(cms: Uint8Array, chunk = 1000): Promise<Verified | Reason<MessageCode>> {
  const { spool } = countingSpool()
  const keys = OURS.map((name) => identity(PEOPLE[name]))
  const decrypted = await decrypt(sourceOf(cms, chunk), keys, spool)
  return 'code' in decrypted ? decrypted : verify(decrypted, { spool, parseCertificate })
}

/** What `open` finds in a peer's message around ENTITY, which must be right in all respects. */
export async function opens(cms: Uint8Array, chunk?: number): Promise<Verified> {
  const result = await open(cms, chunk)
  expect(result).toBeInstanceOf(Verified)
  const verified = result as Verified
  const { inner, wrapped } = await unwrap(verified.entity, countingSpool().spool)
  expect({ wrapped, inner: (await bytesOf(inner)).toString() }).toEqual({ wrapped: true, inner: INNER })
  expect(verified.rejected).toEqual([])
  return verified
}

/** What a multipart/signed of ours signs, and the CMS of the signature. */
export function partsOf(signed: Buffer): { readonly content: Buffer; readonly signature: Buffer } {
  const text = signed.toString('latin1')
  const delimiter = `\r\n--${/boundary="(.*)"/.exec(text)?.[1]}`
  const [, content = '', signature = ''] = text.split(delimiter)
  const body = (part: string) => part.slice(part.indexOf('\r\n\r\n') + 4)
  return {
    content: Buffer.from(content.slice('\r\n'.length), 'latin1'),
    signature: Buffer.from(body(signature), 'base64'),
  }
}
