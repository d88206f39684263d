import { type Minted, type MintOptions, mint } from '../../fixtures/pki.ts'
import {
  type PathRequest,
  type PathResult,
  type PathSettings,
  validatePath,
} from '../../trust-anchors/index.ts'
import { EMAIL_PROTECTION } from '../../trust-anchors/x509/extensions.ts'
import { NOW } from './judging.ts'

export const root = mint({ ca: true, subject: 'Root', key: 'root-a' })

/** A CA under `root`, unless the options say otherwise. */
export const ca = (options: MintOptions = {}): Minted =>
  mint({ ca: true, issuer: root, subject: 'Issuing CA', key: 'intermediate', ...options })

export const leafUnder = (issuer: Minted, options: MintOptions = {}): Minted =>
  mint({ issuer, san: ['d.example'], ...options })

/** By default with `root` as the only anchor, for emailProtection. */
export function judge(
  leaf: Minted,
  candidates: readonly Minted[] = [],
  request: Partial<Omit<PathRequest, 'anchors'>> & { readonly anchors?: readonly Minted[] } = {},
): PathResult {
  const { anchors = [root], ...rest } = request
  return validatePath({
    leaf: leaf.certificate,
    candidates: candidates.map(({ certificate }) => certificate),
    anchors: anchors.map(({ certificate }) => certificate),
    at: NOW,
    settings: { extendedKeyUsage: [EMAIL_PROTECTION] },
    ...rest,
  })
}

/** `ok`, or the code. */
export function verdict(...asked: Parameters<typeof judge>): string {
  const result = judge(...asked)
  return result.ok ? 'ok' : result.failure.code
}

export const withSettings = (settings: Partial<PathSettings>) => ({ settings })
