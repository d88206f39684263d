/** An address book of 10,000 addresses in 2,000 domains, and all that is published for it. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAddress } from '../agent/address.ts'
import { addressOwner } from '../dns/index.ts'
import { encodeCertRecord } from '../dns/resolver/index.ts'
import { mint } from '../fixtures/pki.ts'
import { type Bind, startBind, wholeZone } from '../test/services/bind.ts'
import { type Slapd, type SlapdEntry, startSlapd } from '../test/services/slapd.ts'
import { pki } from './clinics.ts'

const ZONE = 'bench.example'
const DOMAINS = 2000
/** Further ones, which are asked about before anything is measured. */
const FIRST_DOMAINS = 40
const USERS = 5
/** Where a domain publishes, by turns. */
const KINDS = ['dns-address', 'dns-domain', 'ldap-address', 'ldap-domain', 'nowhere'] as const
type Kind = (typeof KINDS)[number]

/** Questions to name servers that the places of a domain demand, whose addresses are asked about once each (DISC-1). */
const QUESTIONS: Readonly<Record<Kind, number>> = {
  'dns-address': USERS,
  // And the domain.
  'dns-domain': USERS + 1,
  // And its directories.
  'ldap-address': USERS + 2,
  'ldap-domain': USERS + 2,
  // And both addresses of a cert server.
  nowhere: USERS + 4,
}
const SEARCHES: Readonly<Record<Kind, number>> = {
  'dns-address': 0,
  'dns-domain': 0,
  'ldap-address': USERS,
  'ldap-domain': USERS + 1,
  nowhere: 0,
}

interface Book {
  readonly addresses: readonly string[]
  readonly questions: number
  readonly searches: number
  readonly direct: number
}

interface Domain {
  readonly name: string
  readonly kind: Kind
  readonly addresses: readonly string[]
}

const everyDomain: readonly Domain[] = Array.from({ length: DOMAINS + FIRST_DOMAINS }, (_, i) => {
  const name = `d${i}.${ZONE}`
  const addresses = Array.from({ length: USERS }, (_, user) => `dr.user${user}@${name}`)
  return { name, kind: KINDS[i % KINDS.length] as Kind, addresses }
})

const [domains, firstDomains] = [everyDomain.slice(0, DOMAINS), everyDomain.slice(DOMAINS)]
/** With these a process gets going: every kind of place is among them. */
export const firstAddresses: readonly string[] = firstDomains.flatMap(({ addresses }) => addresses)

const sum = (each: (domain: Domain) => number) => domains.reduce((total, one) => total + each(one), 0)

/** Domains are mixed, as a book by people's names has them. */
export const book: Book = {
  addresses: Array.from({ length: USERS }, (_, user) =>
    domains.map(({ addresses }) => addresses[user] as string),
  ).flat(),
  questions: sum(({ kind }) => QUESTIONS[kind]),
  searches: sum(({ kind }) => SEARCHES[kind]),
  direct: sum(({ kind }) => (kind === 'nowhere' ? 0 : USERS)),
}

export interface Servers extends AsyncDisposable {
  readonly bind: Bind
  readonly slapd: Slapd
  /** A configuration that finds the book's certificates there, and believes them. */
  readonly config: Record<string, unknown>
}

/** What is published: made once, as signing some sixteen hundred certificates takes its time. */
export interface World {
  readonly records: readonly string[]
  readonly entries: readonly SlapdEntry[]
  readonly anchor: string
}

export async function makeWorld(dir: string): Promise<World> {
  const root = mint({ ca: true, subject: 'Bench Root', key: 'root-a' })
  const anchor = join(dir, 'root.pem')
  await writeFile(anchor, root.pem)
  const records: string[] = []
  const entries: SlapdEntry[] = []
  for (const { name, kind, addresses } of everyDomain) {
    if (kind === 'nowhere') continue
    const { der } = mint({ issuer: root, key: 'dr-lee', san: [name] }).certificate
    if (kind === 'dns-address') records.push(...addresses.map((address) => cert(ownerOf(address), der)))
    else if (kind === 'dns-domain') records.push(cert(name, der))
    else {
      const mails = kind === 'ldap-address' ? addresses : [name]
      entries.push(...mails.map((mail) => ({ mail, userCertificate: [der] })))
    }
  }
  return { records, entries, anchor }
}

/** `counted`: every question is in the servers' logs, which slows them. */
export async function startServers(
  { records, entries, anchor }: World,
  dir: string,
  { counted }: { readonly counted: boolean },
): Promise<Servers> {
  const slapd = await startSlapd({ contexts: [{ suffix: 'o=bench', entries }], quiet: !counted })
  const srv = everyDomain
    .filter(({ kind }) => kind.startsWith('ldap'))
    .map(({ name }) => `_ldap._tcp.${name}. 3600 IN SRV 0 0 ${slapd.port} ldap.${ZONE}.`)
  const all = [...records, ...srv, `ldap.${ZONE}. 3600 IN A 127.0.0.1`]
  const bind = await startBind({
    zones: { [ZONE]: wholeZone(ZONE, all, { minimum: 300 }) },
    options: `recursion no; querylog ${counted ? 'yes' : 'no'};`,
  })
  return {
    bind,
    slapd,
    config: {
      dataDir: join(dir, counted ? 'counted' : 'timed'),
      identities: [
        { for: 'clinic-a.example', certificate: pki('clinic-a.pem'), privateKey: pki('clinic-a.key') },
      ],
      trust: [{ for: '*', anchors: [anchor] }],
      dns: { servers: [bind.server] },
      network: { allowPrivate: true },
    },
    async [Symbol.asyncDispose]() {
      await bind[Symbol.asyncDispose]()
      await slapd[Symbol.asyncDispose]()
    },
  }
}

function cert(owner: string, der: Uint8Array): string {
  // RFC 3597: the same RDATA for whoever knows the type by its name or not.
  const rdata = encodeCertRecord(der)
  return `${owner}. 3600 IN TYPE37 \\# ${rdata.length} ${rdata.toString('hex')}`
}

function ownerOf(text: string): string {
  const address = parseAddress(text)
  if ('code' in address) throw new Error(address.text)
  return addressOwner(address)
}
