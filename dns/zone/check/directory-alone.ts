import { apexOfIdentity } from '../owner.ts'
import { listed } from './advice.ts'
import { decidingOf } from './known.ts'
import type { CheckedRecord, Expectation, Observation } from './types.ts'

/** What a question came to. */
export interface Judged {
  readonly expected: Expectation
  readonly observations: readonly Observation[]
  readonly records: readonly CheckedRecord[]
}

/**
 * Domains at which a CERT record would end the search of strangers before they come to a directory (DISC-1), and about
 * which nothing else is asked. Whatever is there may be somebody else's business.
 */
export function domainsAhead(expectations: readonly Expectation[]): readonly Expectation[] {
  const asked = new Set(expectations.flatMap(({ type, name }) => (type === 'CERT' ? [name] : [])))
  const domains = new Set(expectations.flatMap(({ type, domain }) => (type === 'LDAP' ? [domain] : [])))
  const nothing: ReadonlySet<string> = new Set()
  return [...domains]
    .filter((domain) => !asked.has(domain))
    .map((name) => ({
      name,
      type: 'CERT',
      domain: name,
      for: name,
      values: [],
      former: nothing,
      tolerated: nothing,
    }))
}

/**
 * The rows, without those of certificates that DNS lacks and strangers find in a directory all the same: a sentence on
 * these. Where a CERT record at the domain ends their search before it, `missing` stays and says so (DISC-1).
 */
export function withDirectories(judged: readonly Judged[]): {
  readonly records: readonly CheckedRecord[]
  readonly notes: readonly string[]
} {
  const search = searchOf(judged)
  const found = new Set<string>()
  const records = judged.flatMap(({ expected, records }) =>
    records.flatMap((record): readonly CheckedRecord[] => {
      if (expected.type !== 'CERT' || record.status !== 'missing') return [record]
      // As PublishedRecord says: seldom two.
      const owners = record.for.split(', ')
      if (!owners.every((owner) => search.isInDirectory(owner, record.sha256))) return [record]
      const places = [expected.name, ...owners.map(apexOfIdentity)]
      if (places.every(search.isEmpty)) {
        for (const owner of owners) found.add(owner)
        return []
      }
      const end = places.find((place) => place !== expected.name && search.isTaken(place))
      return [end === undefined ? record : { ...record, advice: `${record.advice} ${ENDS_AT(end)}` }]
    }),
  )
  const note = `found in the directory alone, as DNS has no CERT record for them: ${listed([...found])}`
  return { records, notes: found.size > 0 ? [note] : [] }
}

const ENDS_AT = (domain: string) =>
  `The directory has it, and strangers do not look there: their search ends at the CERT record of another certificate at ${domain}.`

/** Statuses of what strangers see, now or when a resolver's time is over. */
const FINE: ReadonlySet<CheckedRecord['status']> = new Set(['visible', 'expiring', 'not-yet', 'stale'])

/** What the search of strangers meets. */
function searchOf(judged: readonly Judged[]) {
  const rows = Map.groupBy(
    judged.flatMap(({ records }) => records),
    ({ type, name }) => `${type} ${name}`,
  )
  const observed = new Map(
    judged.flatMap(({ expected: { type, name }, observations }) =>
      type === 'CERT' ? [[name, observations] as const] : [],
    ),
  )
  const isFine = (its: readonly CheckedRecord[]) =>
    its.length > 0 && its.every(({ status }) => FINE.has(status))
  const deciding = (name: string) =>
    decidingOf((observed.get(name) ?? []).filter(({ seen }) => seen.status !== 'failed'))
  return {
    isInDirectory: (owner: string, sha256: string | null): boolean =>
      isFine(rows.get(`SRV _ldap._tcp.${apexOfIdentity(owner)}`) ?? []) &&
      isFine((rows.get(`LDAP ${owner}`) ?? []).filter((row) => row.sha256 === sha256)),
    /** Known to be so: where nobody answered, the search of strangers fails (DISC-6). */
    isEmpty: (name: string): boolean => deciding(name).length > 0 && !deciding(name).some(publishes),
    isTaken: (name: string): boolean => deciding(name).some(publishes),
  }
}

/** Records of other kinds alone publish nothing for us; garbled ones do (DISC-4). */
function publishes({ seen }: Observation): boolean {
  return seen.status === 'found' && (seen.keys.length > 0 || seen.garbled > 0)
}
