import type { Generated } from 'kysely'
import type { TrustScope } from './trust-types.ts'
import type { StoredFetch } from './types.ts'

/** What was fetched from URLs that certificates name (CERT-7, CERT-8). Public bytes. */
export interface FetchesTable {
  key: string
  url: string
  kind: StoredFetch['kind']
  request: Uint8Array | null
  body: Uint8Array
  bytes: number
  fetched_at: number
  refresh_at: number
  used_at: number
}

/** Anchors added by hand (TR-1). */
export interface AddedAnchorsTable {
  scope: string
  direction: TrustScope['direction']
  sha256: string
  der: Uint8Array
  actor: string
  at: number
}

/** Anchors removed by hand. `scope` is empty where it is removed for everyone. */
export interface RemovedAnchorsTable {
  scope: string
  sha256: string
  der: Uint8Array
  actor: string
  at: number
}

export interface AddedBundlesTable {
  url: string
  scope: string
  direction: TrustScope['direction']
  signed_by: Uint8Array | null
  refresh_hours: number
  actor: string
  at: number
}

/** Every bundle that was asked for (TR-4). `signer` is empty where nobody must have signed it. */
export interface BundlesTable {
  url: string
  signer: string
  checksum: string | null
  signed_at: number | null
  fetched_at: number | null
  checked_at: number
  failure_code: string | null
  failure_why: string | null
  failing_since: number | null
}

export interface BundleCertificatesTable {
  url: string
  signer: string
  sha256: string
  der: Uint8Array
}

/** Certificates pinned to one address (TR-5); ended ones stay as a record. */
export interface PinsTable {
  id: Generated<number>
  address: string
  sha256: string
  der: Uint8Array
  actor: string
  why: string
  until: number
  made_at: number
  ended_at: number | null
}
