import type { CertificateCode } from '../../trust-anchors/index.ts'
import type { KeyType } from '../../trust-anchors/issue/index.ts'
import type { Reason } from '../errors.ts'

/** What a certificate of ours does: it signs what we send, or partners encrypt to it. */
export type Use = 'sign' | 'encrypt'

/** A certificate request (PKCS#10, RFC 2986) and the key that waits for its answer. */
export interface CertificateRequest {
  /** A domain or an address. */
  readonly for: string
  /** PEM. */
  readonly request: string
  /** SHA-256 of the SubjectPublicKeyInfo, lower-case hex. */
  readonly key: string
  /** As `NewRequest.keyType`; of a key that was there before, also others: `rsa-2560`, `ec-p521`. */
  readonly keyType: string
  /** Where it is kept; null: it was made anew from a key that the configuration names. */
  readonly file: string | null
  /** `open`: one was waiting for its answer already, and this is that one. */
  readonly outcome: 'made' | 'open'
  readonly notes: readonly string[]
}

/** How a certificate is asked for. */
export interface NewRequest {
  /** Who asks: an id, since it goes into the audit. */
  readonly actor: string
  /** Of a new key: `rsa-3072` by default. To an EC key partners encrypt by ECDH, and its signatures are ECDSA. */
  readonly keyType?: KeyType | undefined
  /** The key of the newest certificate for this name, instead of a new one. */
  readonly reuseKey?: boolean | undefined
  /** Another one, although one is waiting for its answer. */
  readonly anew?: boolean | undefined
}

/** What became of one certificate of a CA's answer. `known`: it was ours already, nothing was changed. */
export type ImportedCertificate =
  | {
      readonly outcome: 'imported' | 'known'
      readonly for: string
      readonly sha256: string
      readonly notBefore: Date
      readonly notAfter: Date
      readonly boundTo: 'address' | 'domain'
      readonly use: readonly Use[]
      /** SHA-256 of its SubjectPublicKeyInfo. */
      readonly key: string
      readonly file: string
      /** SHA-256 of the CA certificates that are kept with it, the issuer's first. */
      readonly intermediates: readonly string[]
      /** Whether it leads to an anchor that somebody of ours believes; it need not. */
      readonly leadsToAnchor: boolean
      readonly notes: readonly string[]
    }
  | {
      readonly outcome: 'refused'
      /** Null: none of the file's certificates belongs to a key of ours, or one that it belongs to is not to be used. */
      readonly sha256: string | null
      readonly why: readonly [Reason<ImportCode>, ...Reason<ImportCode>[]]
    }

/** `KEY_EXPOSED`: others may read the key that waits for it. */
export type ImportCode = CertificateCode | 'KEY_MISMATCH' | 'KEY_EXPOSED'

/** A certificate of ours, one that is waited for, or one that is pinned to a partner. */
export interface ListedCertificate {
  readonly kind: 'own' | 'request' | 'pinned'
  readonly for: string
  /** Null: there is none yet. */
  readonly sha256: string | null
  readonly notBefore: Date | null
  /** When it ends; of a pin, when that does. */
  readonly notAfter: Date | null
  /** Whole days until then; below 0: since then. */
  readonly daysLeft: number | null
  /** Own: `in-use` to `unusable`; a request is `waiting`; a pin is `in-force` or `expired`. */
  readonly state:
    | 'in-use'
    | 'reading-only'
    | 'not-yet-valid'
    | 'expired'
    | 'unusable'
    | 'waiting'
    | 'in-force'
  /** What it is used for at this time. */
  readonly use: readonly Use[]
  /** Of the certificate or the request; null: it lies in the store. */
  readonly file: string | null
  readonly why: readonly Reason[]
}

/** Our own certificates, from the request to the last mail that is read with them. */
export interface IdentityAdministration {
  /**
   * Makes a key and a request for a certificate, for a domain or an address. While one waits for its answer, the same one
   * again. Throws USAGE, KEY_UNREADABLE, FILE_UNWRITABLE.
   */
  request(name: string, options: NewRequest): Promise<CertificateRequest>
  /**
   * Takes a CA's answer: a file, or its bytes (PEM in any order, DER, p7b). One result for each certificate that belongs
   * to a key of ours; one that is refused changes nothing. Throws CERT_UNREADABLE, FILE_UNREADABLE, FILE_UNWRITABLE.
   */
  import(
    answer: string | Uint8Array,
    options: { readonly actor: string },
  ): Promise<readonly [ImportedCertificate, ...ImportedCertificate[]]>
  /** Everything with an end, what ends first in front; then what is waited for. */
  list(): Promise<readonly ListedCertificate[]>
}
