import type { Address } from '../../agent/address.ts'
import { notesOn } from '../answers.ts'
import { HOUR, NEGATIVE } from '../lifetimes.ts'
import { isDnsName, unfitNote } from '../names.ts'
import type { Question } from '../types.ts'
import { Directory } from './directory.ts'
import { addressOwners, askOwners, showCert } from './dns.ts'
import { addressMails, askDirectories } from './ldap.ts'
import type { CertServer, DiscoveryNetwork, FoundCertdns, Place, Silence } from './types.ts'

/** The hosted cert server: the one that the configuration names for the domain, else `certdns.<domain>` (DISC-9). */
export function askCertServer(
  address: Address,
  network: DiscoveryNetwork,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const configured = network.certServer(address.domain)
  return configured === null
    ? askCertdns(address, network, signal)
    : askConfigured(address, configured, network, signal)
}

async function askConfigured(
  address: Address,
  configured: CertServer,
  network: DiscoveryNetwork,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const { server } = configured
  if (configured.kind === 'dns') {
    const asking = { resolver: configured.resolver, followUrl: network.followUrl }
    return { ...(await askOwners('cert-server', owners(address), asking, signal)), owner: server }
  }
  const directory = new Directory(configured.ldap, { ldap: network.ldap, reach: configured.reach })
  const directories = {
    status: 'found',
    servers: [directory],
    beyond: 0,
    notes: [],
    questions: [],
    ttl: HOUR,
  } as const
  const mails = [...addressMails(address), address.domain]
  return {
    ...(await askDirectories('cert-server', mails, address.domain, directories, signal)),
    owner: server,
  }
}

/** Open Dental's way: the host of that name, where there is one, asked at port 53 for the address and the domain. */
async function askCertdns(
  address: Address,
  network: DiscoveryNetwork,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const name = `certdns.${address.domain}`
  if (!isDnsName(name)) return absent(name, unfitNote(name))
  const names = owners(address)
  const first = names.find(isDnsName) as string
  const found = await network.certdns.find(address.domain, first, network, signal)
  const place = await askFound(found, name, names, network, signal)
  return { ...place, questions: [...found.questions, ...place.questions] }
}

async function askFound(
  found: FoundCertdns,
  name: string,
  names: readonly string[],
  { followUrl }: DiscoveryNetwork,
  signal: AbortSignal | undefined,
): Promise<Place> {
  const failed = { ...nothingAt(name), status: 'failed', ttl: 0 } as const
  switch (found.status) {
    case 'absent':
      return absent(name, `there is no ${name}`)
    case 'failed':
      return { ...failed, notes: [found.note] }
    case 'refused':
      return { ...failed, refusedBy: 'guard', notes: [found.note] }
    case 'wildcard': {
      const { questions, notes } = silenceAt(found.first, names)
      return { ...absent(name, found.note, found.ttl), notes: [found.note, ...notes], questions }
    }
    case 'silent':
      return { ...failed, ...silenceAt(found.first, names) }
    case 'answers': {
      const asking = { resolver: found.resolver, followUrl }
      return { ...(await askOwners('cert-server', names, asking, signal)), owner: name }
    }
  }
}

function absent(name: string, note: string, ttl: number = NEGATIVE.most): Place {
  return { ...nothingAt(name), status: 'absent', notes: [note], ttl }
}

function nothingAt(owner: string) {
  return { place: 'cert-server', owner, certificates: [], unread: [], questions: [] } as const
}

/** A question that was put for another address of the domain is no evidence for this one: only that nobody answered. */
function silenceAt(
  first: Silence | null,
  names: readonly string[],
): { readonly notes: readonly string[]; readonly questions: readonly Question[] } {
  if (first === null) return { notes: [], questions: [] }
  const { owner, answer } = first
  const question = { name: owner, type: 'CERT', answer: showCert(answer) } as const
  return { notes: notesOn(answer), questions: names.includes(owner) ? [question] : [] }
}

/** What a cert server is asked for, address before domain; both are one place. */
function owners(address: Address): readonly string[] {
  return [...addressOwners(address), address.domain]
}
