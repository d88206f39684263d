import type { Reason } from '../agent/errors.ts'

/** What was decided about trust by hand, what bundles brought, and which certificates are pinned (TR-1, TR-4, TR-5). */
export interface TrustRecords {
  /** Another number after every change to what `read` gives: what was read before holds as long as it is the same. */
  revision(): Promise<number>
  /** Everything that decides about trust, as of one moment. */
  read(): Promise<TrustSnapshot>
  /**
   * From now on an anchor; its earlier removal for the same name ends. False: it was there already, nothing is written.
   */
  addAnchor(anchor: AddedAnchor): Promise<boolean>
  /** Ends what was added by hand, and keeps out what files and bundles hold, until it is added again. Once is enough. */
  removeAnchor(removed: RemovedAnchor): Promise<void>
  /** False: this URL was added for this name already; its other settings are replaced all the same. */
  addBundle(bundle: AddedBundle): Promise<boolean>
  /**
   * Ends what `addBundle` added: for one name, or (null) for all. `forget`: what it brought goes too. Returns for how
   * many names it was there.
   */
  removeBundle(
    url: string,
    name: string | null,
    by: { readonly actor: string; readonly at: Date; readonly forget: boolean },
  ): Promise<number>
  /** What is known of every bundle that was ever asked for, without its certificates. */
  bundles(): Promise<readonly BundleRecord[]>
  /** The bundle was fetched and is the same as before. */
  bundleUnchanged(bundle: BundleId, at: Date): Promise<void>
  /**
   * New content takes the place of the old, all at once, with an audit row for each anchor that came or went; none for
   * those that stay out.
   */
  bundleRefreshed(
    bundle: BundleId,
    content: BundleContent,
    by: { readonly actor: string | null; readonly at: Date },
  ): Promise<BundleChange>
  /** The bundle could not be had, or was refused: what it brought last stays. Audited when the reason is a new one. */
  bundleFailed(
    bundle: BundleId,
    why: Reason,
    by: { readonly actor: string | null; readonly at: Date },
  ): Promise<void>
  /** The same certificate for the same address again takes the place of the earlier pin. */
  pin(pin: Omit<StoredPin, 'id'>): Promise<number>
  /** Ends the pins of an address: of one certificate, or (null) all. Returns how many there were. */
  unpin(
    address: string,
    sha256: string | null,
    by: { readonly actor: string; readonly at: Date },
  ): Promise<number>
}

/** For whom and which way anchors count: as an entry of the configuration's `trust`. */
export interface TrustScope {
  /** `*`, a domain or an address. */
  readonly for: string
  readonly direction: 'both' | 'incoming' | 'outgoing'
}

export interface AddedAnchor extends TrustScope {
  readonly der: Uint8Array
  /** Lower-case hex, as everywhere. */
  readonly sha256: string
  readonly actor: string
  readonly at: Date
}

export interface RemovedAnchor {
  readonly sha256: string
  /** So that it can be told what would be believed with it. */
  readonly der: Uint8Array
  /** The name whose anchor it was; null: everyone's. */
  readonly for: string | null
  readonly actor: string
  readonly at: Date
}

export interface AddedBundle extends TrustScope {
  readonly url: string
  /** DER of the only certificate whose signature is accepted; null: unsigned content is. */
  readonly signedBy: Uint8Array | null
  readonly refreshHours: number
  readonly actor: string
  readonly at: Date
}

/** A bundle under one condition: what came before another signer was asked for is not its content. */
export interface BundleId {
  readonly url: string
  /** SHA-256 of the certificate that must have signed it; null: nobody must. */
  readonly signer: string | null
}

export interface BundleRecord extends BundleId {
  /** SHA-256 of the bytes that came; null: it was never had. */
  readonly checksum: string | null
  /** What the signature of what is kept says; null: it does not. */
  readonly signedAt: Date | null
  readonly certificates: number
  readonly fetchedAt: Date | null
  readonly checkedAt: Date
  /** Why the last try gave nothing, and since when that is so. */
  readonly failure: (Reason & { readonly since: Date }) | null
}

export interface BundleContent {
  /** SHA-256 of the bytes that came. */
  readonly checksum: string
  /** The signature's signingTime; null: it has none, or there is no signature. */
  readonly signedAt: Date | null
  /** DER. */
  readonly certificates: readonly Uint8Array[]
  /** SHA-256 of those that were removed by hand wherever the bundle counts. */
  readonly staysOut: readonly string[]
  /** Where the bundle counts, for the audit. */
  readonly scopes: readonly TrustScope[]
}

/** SHA-256 of the anchors that came and went. */
export interface BundleChange {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

export interface StoredPin {
  readonly id: number
  readonly address: string
  readonly der: Uint8Array
  readonly sha256: string
  readonly actor: string
  readonly why: string
  readonly until: Date
  readonly at: Date
}

export interface TrustSnapshot {
  readonly revision: number
  readonly added: readonly AddedAnchor[]
  readonly removed: readonly RemovedAnchor[]
  readonly addedBundles: readonly AddedBundle[]
  /** What each bundle brought last. */
  readonly contents: readonly (BundleId & { readonly certificates: readonly Uint8Array[] })[]
  /** Bundles that were never had though asked for, and why. */
  readonly failing: readonly (BundleId & NonNullable<BundleRecord['failure']>)[]
  /** Those that nobody ended; whether `until` has passed is the reader's to judge. */
  readonly pins: readonly StoredPin[]
}
