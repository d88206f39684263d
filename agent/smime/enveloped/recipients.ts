import { asBuffer } from '../../mime/bytes.ts'
import { readAlgorithmIdentifier } from '../algorithms/algorithm-identifier.ts'
import {
  type AgreementForm,
  type KeyAgreement,
  type KeyTransport,
  keyEncryptionKey,
  type Refused,
  readKeyAgreement,
  readKeyTransport,
  unwrapKey,
} from '../algorithms.ts'
import { context, TAG } from '../ber/der.ts'
import { type Element, readElement } from '../ber/element.ts'
import { Fields } from '../ber/fields.ts'
import { type CertificateId, identifies, readCertificateId } from '../certificate-id.ts'
import type { Identity } from '../identity.ts'
import { readOriginatorKey, subjectPublicKeyInfo } from './originator.ts'

/** A RecipientInfo that names one of ours, in a way that is accepted. */
export interface Candidate {
  readonly identity: Identity
  /** By what the content key is encrypted for it. */
  readonly keyEncryption: KeyTransport | KeyAgreement
  /** The content key; null when it is not to be had. */
  readonly contentKey: () => Promise<Uint8Array | null>
}

export type Addressed = Candidate | { readonly identity: Identity; readonly refused: Refused }

/**
 * Whether a RecipientInfo may name this identity, told without reading it, as there may be thousands: it would hold the
 * certificate's serial number or key identifier.
 */
export function mentions(info: Uint8Array, { certificate }: Identity): boolean {
  if (info[0] !== TAG.SEQUENCE && info[0] !== context(1)) return false
  const { serialNumber, subjectKeyIdentifier } = certificate
  return (
    contains(info, serialNumber) || (subjectKeyIdentifier !== null && contains(info, subjectKeyIdentifier))
  )
}

function contains(bytes: Uint8Array, part: Uint8Array): boolean {
  return asBuffer(bytes).includes(asBuffer(part))
}

/** Each RecipientInfo with each identity that it names, in the message's order. */
export function match(recipientInfos: readonly Uint8Array[], keys: readonly Identity[]): Addressed[] {
  return recipientInfos.flatMap((info) =>
    info[0] === context(1) ? matchKeyAgree(info, keys) : matchKeyTrans(info, keys),
  )
}

/** KeyTransRecipientInfo (RFC 5652 6.2.1). */
function matchKeyTrans(bytes: Uint8Array, keys: readonly Identity[]): Addressed[] {
  const info = Fields.of(readElement(bytes), TAG.SEQUENCE)
  info.next(TAG.INTEGER)
  const id = readCertificateId(info.next())
  const algorithm = readAlgorithmIdentifier(info.next())
  const encryptedKey = info.next().octets()
  info.end()
  const ours = keys.filter(({ certificate }) => identifies(id, certificate))
  if (ours.length === 0) return []
  const transport = readKeyTransport(algorithm)
  if (typeof transport !== 'string') return ours.map((identity) => ({ identity, refused: transport }))
  return ours.map((identity) => ({
    identity,
    keyEncryption: transport,
    contentKey: () => identity.key.decrypt(transport, encryptedKey),
  }))
}

/** KeyAgreeRecipientInfo (RFC 5652 6.2.2, RFC 5753 3.1.1): one agreement for any number of recipients. */
function matchKeyAgree(bytes: Uint8Array, keys: readonly Identity[]): Addressed[] {
  const info = new Fields(readElement(bytes))
  info.next(TAG.INTEGER)
  const originator = readOriginatorKey(explicit(info.next(context(0))))
  const ukmField = info.optional(context(1))
  const ukm = ukmField && explicit(ukmField).octets()
  const form = readKeyAgreement(readAlgorithmIdentifier(info.next()))
  const encryptedKeys = info.next(TAG.SEQUENCE).children
  info.end()
  const found: Addressed[] = []
  for (const one of encryptedKeys) {
    const { id, wrapped } = readEncryptedKey(one)
    for (const identity of keys.filter(({ certificate }) => identifies(id, certificate))) {
      if ('code' in form) found.push({ identity, refused: form })
      else if (originator === null) found.push({ identity, refused: STATIC })
      else {
        const contentKey = () => agreedKey(identity, originator, form, ukm, wrapped)
        found.push({ identity, keyEncryption: form.agreement, contentKey })
      }
    }
  }
  return found
}

const STATIC: Refused = {
  code: 'ALGORITHM_REFUSED',
  text: "key agreement with a key of the sender's certificate is not accepted; an ephemeral one is",
}

/** What an explicit tag holds. */
function explicit(field: Element): Element {
  const fields = new Fields(field)
  const value = fields.next()
  fields.end()
  return value
}

/** RecipientEncryptedKey (RFC 5652 6.2.2): a RecipientKeyIdentifier may hold more than the key identifier. */
function readEncryptedKey(element: Element): { readonly id: CertificateId; readonly wrapped: Uint8Array } {
  const fields = Fields.of(element, TAG.SEQUENCE)
  const rid = fields.next()
  const wrapped = fields.next().octets()
  fields.end()
  if (rid.tag !== context(0)) return { id: readCertificateId(rid), wrapped }
  return { id: { subjectKeyIdentifier: new Fields(rid).next().octets() }, wrapped }
}

async function agreedKey(
  { certificate, key }: Identity,
  originator: Uint8Array,
  form: AgreementForm,
  ukm: Uint8Array | null,
  wrapped: Uint8Array,
): Promise<Uint8Array | null> {
  const publicKey = subjectPublicKeyInfo(originator, certificate)
  const secret = await key.decrypt('ecdh', publicKey)
  return secret && unwrapKey(form.wrap, keyEncryptionKey(secret, form, ukm), wrapped)
}
