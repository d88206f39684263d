import { Address, parseAddress } from '../../../agent/address.ts'
import type { KeyTransport } from '../../../agent/smime/algorithms.ts'
import { type Decrypted, decrypt } from '../../../agent/smime/decrypt.ts'
import { Identity } from '../../../agent/smime/identity.ts'
import type { Source, Spool } from '../../../agent/smime/source.ts'
import { type Verified, verify } from '../../../agent/smime/verify.ts'
import { type Composed, wrap } from '../../../agent/smime/wrap.ts'
import { type Minted, mint } from '../../../fixtures/pki.ts'
import { parseCertificate, type VerifiedPath, verifyCertificate } from '../../../trust-anchors/index.ts'
import { copied, lending } from '../mime/streams.ts'

export const NOW = new Date('2026-11-21T12:00:00Z')

export const root = mint({ ca: true, subject: 'Root', key: 'root-a', serialFrom: 'smime root' })
export const intermediate = mint({ ca: true, subject: 'Intermediate', key: 'intermediate', issuer: root })
export const alice = mint({ issuer: intermediate, san: ['clinic-a.example'], key: 'clinic-a' })
export const bob = mint({ issuer: root, san: ['clinic-b.example'], key: 'clinic-b' })
export const drLee = mint({ issuer: root, san: ['dr.lee@clinic-b.example'], key: 'dr-lee' })

/** All that we read and write for RSA keys. */
export const KEY_TRANSPORTS: readonly KeyTransport[] = [
  'rsa-oaep-sha1',
  'rsa-oaep-sha256',
  'rsa-oaep-sha384',
  'rsa-oaep-sha512',
  'rsa-pkcs1',
]

export function identity(minted: Minted, intermediates: readonly Minted[] = []): Identity {
  const certificates = intermediates.map(({ certificate }) => certificate)
  return Identity.of(minted.certificate, certificates, minted.privateKey)
}

export function address(text: string): Address {
  const parsed = parseAddress(text)
  if (!(parsed instanceof Address)) throw new Error(parsed.text)
  return parsed
}

export function encryptionPath(minted: Minted, to: string): VerifiedPath<'encrypt'> {
  const verdict = verifyCertificate('encrypt', address(to), minted.certificate, {
    candidates: [intermediate.certificate],
    anchors: [root.certificate],
    at: NOW,
    sha1: false,
    subjectEmail: false,
  })
  if (!verdict.ok) throw new Error(verdict.failures[0].text)
  return verdict.path
}

/** A source that hands out its bytes in chunks of this size. */
export function sourceOf(bytes: Uint8Array | string, chunk = 1 << 16): Source {
  const all = Buffer.from(bytes)
  return lending({
    bytes: all.length,
    async *read() {
      for (let at = 0; at < all.length; at += chunk) yield all.subarray(at, at + chunk)
    },
  })
}

export async function bytesOf(source: Pick<Source, 'read'>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source.read()) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** A spool in memory that counts what has not been disposed of yet. */
export function countingSpool(): { readonly spool: Spool; readonly open: () => number } {
  let open = 0
  return {
    open: () => open,
    spool: async (bytes) => {
      const source = sourceOf(await bytesOf({ read: () => copied(bytes) }))
      open++
      return {
        ...source,
        async [Symbol.asyncDispose]() {
          open--
        },
      }
    },
  }
}

export const MESSAGE =
  'From: a@clinic-a.example\r\nTo: b@clinic-b.example\r\nSubject: s\r\n\r\nHello, wörld\r\n'

export function composed(message: Uint8Array | string = MESSAGE): Composed {
  return wrap(sourceOf(message), {
    messageId: '<1@clinic-a.example>',
    date: 'Sat, 21 Nov 2026 12:00:00 +0000',
    from: address('a@clinic-a.example'),
    to: [address('b@clinic-b.example')],
    cc: [],
    bcc: [],
    inReplyTo: null,
    references: null,
  })
}

/** The decoded CMS of an entity of ours: everything after its blank line, from base64. */
export function cmsOf(entity: Uint8Array): Buffer {
  const text = Buffer.from(entity).toString('latin1')
  return Buffer.from(text.slice(text.indexOf('\r\n\r\n') + 4), 'base64')
}

export async function opened(cms: Pick<Source, 'read'>, ...keys: readonly Identity[]): Promise<Decrypted> {
  const decrypted = await decrypt(cms, keys, countingSpool().spool)
  if ('code' in decrypted) throw new Error(`it was not decrypted: ${decrypted.text}`)
  return decrypted
}

export async function verified(decrypted: Decrypted): Promise<Verified> {
  const result = await verify(decrypted, { spool: countingSpool().spool, parseCertificate })
  if ('code' in result) throw new Error(`it was not verified: ${result.text}`)
  return result
}
