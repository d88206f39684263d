import type { HostPort } from '../../dns/index.ts'
import { apexOf, hostsWithoutAddress, isAddress, type Zone } from '../../dns/zone/index.ts'
import type { PublishSettings } from '../settings.ts'

/** What strangers will look for in vain in zones that are answered at `listen`: a sentence each. */
export function hostNotes(zone: Zone, publish: PublishSettings, listen: HostPort): readonly string[] {
  const { nameServers, mailServers, directories, addresses } = publish
  const named = new Set([...nameServers, ...mailServers, ...directories.map(({ host }) => host)])
  const isPublic = mayBeDelegatedTo(listen)
  const homeless = hostsWithoutAddress(zone)
  const idle = [...addresses.keys()].filter((name) => apexOf(zone, name) === null)
  return [
    ...homeless.filter((name) => named.has(name)).map(homelessNote),
    ...idle.map(idleNote),
    ...(isPublic ? standInNotes(homeless.filter((name) => !named.has(name))) : []),
    ...(isPublic ? mailNotes(zone, [...zone.apexes]) : []),
  ]
}

/** What senders of mail will look for in vain in zones of ours that are answered as a whole (RFC 5321 5.1). */
export function mailNotes(zone: Zone, domains: readonly string[]): readonly string[] {
  const lost = domains.filter(
    (domain) => !zone.names.get(domain)?.some((record) => record.type === 'MX' || isAddress(record)),
  )
  if (lost.length === 0) return []
  return [
    `mail to ${firstOf(lost)} finds no server by this zone, which has no MX record: name who takes it in publish.mailServers`,
  ]
}

/** Name servers that answer for our domains from within, and that nobody finds by what is published here. */
export function nameServerNotes(
  zone: Zone,
  { nameServers }: Pick<PublishSettings, 'nameServers'>,
): readonly string[] {
  const homeless = new Set(hostsWithoutAddress(zone))
  return nameServers
    .filter((name) => homeless.has(name))
    .map(
      (name) =>
        `publish.nameServers: ${name} lies in a domain of ours and has no address in publish.addresses, so "direct certs serve" cannot tell strangers where it is`,
    )
}

/** `ns.<domain>` of each domain where no name server is named. */
function standInNotes(names: readonly string[]): readonly string[] {
  if (names.length === 0) return []
  return [
    `publish.nameServers names nobody, and ${firstOf(names)}, which stands in, has no address: name the hosts that answer here, and those that lie in a domain of ours in publish.addresses`,
  ]
}

function firstOf([first, ...others]: readonly string[]): string {
  return others.length === 0 ? `${first}` : `${first} (and ${others.length} more)`
}

/** At another port than DNS's, and on this machine alone, nobody is answered but whoever tries it out. */
function mayBeDelegatedTo({ host, port }: HostPort): boolean {
  return port === 53 || !/^(localhost|127(\.\d+){3}|::1)$/.test(host)
}

function homelessNote(name: string): string {
  return `${name} lies in a domain that is answered here, and has no address here, so strangers cannot reach it: name its addresses in publish.addresses, or name a host of another domain in its place`
}

function idleNote(name: string): string {
  return `publish.addresses: ${name} lies in no domain that is answered here, so its addresses are not used: they belong in the zone that it lies in`
}
