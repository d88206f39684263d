import { oid, sequence } from '../ber/der.ts'
import { nameOf } from './object-identifiers.ts'
import { type Refused, refuse } from './refused.ts'

/** What we sign with. Names are those of the configuration. */
export type Digest = 'sha-256' | 'sha-384' | 'sha-512'
/** SHA-1 is read so that it can be told apart; whether it may count is the caller's decision (ALG-4). */
export type ReceivedDigest = Digest | 'sha-1'

export const DIGEST_OID: Readonly<Record<ReceivedDigest, string>> = {
  'sha-1': '1.3.14.3.2.26',
  'sha-256': '2.16.840.1.101.3.4.2.1',
  'sha-384': '2.16.840.1.101.3.4.2.2',
  'sha-512': '2.16.840.1.101.3.4.2.3',
}

/** node:crypto's name of a digest. */
export function hashName(digest: ReceivedDigest): string {
  return digest.replace('-', '')
}

/** AlgorithmIdentifier; RFC 5754 2: SHA-2 is written without parameters. */
export function digestAlgorithm(digest: Digest): Uint8Array {
  return sequence(oid(DIGEST_OID[digest]))
}

/** Digest of a SignerInfo; parameters do not matter (RFC 5754 2). */
export function readDigest(id: string): ReceivedDigest | Refused {
  return nameOf(DIGEST_OID, id) ?? refuse('the digest', id)
}
