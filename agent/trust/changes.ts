import type { Certificate, Direction } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import type { TrustState } from './entries.ts'
import { directionsOf, exceptions, narrowed } from './in-force.ts'
import type { NewTrust, TrustScope } from './types.ts'

/** What changes of trust bring about beside what was asked for: whoever makes them is told, or asked first. */

/** Anchors of wider entries that are named; there may be hundreds. */
const MOST_NAMED = 5

/**
 * The most specific entry decides alone: a first anchor for a name ends what it had by a wider one. Throws USAGE unless
 * that is meant (`narrow`); then it says what ends.
 */
export function narrowing({ for: name, direction, narrow }: NewTrust, state: TrustState): readonly string[] {
  const ended = narrowed({ for: name, direction }, state)
  if (ended.length === 0) return []
  const mail = mailText(ended.map((one) => one.direction))
  const wider = [...new Set(ended.map(({ by }) => by.for))]
  if (narrow !== true)
    throw new DirectError(
      'USAGE',
      `${name} has no anchors of its own for ${mail}: those of ${wider.join(' and ')} are in force, and would end there`,
      {
        hint: [
          `--for ${wider.map((one) => `'${one}'`).join(' or ')} adds to what is in force.`,
          `--narrow (narrow: true) gives ${name} anchors of its own alone.`,
        ].join('\n'),
      },
    )
  const certificates = new Map(ended.flatMap(({ by }) => by.certificates.map((one) => [one.sha256, one])))
  const named = [...certificates.values()].slice(0, MOST_NAMED).map(nameText)
  const more = certificates.size - named.length
  const which = [...named, ...(more > 0 ? [`${more} more`] : []), ...ended.flatMap(({ by }) => by.missing)]
  return [
    `${name} has anchors of its own for ${mail} now: those of ${wider.join(' and ')} no longer count for it: ${[...new Set(which)].join(', ')}`,
  ]
}

/** Whom what is added for a wider name does not reach. */
export function unreached(scope: TrustScope, state: TrustState): readonly string[] {
  return exceptions(scope, state).map(
    ({ for: name, direction }) =>
      `what is for ${scope.for} does not count for ${mailText(directionsOf({ direction }))} of ${name}, which has anchors of its own`,
  )
}

/** Where the last entry of a name has gone, wider ones count again. */
export function widening(
  scopes: readonly TrustScope[],
  before: TrustState,
  after: TrustState,
): readonly string[] {
  const notes = scopes.flatMap((scope) =>
    directionsOf(scope).flatMap((direction) => {
      if (before.anchors.deciding(direction, scope.for)?.for !== scope.for) return []
      const now = after.anchors.deciding(direction, scope.for)
      if (now?.for === scope.for) return []
      const anchors = (now?.certificates.length ?? 0) + (now?.missing.length ?? 0)
      const what = now === null || anchors === 0 ? 'nobody is believed' : `those of ${now.for} count again`
      return [`${scope.for} has no anchors of its own for ${direction} mail any more: ${what} there`]
    }),
  )
  return [...new Set(notes)]
}

/** Where the last anchor in force has gone, and no wider entry speaks. */
export function forsaken(
  scopes: readonly TrustScope[],
  before: TrustState,
  after: TrustState,
): readonly string[] {
  const anchorsOf = ({ anchors }: TrustState, direction: Direction, name: string) => {
    const deciding = anchors.deciding(direction, name)
    return (deciding?.certificates.length ?? 0) + (deciding?.missing.length ?? 0)
  }
  return scopes.flatMap(({ for: name, direction }) => {
    const ended = directionsOf({ direction }).filter(
      (one) => anchorsOf(before, one, name) > 0 && anchorsOf(after, one, name) === 0,
    )
    return ended.length === 0 ? [] : [`nobody is believed for ${name} any more, for ${mailText(ended)}`]
  })
}

/** A certificate that is believed for its own sake. */
export function notAsked({ sha256 }: Pick<Certificate, 'sha256'>): string {
  return `${sha256} is believed for its own sake: whether it is revoked will not be asked`
}

function nameText({ subjectText, sha256 }: Certificate): string {
  return `${subjectText} (${sha256.slice(0, 16)}…)`
}

function mailText(directions: readonly string[]): string {
  return `${directions.join(' and ')} mail`
}
