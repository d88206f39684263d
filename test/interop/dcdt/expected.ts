/** What the table says, as answers and servers say it. */
import type { Evidence } from '../../../agent/evidence.ts'
import type { PlaceName } from '../../../dns/index.ts'
import {
  addressOf,
  type DcdtCase,
  DIRECTORIES,
  type DirectoryName,
  type FixtureName,
  ownerOf,
} from './cases.ts'
import type { Certificates } from './certificates.ts'

const PLACES: readonly PlaceName[] = [
  'configured',
  'dns-address',
  'dns-domain',
  'ldap-address',
  'ldap-domain',
  'cert-server',
]

/** Where the search stops, the place has something, or could not be asked; none behind it is asked. */
export function statusesOf({ stopsAt, because }: DcdtCase): readonly string[] {
  const stop = stopsAt === null ? PLACES.length : PLACES.indexOf(stopsAt)
  return PLACES.map((_, i) => {
    if (i < stop) return 'absent'
    if (i > stop) return 'not-asked'
    return because === 'LOOKUP_FAILED' ? 'failed' : 'found'
  })
}

/** Every certificate of the deciding place, by its fingerprint, and the codes of its verdict: none where it is usable. */
export function verdictsOf(
  { finds, refuses = {} }: DcdtCase,
  certificates: Certificates,
): Readonly<Record<string, readonly string[]>> {
  const usable = finds === null ? [] : [[finds, []] as const]
  const refused = Object.entries(refuses).map(([name, code]) => [name as FixtureName, [code]] as const)
  return Object.fromEntries(
    [...usable, ...refused].map(([name, codes]) => [certificates.get(name).certificate.sha256, codes]),
  )
}

/** The same of an answer. */
export function verdictsIn(places: readonly Pick<Evidence, 'certificates'>[]) {
  const judged = places.flatMap(({ certificates }) => certificates)
  return Object.fromEntries(judged.map(({ sha256, why }) => [sha256, why.map(({ code }) => code)]))
}

/** All that DNS is asked: each question once, and nothing for the sake of a place behind the one that decides. */
export function questionsOf(one: DcdtCase): readonly string[] {
  const last = one.stopsAt ?? 'cert-server'
  const reaches = (place: PlaceName) => PLACES.indexOf(last) >= PLACES.indexOf(place)
  const targets = DIRECTORIES[one.domain] ?? []
  const asked = targets.filter(
    ({ target }) => target === 'unresolvable' || one.searches?.some((each) => each.startsWith(target)),
  )
  const address = (host: string) => [`A ${host}`, `AAAA ${host}`]
  return [
    `CERT ${ownerOf(one)}`,
    ...(reaches('dns-domain') ? [`CERT ${one.domain}`] : []),
    ...(reaches('ldap-address') ? [`SRV _ldap._tcp.${one.domain}`] : []),
    ...(reaches('ldap-address')
      ? asked.flatMap(({ target }) => address(`${target.toLowerCase()}.dcdt.example`))
      : []),
    ...(reaches('cert-server') ? address(`certdns.${one.domain}`) : []),
  ].toSorted()
}

/** Of a name server's log; a question that was put again, plain or over TCP, is one. */
export function questionsIn(log: readonly string[]): readonly string[] {
  return [...new Set(log.map((line) => line.split(' ').slice(1, 3).join(' ')))].toSorted()
}

/** The values of `mail` that each directory is searched for. */
export function mailsOf(cases: readonly DcdtCase[], directory: DirectoryName): readonly string[] {
  return cases
    .flatMap((one) =>
      (one.searches ?? []).flatMap((search) => {
        if (!search.startsWith(directory)) return []
        return search.endsWith('address') ? addressOf(one) : one.domain
      }),
    )
    .toSorted()
}

/** Of slapd's log. */
export function mailsIn(log: string): readonly string[] {
  const searches = log.matchAll(/ SRCH base="dc=dcdt,dc=example" .*filter="\(mail=([^)]*)\)"/g)
  return [...searches].map(([, mail = '']) => mail).toSorted()
}
