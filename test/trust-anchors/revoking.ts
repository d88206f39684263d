import type { Minted } from '../../fixtures/pki.ts'
import {
  type Certificate,
  type PathResult,
  type PathSettings,
  parseCrl,
  parseOcspResponse,
  type RevocationRequest,
  validatePath,
  wantedKey,
} from '../../trust-anchors/index.ts'

export interface Scene {
  readonly root: Minted
  readonly leaf: Minted
  readonly candidates?: readonly Minted[]
  /** As DER; `from`: the URL that it came from, else it was handed in. */
  readonly crls?: readonly (Uint8Array | { readonly der: Uint8Array; readonly from?: string })[]
  readonly ocsp?: readonly (
    | Uint8Array
    | { readonly der: Uint8Array; readonly from?: string; readonly nonce?: Uint8Array }
  )[]
  readonly unavailable?: Readonly<
    Record<string, { readonly refused: boolean; readonly text: string; readonly unasked?: boolean }>
  >
  readonly mode?: RevocationRequest['mode']
  readonly unpointed?: RevocationRequest['unpointed']
  readonly graceMs?: number
  readonly at?: string
  readonly sha1?: boolean
  readonly settings?: Partial<PathSettings>
}

/** The path from `leaf` to `root`, with revocation judged by what is at hand; `require` unless said otherwise. */
export function judged(scene: Scene): PathResult {
  const { crls = [], ocsp = [], unavailable = {}, candidates = [] } = scene
  return validatePath({
    leaf: scene.leaf.certificate,
    anchors: [scene.root.certificate],
    candidates: candidates.map(({ certificate }) => certificate),
    at: new Date(scene.at ?? '2026-11-21T12:00:00Z'),
    settings: { sha1: scene.sha1 ?? false, ...scene.settings },
    revocation: {
      mode: scene.mode ?? 'require',
      graceMs: scene.graceMs ?? 0,
      unpointed: scene.unpointed ?? 'not-revocable',
      material: {
        crls: crls.map((one) => {
          const { der, from = 'handed in' } = one instanceof Uint8Array ? { der: one } : one
          return { crl: readable(parseCrl(der)), origin: from }
        }),
        ocsp: ocsp.map((one) => {
          const { der, from = 'handed in', nonce = null } = one instanceof Uint8Array ? { der: one } : one
          return { response: readable(parseOcspResponse(der)), origin: from, nonce }
        }),
        unavailable: unavailableFor(unavailable),
        issuers: new Map(),
      },
    },
  })
}

/** `good crl`, `not-revocable`, … of the leaf, or the failure's code, with `temporary` where it may pass. */
export function verdict(scene: Scene): string {
  const result = judged(scene)
  if (!result.ok) return `${result.failure.code}${result.failure.temporary ? ' temporary' : ''}`
  const [leaf] = result.revocation
  return leaf === undefined ? 'nothing asked' : [leaf.status, leaf.by].filter(Boolean).join(' ')
}

/** The failure's sentence, or of what let an unknown pass. */
export function why(scene: Scene): string {
  const result = judged(scene)
  return result.ok ? (result.revocation[0]?.text ?? '') : result.failure.text
}

/** The URLs that are still wanted, as `crl http://…`. */
export const wanted = (scene: Scene): readonly string[] =>
  judged(scene).wanted.map(({ kind, url }) => `${kind} ${url}`)

export function readable<T extends object>(parsed: T): Exclude<T, { code: string }> {
  if ('code' in parsed) throw new Error(`not readable: ${JSON.stringify(parsed)}`)
  return parsed as Exclude<T, { code: string }>
}

export const fingerprint = ({ certificate }: { certificate: Certificate }) => certificate.sha256.slice(0, 16)

/** Whatever each URL is asked. */
export const unavailableFor = <T>(urls: Readonly<Record<string, T>>): ReadonlyMap<string, T> =>
  new Map(
    Object.entries(urls).flatMap(([url, why]) =>
      (['issuer', 'crl', 'ocsp'] as const).map((kind) => [wantedKey({ kind, url }), why] as const),
    ),
  )
