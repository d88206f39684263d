import type { Expectation, Seen, ServerRole } from './types.ts'

/** Whether we have to do with it: it must be there, may be left from before, or is tolerated. */
export function isKnown({ values, former, tolerated }: Expectation, key: string): boolean {
  return values.some((value) => value.key === key) || former.has(key) || tolerated.has(key)
}

/** How many things that are not ours the server with the most of them has, listed or not. */
export function mostOthers(expected: Expectation, seen: readonly Seen[]): number {
  const counts = seen.map((one) =>
    one.status === 'found' ? one.leftOut + one.keys.filter((key) => !isKnown(expected, key)).length : 0,
  )
  return Math.max(0, ...counts)
}

/**
 * Whose word counts, of those that answered: the domain's own servers (name servers, directories), as they say what is
 * published; where none of them answered, the resolvers together.
 */
export function decidingOf<One extends { readonly role: ServerRole }>(
  answered: readonly One[],
): readonly One[] {
  const own = answered.filter(({ role }) => role !== 'resolver')
  return own.length > 0 ? own : answered
}
