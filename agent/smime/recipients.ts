import { type Refused, readKeyTransport, refuseKeyAgreement } from './algorithm-reader.ts'
import type { KeyTransport } from './algorithms.ts'
import { identifies } from './cms-element.ts'
import { context, TAG } from './der.ts'
import { type EnvelopeHead, readKeyTransInfo } from './enveloped-data.ts'
import type { Identity } from './identity.ts'

/** A RecipientInfo that names one of ours, by a key transport that is accepted. */
export interface Candidate {
  readonly identity: Identity
  readonly transport: KeyTransport
  readonly encryptedKey: Uint8Array
}

export type Addressed = Candidate | { readonly identity: Identity; readonly refused: Refused }

/** Cheap enough for thousands of recipients: ours are named by serial number or key identifier, so these must occur. */
export function mentions(info: Uint8Array, { certificate }: Identity): boolean {
  if (info[0] === context(1)) return contains(info, certificate.issuerAndSerialNumber)
  if (info[0] !== TAG.SEQUENCE) return false
  const { serialNumber, subjectKeyIdentifier } = certificate
  return (
    contains(info, serialNumber) || (subjectKeyIdentifier !== null && contains(info, subjectKeyIdentifier))
  )
}

function contains(bytes: Uint8Array, part: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(Buffer.from(part))
}

/** Each RecipientInfo with each identity that it names, in the message's order. */
export function match(head: EnvelopeHead, keys: readonly Identity[]): Addressed[] {
  const found: Addressed[] = []
  for (const bytes of head.recipientInfos) {
    if (bytes[0] === context(1)) {
      const ours = keys.filter((identity) => mentions(bytes, identity))
      found.push(...ours.map((identity) => ({ identity, refused: refuseKeyAgreement() })))
      continue
    }
    const info = readKeyTransInfo(bytes)
    const ours = keys.filter(({ certificate }) => identifies(info.id, certificate))
    if (ours.length === 0) continue
    const transport = readKeyTransport(info.algorithm)
    for (const identity of ours) {
      found.push(
        typeof transport === 'string'
          ? { identity, transport, encryptedKey: info.encryptedKey }
          : { identity, refused: transport },
      )
    }
  }
  return found
}
