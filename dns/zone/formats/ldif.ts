import { domainBase, escapeValue } from '../../ldap/distinguished-name.ts'
import { apexOfIdentity } from '../owner.ts'
import type { PublishedRecord } from '../published.ts'
import type { ZoneEntry } from '../zone.ts'
import { recordLine } from './master.ts'

const FOLD = 76

/**
 * What a directory holds for H3 and H4 (RFC 2849): below `dc=…` of each domain an inetOrgPerson (RFC 2798) for the domain
 * and for each address, with `mail` and `userCertificate;binary` (DISC-8). Comments say how it is loaded, and which of
 * the SRV records leads there.
 */
export function ldifText(entries: readonly ZoneEntry[], records: readonly PublishedRecord[]): string {
  const domains = Map.groupBy(entries, ({ name }) => apexOfIdentity(name))
  const sections = [...domains].map(([domain, its]) => {
    const srv = records.filter((one) => one.domain === domain && one.record.type === 'SRV')
    return section(domain, its, srv)
  })
  // No version line: slapadd takes it for an entry.
  return sections.join('\n')
}

function section(domain: string, entries: readonly ZoneEntry[], srv: readonly PublishedRecord[]): string {
  const base = domainBase(domain)
  const people = Map.groupBy(entries, ({ name }) => name)
  return [comments(domain, base, srv), baseEntry(domain, base)]
    .concat([...people].map(([name, its]) => personEntry(name, base, its)))
    .join('\n')
}

function comments(domain: string, base: string, srv: readonly PublishedRecord[]): string {
  const wayThere =
    srv.length > 0
      ? [
          'The zone of the domain leads strangers there by',
          ...srv.map(({ record }) => `  ${recordLine(record)}`),
        ]
      : [
          'Strangers find the directory by an SRV record in the zone of the domain: name its host in',
          'publish.directories of the configuration, and "direct zone generate" writes the record.',
        ]
  return [
    domain,
    `Load it into a directory whose suffix is ${base}, or above it, and that anyone may read:`,
    `  ldapadd -c -x -W -D cn=admin,${base} -f FILE`,
    '-c goes on past what is there already. To replace an entry after a renewal, ldapdelete it first.',
    ...wayThere,
  ]
    .map((line) => `# ${line}\n`)
    .join('')
}

function baseEntry(domain: string, base: string): string {
  return entry([
    ['dn', base],
    ['objectClass', 'top'],
    ['objectClass', 'dcObject'],
    ['objectClass', 'organization'],
    ['dc', domain.split('.')[0] as string],
    ['o', domain],
  ])
}

function personEntry(name: string, base: string, entries: readonly ZoneEntry[]): string {
  const certificates = new Set(entries.map(({ der }) => Buffer.from(der).toString('base64')))
  return entry([
    ['dn', `cn=${escapeValue(name)},${base}`],
    ['objectClass', 'inetOrgPerson'],
    ['cn', name],
    ['sn', name],
    ['mail', name],
    // A second colon: the value is in base64.
    ...[...certificates].map((base64) => ['userCertificate;binary:', base64] as const),
  ])
}

function entry(lines: readonly (readonly [string, string])[]): string {
  return lines.map(([name, value]) => `${fold(`${name}: ${value}`)}\n`).join('')
}

/** RFC 2849, note 2: a line goes on after a blank. */
function fold(line: string): string {
  return [line.slice(0, FOLD), ...(line.slice(FOLD).match(/.{1,75}/g) ?? [])].join('\n ')
}
