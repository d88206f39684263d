import { OctetString } from 'asn1js'
import {
  IssuerAndSerialNumber,
  type KeyAgreeRecipientIdentifier,
  KeyAgreeRecipientInfo,
  KeyTransRecipientInfo,
  OriginatorPublicKey,
} from 'pkijs'
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
import {
  byIssuerAndSerialNumber,
  type CertificateId,
  identifies,
  octetsOf,
  readElement,
} from '../ber/element.ts'
import { CmsError } from '../ber/reader.ts'
import type { Identity } from '../identity.ts'
import { subjectPublicKeyInfo } from './originator.ts'

/** A RecipientInfo that names one of ours, in a way that is accepted. */
export interface Candidate {
  readonly identity: Identity
  readonly transport: KeyTransport | KeyAgreement
  /** The content key; null when it is not to be had. */
  readonly contentKey: () => Promise<Uint8Array | null>
}

export type Addressed = Candidate | { readonly identity: Identity; readonly refused: Refused }

/** Cheap enough for thousands of recipients: ours are named by serial number or key identifier, so these must occur. */
export function mentions(info: Uint8Array, { certificate }: Identity): boolean {
  if (info[0] !== TAG.SEQUENCE && info[0] !== context(1)) return false
  const { serialNumber, subjectKeyIdentifier } = certificate
  return (
    contains(info, serialNumber) || (subjectKeyIdentifier !== null && contains(info, subjectKeyIdentifier))
  )
}

function contains(bytes: Uint8Array, part: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(Buffer.from(part))
}

/** Each RecipientInfo with each identity that it names, in the message's order. */
export function match(recipientInfos: readonly Uint8Array[], keys: readonly Identity[]): Addressed[] {
  return recipientInfos.flatMap((info) =>
    info[0] === context(1) ? matchKeyAgree(info, keys) : matchKeyTrans(info, keys),
  )
}

/** KeyTransRecipientInfo (RFC 5652 6.2.1). */
function matchKeyTrans(bytes: Uint8Array, keys: readonly Identity[]): Addressed[] {
  const info = readElement(bytes, (schema) => new KeyTransRecipientInfo({ schema }))
  const { rid } = info
  const id: CertificateId =
    rid instanceof IssuerAndSerialNumber
      ? byIssuerAndSerialNumber(rid)
      : { subjectKeyIdentifier: rid instanceof OctetString ? octetsOf(rid) : new Uint8Array() }
  const ours = keys.filter(({ certificate }) => identifies(id, certificate))
  if (ours.length === 0) return []
  const transport = readKeyTransport(info.keyEncryptionAlgorithm)
  if (typeof transport !== 'string') return ours.map((identity) => ({ identity, refused: transport }))
  const encryptedKey = octetsOf(info.encryptedKey)
  return ours.map((identity) => ({
    identity,
    transport,
    contentKey: () => identity.key.decrypt(transport, encryptedKey),
  }))
}

/** KeyAgreeRecipientInfo (RFC 5652 6.2.2, RFC 5753 3.1.1): one agreement for any number of recipients. */
function matchKeyAgree(bytes: Uint8Array, keys: readonly Identity[]): Addressed[] {
  const whole = Buffer.from(bytes)
  whole[0] = TAG.SEQUENCE
  const info = readElement(whole, (schema) => new KeyAgreeRecipientInfo({ schema }))
  const form = readKeyAgreement(info.keyEncryptionAlgorithm)
  const ukm = info.ukm === undefined ? null : octetsOf(info.ukm)
  const originator = info.originator?.value
  const found: Addressed[] = []
  for (const { rid, encryptedKey } of info.recipientEncryptedKeys.encryptedKeys) {
    const id = idOf(rid)
    for (const identity of keys.filter(({ certificate }) => identifies(id, certificate))) {
      if ('code' in form) found.push({ identity, refused: form })
      else if (!(originator instanceof OriginatorPublicKey)) found.push({ identity, refused: STATIC })
      else {
        const wrapped = octetsOf(encryptedKey)
        const contentKey = () => agreedKey(identity, originator, form, ukm, wrapped)
        found.push({ identity, transport: form.agreement, contentKey })
      }
    }
  }
  return found
}

const STATIC: Refused = {
  code: 'ALGORITHM_REFUSED',
  text: "key agreement with a key of the sender's certificate is not accepted; an ephemeral one is",
}

function idOf({ variant, value }: KeyAgreeRecipientIdentifier): CertificateId {
  if (value instanceof IssuerAndSerialNumber) return byIssuerAndSerialNumber(value)
  const identifier: unknown = variant === 2 ? value?.subjectKeyIdentifier : null
  if (identifier instanceof OctetString) return { subjectKeyIdentifier: octetsOf(identifier) }
  throw new CmsError('MALFORMED', 'a RecipientInfo that names its certificate in no known way')
}

async function agreedKey(
  { certificate, key }: Identity,
  originator: OriginatorPublicKey,
  form: AgreementForm,
  ukm: Uint8Array | null,
  wrapped: Uint8Array,
): Promise<Uint8Array | null> {
  const publicKey = subjectPublicKeyInfo(originator, certificate)
  const secret = await key.decrypt('ecdh', publicKey)
  return secret && unwrapKey(form.wrap, keyEncryptionKey(secret, form, ukm), wrapped)
}
