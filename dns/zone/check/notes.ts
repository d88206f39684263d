import { listed } from './advice.ts'
import { decidingOf, mostOthers } from './known.ts'
import { type Clocks, checked, lateUntil } from './row.ts'
import type { Expectation, Observation } from './types.ts'

/** What stands beside ours and hinders nobody, so that no row tells it: to be removed all the same. */
export function besideNotes(
  expected: Expectation,
  observations: readonly Observation[],
  clocks: Clocks,
): readonly string[] {
  const ours = new Set(expected.values.map(({ key }) => key))
  // What the domain's own servers do not have any more is in a resolver's memory, and nobody can remove it there.
  const besideOurs = decidingOf(observations.filter(({ seen }) => seen.status !== 'failed')).filter(
    ({ seen }) => seen.status === 'found' && seen.keys.some((key) => ours.has(key)),
  )
  return [...formerNotes(expected, besideOurs, clocks), ...idleNotes(expected, besideOurs)]
}

/** Old certificates of ours beside the new ones (D2, D9). */
function formerNotes(
  expected: Expectation,
  besideOurs: readonly Observation[],
  { now }: Clocks,
): readonly string[] {
  return [...expected.former].flatMap((key) => {
    const at = besideOurs.filter((one) => has(key, one))
    if (at.length === 0) return []
    const names = at.map(({ server }) => server).join(', ')
    const what = `${whereOf(expected)} still has our certificate ${key}, which is out of use (at ${names})`
    const until = lateUntil(
      at.map((one) => checked(one, 'older')),
      'yes',
      now,
    )
    return until === null
      ? [`${what}: remove it`]
      : [`${what}: normal until ${until.toISOString()}; if it is still so afterwards, the zone itself has it`]
  })
}

/** Those of others that strangers pass over (DISC-10). */
function idleNotes(expected: Expectation, besideOurs: readonly Observation[]): readonly string[] {
  const keys = new Set(besideOurs.flatMap(({ seen }) => (seen.status === 'found' ? [...seen.idle] : [])))
  if (keys.size === 0) return []
  const at = besideOurs.filter((one) => [...keys].some((key) => has(key, one))).map(({ server }) => server)
  const most = mostOthers(
    expected,
    besideOurs.map(({ seen }) => seen),
  )
  return [
    `${whereOf(expected)} has beside ours what strangers pass over, as it has ended or is bound to nobody there: ${listed([...keys], most - keys.size)} (at ${at.join(', ')}): remove it`,
  ]
}

function whereOf({ type, name }: Expectation): string {
  return type === 'LDAP' ? `the entry of ${name}` : name
}

function has(key: string, { seen }: Observation): boolean {
  return seen.status === 'found' && seen.keys.includes(key)
}
