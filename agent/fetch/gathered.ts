import {
  type Certificate,
  type Crl,
  type OcspResponse,
  parseCrl,
  parseOcspResponse,
  type RevocationMaterial,
  type Wanted,
  wantedKey,
} from '../../trust-anchors/index.ts'
import type { Obtained } from './obtain.ts'
import type { NotFetched } from './types.ts'

const FROM_MESSAGE = 'the message'

/** All that one judgement has at hand; it grows as answers come in. */
export class Gathered {
  readonly #candidates: Certificate[]
  readonly #fetchedFor = new Map<string, number>()
  readonly #crls: { crl: Crl; origin: string }[] = []
  readonly #ocsp: { response: OcspResponse; origin: string; nonce: Uint8Array | null }[] = []
  readonly #issuers = new Map<string, readonly Certificate[]>()
  readonly #unavailable = new Map<string, { refused: boolean; text: string; unasked: boolean }>()

  /** What cannot be read among the message's own CRLs and responses is as if it had not come. */
  constructor(
    candidates: readonly Certificate[],
    message: { readonly crls: readonly Uint8Array[]; readonly ocsp: readonly Uint8Array[] } | undefined,
  ) {
    this.#candidates = [...candidates]
    for (const crl of (message?.crls ?? []).map(parseCrl))
      if (!('code' in crl)) this.#crls.push({ crl, origin: FROM_MESSAGE })
    for (const response of (message?.ocsp ?? []).map(parseOcspResponse))
      if (!('code' in response)) this.#ocsp.push({ response, origin: FROM_MESSAGE, nonce: null })
  }

  get candidates(): readonly Certificate[] {
    return [...this.#candidates]
  }

  get revocation(): RevocationMaterial {
    return {
      crls: [...this.#crls],
      ocsp: [...this.#ocsp],
      unavailable: new Map(this.#unavailable),
      issuers: new Map(this.#issuers),
    }
  }

  /** How many issuers had to be fetched, one for the other, to come to this certificate. */
  depthOf({ sha256 }: Certificate): number {
    return this.#fetchedFor.get(sha256) ?? 0
  }

  add(wanted: Wanted, { material, nonce, unavailable }: Obtained): void {
    const origin = wanted.url
    for (const piece of material) {
      if (piece.kind === 'crl') this.#crls.push({ crl: piece.crl, origin })
      else if (piece.kind === 'ocsp') this.#ocsp.push({ response: piece.response, origin, nonce })
      else {
        this.#candidates.push(...piece.certificates)
        this.#issuers.set(origin, piece.certificates)
        const depth = this.depthOf(wanted.certificate) + 1
        for (const { sha256 } of piece.certificates)
          if (!this.#fetchedFor.has(sha256)) this.#fetchedFor.set(sha256, depth)
      }
    }
    if (unavailable !== null) this.addUnavailable(wanted, unavailable)
  }

  /** `unasked`: a bound of ours kept it from being asked, or waited for. */
  addUnavailable(wanted: Wanted, { status, why }: NotFetched, unasked = false): void {
    this.#unavailable.set(wantedKey(wanted), { refused: status === 'refused', text: why, unasked })
  }
}
