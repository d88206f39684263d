import type { TrustScope } from '../../store/index.ts'
import type { MessageCode, Reason } from '../errors.ts'

export type { TrustScope } from '../../store/index.ts'

/** A trust anchor as answers name it. */
export interface AnchorFacts {
  /** Lower-case hex. */
  readonly sha256: string
  readonly subject: string
  readonly notAfter: Date
}

/** A trust anchor, for whom it counts, and where it is from. */
export interface TrustedAnchor extends AnchorFacts, TrustScope {
  readonly origin: 'file' | 'bundle' | 'added'
  /** The file, the bundle's URL, or who added it. */
  readonly from: string
  /** Only `in-force` counts. `removed`: by hand, until it is added again. */
  readonly state: 'in-force' | 'expired' | 'not-yet-valid' | 'removed'
  /** Who removed it. */
  readonly removed: RemovedBy | null
  /** Names that `for` covers, and for which this anchor does not count all the same. */
  readonly exceptFor: readonly TrustException[]
}

/** Who removed an anchor by hand, and when. */
export interface RemovedBy {
  readonly actor: string
  readonly at: Date
}

/** `its-own`: the name has anchors or bundles of its own, which decide alone; `removed`: for this name, by hand. */
export interface TrustException extends TrustScope {
  readonly because: 'its-own' | 'removed'
}

/** What a change of anchors by hand came to. */
export interface TrustChange {
  readonly anchors: readonly (TrustedAnchor & { readonly change: 'added' | 'removed' | 'none' })[]
  /** What whoever did it should know. */
  readonly notes: readonly string[]
}

/** Why a bundle was not taken. `FETCH_FAILED` and `NETWORK_FORBIDDEN` may pass; the others are final for its content. */
export type BundleCode =
  | MessageCode
  | 'NO_ANCHORS'
  | 'CERT_EXPIRED'
  | 'CERT_NOT_YET_VALID'
  | 'SIGNER_UNTRUSTED'
  | 'URL_REFUSED'
  | 'FETCH_FAILED'
  /** Signed before the one that is kept: an old one, replayed. Meant so? Remove the bundle and add it again. */
  | 'BUNDLE_OLDER'
  | 'NETWORK_FORBIDDEN'

/** What one refresh of one bundle came to, or would come to. */
export interface BundleReport {
  readonly url: string
  /** SHA-256 of the certificate that must have signed it; null: nobody must. */
  readonly signedBy: string | null
  /** `unchanged`: the same bytes as before; `refused`, `failed`: what it brought last stays in force. */
  readonly outcome: 'refreshed' | 'unchanged' | 'refused' | 'failed'
  /** Anchors that it holds now. */
  readonly anchors: number
  readonly added: readonly AnchorFacts[]
  /** Of those that it holds, the ones that count nowhere: they were removed by hand, and stay out until added again. */
  readonly staysOut: readonly (AnchorFacts & RemovedBy)[]
  readonly removed: readonly AnchorFacts[]
  readonly notes: readonly string[]
  readonly why: Reason<BundleCode> | null
}

/** A bundle that is asked for, for one name, and how it stands. */
export interface TrustBundle extends TrustScope {
  readonly url: string
  readonly origin: 'configuration' | 'added'
  /** As of a `BundleReport`, and so is `anchors`. */
  readonly signedBy: string | null
  readonly refreshHours: number
  readonly anchors: number
  /** When its present content came; null: it was never had. */
  readonly fetchedAt: Date | null
  /** When it was last asked for, with whatever outcome. */
  readonly checkedAt: Date | null
  /** Why its content is not of the last time, and since when; null: it is. */
  readonly failure: { readonly code: string; readonly text: string; readonly since: Date } | null
}

/** A certificate that is pinned to one partner's address (TR-5). */
export interface Pin {
  readonly address: string
  /** Lower-case hex. */
  readonly sha256: string
  /** Who answers for it, and how it is known to be this partner's. */
  readonly actor: string
  readonly why: string
  /** From then on it counts no more. */
  readonly until: Date
  /** When it was pinned. */
  readonly at: Date
  readonly state: 'in-force' | 'ended'
}

/** What is to be pinned, to whom, by whom, why, and until when: all of it is needed. */
export interface PinRequest {
  readonly address: string
  /** A file: a certificate (PEM or DER), or a mail that it signed, sealed to us or not. */
  readonly path: string
  /** The SHA-256 that the partner has told: any other certificate is refused. Colons and blanks do not matter. */
  readonly sha256?: string | undefined
  /** Who answers for it: an id, not a name. */
  readonly actor: string
  /** How it is known to be this partner's. */
  readonly why: string
  /** At most the certificate's own end. */
  readonly until: Date
}

