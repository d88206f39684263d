import { listed } from './advice.ts'
import { mostOthers } from './known.ts'
import type { Expectation, Observation } from './types.ts'

/** What stands beside ours and hinders nobody, so that no row tells it: to be removed all the same. */
export function besideNotes(expected: Expectation, observations: readonly Observation[]): readonly string[] {
  return [...formerNotes(expected, observations), ...idleNotes(expected, observations)]
}

/** Old certificates of ours beside the new ones (D2, D9). */
function formerNotes(expected: Expectation, observations: readonly Observation[]): readonly string[] {
  return [...expected.former].flatMap((key) => {
    const at = serversWith(key, observations)
    if (at.length === 0) return []
    return [
      `${whereOf(expected)} still has our certificate ${key}, which is out of use (at ${at.join(', ')}): remove it`,
    ]
  })
}

/** Those of others that strangers pass over (DISC-10). */
function idleNotes(expected: Expectation, observations: readonly Observation[]): readonly string[] {
  const ours = new Set(expected.values.map(({ key }) => key))
  const besideOurs = observations.filter(
    ({ seen }) => seen.status === 'found' && seen.keys.some((key) => ours.has(key)),
  )
  const keys = new Set(besideOurs.flatMap(({ seen }) => (seen.status === 'found' ? [...seen.idle] : [])))
  if (keys.size === 0) return []
  const at = [...new Set([...keys].flatMap((key) => serversWith(key, besideOurs)))]
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

function serversWith(key: string, observations: readonly Observation[]): readonly string[] {
  return observations.flatMap(({ server, seen }) =>
    seen.status === 'found' && seen.keys.includes(key) ? [server] : [],
  )
}
