import type { Expectation, Observation } from './types.ts'

/** Old certificates of ours beside the new ones: no harm (D2, D9), and to be removed. */
export function formerNotes(
  { name, type, values, former }: Expectation,
  observations: readonly Observation[],
): readonly string[] {
  if (values.length === 0) return []
  return [...former].flatMap((key) => {
    const at = observations.flatMap(({ server, seen }) =>
      seen.status === 'found' && seen.keys.includes(key) ? [server] : [],
    )
    if (at.length === 0) return []
    const where = type === 'LDAP' ? `the entry of ${name}` : name
    return [`${where} still has our certificate ${key}, which is out of use (at ${at.join(', ')}): remove it`]
  })
}
