import { constants } from 'node:crypto'
import { NULL, oid, sequence } from '../ber/der.ts'
import { type AlgorithmIdentifier, readAlgorithmIdentifier } from './algorithm-identifier.ts'
import { hashName, type ReceivedDigest } from './digest.ts'
import { OID } from './object-identifiers.ts'
import { type Refused, refuse } from './refused.ts'
import { hashAndMask, readFields, readHashAndMask } from './rsa-parameters.ts'

/** How an RSA key of the recipient carries the content key. Names are those of the configuration. */
export type KeyTransport =
  | 'rsa-oaep-sha1'
  | 'rsa-oaep-sha256'
  | 'rsa-oaep-sha384'
  | 'rsa-oaep-sha512'
  | 'rsa-pkcs1'

/** RFC 4055 4. */
const OAEP = '1.2.840.113549.1.1.7'
const P_SPECIFIED = '1.2.840.113549.1.1.9'

/** What node:crypto calls it; its OAEP hash is MGF1's as well. */
export function rsaPadding(transport: KeyTransport): { padding: number; oaepHash?: string } {
  if (transport === 'rsa-pkcs1') return { padding: constants.RSA_PKCS1_PADDING }
  return { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: transport.slice('rsa-oaep-'.length) }
}

/** RFC 3370 4.2.1 and RFC 4055 4.1: OAEP names its hash and MGF1 explicitly, but for SHA-1, which is the default. */
export function keyTransportAlgorithm(transport: KeyTransport): Uint8Array {
  if (transport === 'rsa-pkcs1') return sequence(oid(OID.rsaEncryption), NULL)
  if (transport === 'rsa-oaep-sha1') return sequence(oid(OAEP), sequence())
  const digest = transport.replace('rsa-oaep-sha', 'sha-') as ReceivedDigest
  return sequence(oid(OAEP), sequence(...hashAndMask(digest)))
}

/** ALG: PKCS#1 v1.5, or OAEP whose MGF1 hash is its hash and whose label is empty. Throws CmsError. */
export function readKeyTransport({ algorithm, parameters }: AlgorithmIdentifier): KeyTransport | Refused {
  if (algorithm === OID.rsaEncryption) return 'rsa-pkcs1'
  if (algorithm !== OAEP) return refuse('the key transport', algorithm)
  const field = readFields(parameters)
  const digest = readHashAndMask('OAEP', field)
  if (typeof digest !== 'string') return digest
  const label = field(2)
  if (label !== null && !isEmptyLabel(readAlgorithmIdentifier(label))) {
    return { code: 'ALGORITHM_REFUSED', text: 'RSA-OAEP with a label is not accepted' }
  }
  return `rsa-oaep-${hashName(digest)}` as KeyTransport
}

function isEmptyLabel({ algorithm, parameters }: AlgorithmIdentifier): boolean {
  return algorithm === P_SPECIFIED && parameters?.octets().length === 0
}
