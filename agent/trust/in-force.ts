import {
  type Certificate,
  type DecidingEntries,
  type Direction,
  namesFor,
} from '../../trust-anchors/index.ts'
import type { AnchorEntry, TrustState } from './entries.ts'
import { anchorKey } from './same-anchor.ts'
import type { TrustException, TrustScope } from './types.ts'

/** For whom an anchor counts: the most specific entry decides alone (TR-1), so a name with its own has no wider ones. */

export function directionsOf({ direction }: Pick<TrustScope, 'direction'>): readonly Direction[] {
  return direction === 'both' ? ['incoming', 'outgoing'] : [direction]
}

/** The anchors that count for a name of ours or are its own, removed ones of these too. */
export function entriesFor(name: string, { entries, anchors }: TrustState): readonly AnchorEntry[] {
  return entries.filter(
    (entry) =>
      entry.for === name ||
      directionsOf(entry).some((direction) => anchors.deciding(direction, name)?.for === entry.for),
  )
}

/** Names that an entry covers and for which it does not count: they have entries of their own, or it was removed there. */
export function exceptions(
  entry: TrustScope & { readonly certificate?: Certificate },
  { scopes, removals }: TrustState,
): readonly TrustException[] {
  const covers = (name: string) => name !== entry.for && namesFor(name).includes(entry.for)
  const own = new Map<string, Set<Direction>>()
  for (const scope of scopes) {
    if (!covers(scope.for)) continue
    const shared = directionsOf(scope).filter((one) => directionsOf(entry).includes(one))
    for (const one of shared) own.set(scope.for, (own.get(scope.for) ?? new Set()).add(one))
  }
  const { certificate } = entry
  const out = (certificate === undefined ? [] : (removals.get(anchorKey(certificate)) ?? [])).filter(
    (one) => one.for !== null && covers(one.for),
  )
  return [
    ...[...own].map(([name, directions]): TrustException => {
      const [first = 'both', second] = directions
      return { for: name, direction: second === undefined ? first : 'both', because: 'its-own' }
    }),
    ...out.flatMap(({ for: name }): readonly TrustException[] =>
      name === null || own.get(name)?.size === 2
        ? []
        : [{ for: name, direction: entry.direction, because: 'removed' }],
    ),
  ]
}

/** Anchors in force for a name that a first one of its own would end, in each direction that has such. */
export function narrowed(
  { for: name, direction }: TrustScope,
  { anchors }: TrustState,
): readonly { readonly direction: Direction; readonly by: DecidingEntries }[] {
  return directionsOf({ direction }).flatMap((one) => {
    const by = anchors.deciding(one, name)
    const isInForce = by !== null && by.certificates.length + by.missing.length > 0
    return isInForce && by.for !== name ? [{ direction: one, by }] : []
  })
}
