import { openPart } from '../../mime/entity.ts'
import { sequence, TAG, tlv } from '../ber/der.ts'
import { Identity } from '../identity.ts'
import { once, type Source } from '../source.ts'
import { blanks } from './blanks.ts'
import { signedData } from './detached-signature.ts'
import { signaturePart } from './multipart-signed.ts'
import type { SignatureForm, TakenApart } from './signature-form.ts'
import type { Hashed } from './signed-content.ts'
import { readSignedData } from './signed-data.ts'

/**
 * What stands in for a signature that cannot be read, so that the steps which are left are taken all the same
 * (protocol.md ALG-2): one that is none, as one of ours would look.
 */
export interface StandIn {
  apart(): Promise<TakenApart>
  readonly form: SignatureForm
}

/**
 * `content`: what was decrypted. `isHashed`: whether it was hashed already, or what stood in for it: then that is not
 * done once more.
 */
export async function standInFor(content: Source, isHashed: boolean, key: Identity): Promise<StandIn> {
  const { part, ...signature } = await signatureOf(key)
  const signed = { read: () => blanked(content), ...(isHashed && { hashed: HASHED }) }
  return {
    apart: async () => ({ signed, signature: await openPart(once(part)), isClosed: true }),
    form: { ...signature, content: signed, kept: null, isAll: true },
  }
}

/** No signature covers it. */
const HASHED: Hashed = {
  exact: { bytes: 0, digests: new Map([['sha-256', Buffer.alloc(32)]]) },
  canonical: null,
}

/** The content is read as it would be, and its bytes are not looked at. */
async function* blanked(content: Source): AsyncGenerator<Uint8Array> {
  for await (const { length } of content.read()) yield blanks(length)
}

interface NoSignature extends Pick<SignatureForm, 'certificates' | 'signerInfos' | 'revocation'> {
  /** The whole part of the multipart. */
  readonly part: Uint8Array
}

const made = new WeakMap<Identity, Promise<NoSignature>>()

function signatureOf(key: Identity): Promise<NoSignature> {
  const known = made.get(key) ?? makeSignature(key)
  made.set(key, known)
  return known
}

/** What we would write, but for the bytes of the signature, which nobody made. */
async function makeSignature({ certificate, intermediates }: Identity): Promise<NoSignature> {
  const octets = certificate.key.bits >> 3
  const number = tlv(TAG.INTEGER, Buffer.alloc(octets, 1))
  const forger = Identity.of(certificate, intermediates, {
    sign: async ({ scheme }) => (scheme === 'ecdsa' ? sequence(number, number) : number.subarray(-octets)),
    decrypt: async () => null,
  })
  const form = forger.signsBy({ scheme: 'rsa-pkcs1', digest: 'sha-256' })
  const cms = await signedData(Buffer.alloc(32), forger, form, new Date(0))
  const signature = await readSignedData(once(cms), null)
  if (typeof signature === 'string') throw new Error(`the stand-in of a signature is ${signature}`)
  const { certificates, signerInfos, revocation } = signature
  return { certificates, signerInfos, revocation, part: signaturePart(cms) }
}