/** For whom something is believed from now on, and who says so. */
export interface NewTrust extends TrustScope {
  readonly actor: string
  /**
   * The name may get anchors of its own alone, although anchors of a wider entry (its domain, `*`) are in force for it:
   * the most specific entry decides alone, so that these end there.
   */
  readonly narrow?: boolean | undefined
}

/** Whom we believe, by hand (TR-1, TR-4). Every change is durable and audited, and counts at once in every process. */
export interface TrustAdministration {
  /** Every anchor of every origin; `for`: those that count for one name of ours, from whatever entry. Throws USAGE. */
  list(options?: { readonly for?: string }): Promise<readonly TrustedAnchor[]>
  /**
   * The certificates of a file (PEM, DER, p7b) become anchors, for a name of ours. Throws USAGE, also where `for` has no
   * anchors of its own yet and would lose those of a wider entry, but with `narrow`; CERT_UNREADABLE.
   */
  add(path: string, options: NewTrust): Promise<TrustChange>
  /**
   * An anchor ends, wherever it is from, and stays out until it is added again: for one name, or for everyone.
   * `anchor`: its SHA-256, the first 16 digits or more of it, or a file. Nothing in the answer: neither the name nor a wider
   * one has such an anchor, and nothing is recorded.
   * Throws USAGE, CERT_UNREADABLE.
   */
  remove(
    anchor: string,
    options: { readonly for?: string | undefined; readonly actor: string },
  ): Promise<TrustChange>
  readonly bundles: {
    list(): Promise<readonly TrustBundle[]>
    /**
     * A bundle is fetched, and asked for from now on if it is good; refused or not to be had, nothing is changed.
     * `signedBy` is a certificate file. Throws USAGE as `add` of an anchor does, CERT_UNREADABLE.
     */
    add(
      url: string,
      options: NewTrust & {
        readonly signedBy?: string | undefined
        readonly refreshHours?: number | undefined
        readonly signal?: AbortSignal | undefined
      },
    ): Promise<BundleReport>
    /**
     * Ends what `add` began; its anchors go with it. `removed`: for how many names it was asked for. Throws USAGE for one
     * that the configuration names.
     */
    remove(
      url: string,
      options: { readonly for?: string | undefined; readonly actor: string },
    ): Promise<{ readonly removed: number; readonly notes: readonly string[] }>
    /**
     * Fetches bundles, all or one, and takes what changed; with `due`, those whose interval has passed (the daemon's way).
     * Throws USAGE for an unknown URL.
     */
    refresh(options?: {
      readonly due?: boolean | undefined
      readonly url?: string | undefined
      readonly actor?: string | undefined
      readonly signal?: AbortSignal | undefined
    }): Promise<readonly BundleReport[]>
    /** What `refresh` would change, without changing it. */
    diff(options?: {
      readonly url?: string | undefined
      readonly signal?: AbortSignal | undefined
    }): Promise<readonly BundleReport[]>
  }
}

/** Whose signatures over a mail hold, before one of them is pinned. Nobody is judged here. */
export interface SignedMail {
  /** It is encrypted. */
  readonly sealed: boolean
  /** `weak`: by SHA-1, which anyone may forge. */
  readonly signers: readonly { readonly sha256: string; readonly der: Uint8Array; readonly weak: boolean }[]
  /** Why there is nobody; null: there is. */
  readonly why: Reason<MessageCode> | null
}

/** Certificates pinned to partners (TR-5): never by discovery, always by somebody. */
export interface PinAdministration {
  list(): Promise<readonly Pin[]>
  /** Who signed the mail of a file: signed alone, or sealed to one of our identities. Throws FILE_UNREADABLE. */
  signers(path: string): Promise<SignedMail>
  /**
   * Pins the certificate of a file, or the signer's of a mail whose signature holds. It must be bound to the address,
   * within its validity and good for Direct. Throws USAGE, ADDRESS_INVALID, FILE_UNREADABLE; MESSAGE_INVALID with the
   * reason when the mail or its certificate will not do.
   */
  add(request: PinRequest): Promise<Pin & { readonly notes: readonly string[] }>
  /** Ends the pins of an address, or the one of `sha256`, all of it or its first 16 digits. Returns how many there were. */
  remove(
    address: string,
    options: { readonly sha256?: string | undefined; readonly actor: string },
  ): Promise<number>
}
