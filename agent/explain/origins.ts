import { shownWithoutQuery } from '../fetch/shown.ts'
import type { Pin, TrustedAnchor } from '../trust/types.ts'
import type { Origins } from './record.ts'

const ORIGIN = { file: 'the file', bundle: 'the bundle', added: 'added by' } as const

/** Where each anchor in force comes from, and for whom it counts. */
export function anchorOrigins(anchors: readonly TrustedAnchor[]): Origins {
  const origins = new Map<string, string[]>()
  for (const { sha256, origin, from, for: name, state } of anchors) {
    if (state === 'removed') continue
    const source = origin === 'bundle' ? shownWithoutQuery(from) : from
    origins.set(sha256, [...(origins.get(sha256) ?? []), `${ORIGIN[origin]} ${source}, for ${name}`])
  }
  return origins
}

/** Who pinned which certificate, to whom, why and until when, beside where anchors come from. */
export function withPins(anchors: Origins, pins: readonly Pin[]): Origins {
  const origins = new Map(anchors)
  for (const { sha256, address, actor, at, why, until } of pins) {
    const pinned = `pinned to ${address} by ${actor} on ${dayOf(at)}, because: ${why}; until ${until.toISOString()}`
    origins.set(sha256, [...(origins.get(sha256) ?? []), pinned])
  }
  return origins
}

function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10)
}
