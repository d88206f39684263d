import type { TrustedAnchor } from '../trust/types.ts'
import type { Origins } from './record.ts'

const ORIGIN = { file: 'the file', bundle: 'the bundle', added: 'added by' } as const

/** Where each anchor in force comes from, and for whom it counts. */
export function anchorOrigins(anchors: readonly TrustedAnchor[]): Origins {
  const origins = new Map<string, string[]>()
  for (const { sha256, origin, from, for: name, state } of anchors) {
    if (state === 'removed') continue
    origins.set(sha256, [...(origins.get(sha256) ?? []), `${ORIGIN[origin]} ${from}, for ${name}`])
  }
  return origins
}
