/** The places of DISC-1 as literals, and every question that anybody was asked, in order. */
import { resolve } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Classified, classify, discover } from '../../agent/classify.ts'
import { settingsOf } from '../../agent/config/load.ts'
import { Neighbours } from '../../agent/neighbours.ts'
import type { AgentOptions } from '../../agent/options.ts'
import type { Discovery } from '../../agent/recipient-types.ts'
import { wire } from '../../agent/wiring.ts'
import type { DiscoveryNetwork, LdapAnswer, Reached, UnreadUrl } from '../../dns/index.ts'
import { type Literal, literalNetwork, literalZone } from '../dns/literal-zone.ts'
import { clinicConfig, temporaryFolder } from './clinics.ts'

/** What a directory has: values of an entry by its `mail`; or that it does not answer. */
export type Directory = Readonly<Record<string, readonly Uint8Array[]>> | 'down'

export interface World {
  /** CERT and SRV records; hosts have their addresses below. */
  readonly zone?: Readonly<Record<string, Literal>>
  /** By host; a host that stands in none of these has no address. */
  readonly directories?: Readonly<Record<string, Directory>>
  /** What `certdns.<domain>` of any domain answers when it is asked itself. */
  readonly certdns?: Readonly<Record<string, Literal>>
  /** Hosts that may not be contacted (NET), and hosts whose address is not known now. */
  readonly refused?: readonly string[]
  readonly unknown?: readonly string[]
  /** What URLs of IPKIX records give; absent: they are not followed. */
  readonly urls?: Readonly<Record<string, readonly Uint8Array[] | Omit<UnreadUrl, 'url'>>>
  readonly config?: object
  readonly parts?: AgentOptions
}

export interface Asker {
  readonly asked: readonly string[]
  readonly classify: (address: string) => Promise<Classified>
  readonly discover: (address: string) => Promise<Discovery>
}

/** Clinic A in a world. No socket is opened. */
export async function inWorld(world: World): Promise<Asker> {
  const config = { ...clinicConfig('a', await temporaryFolder()), ...world.config }
  const settings = settingsOf(config, { origin: 'the test', dir: resolve('.'), env: {} })
  const neighbours = new Neighbours(settings, { resolver: literalZone({}), ...world.parts })
  onTestFinished(() => neighbours.close())
  const wired = await wire(neighbours).classifyTools()
  const { network, asked } = networkOf(world)
  const tools = { ...wired, sources: { ...wired.sources, network } }
  return {
    asked,
    classify: async (address) => {
      const [classified] = await classify([address], null, tools)
      if (classified === undefined) throw new Error('classify gave no answer')
      return classified
    },
    discover: (address) => discover(address, null, tools),
  }
}

function networkOf(world: World): { readonly network: DiscoveryNetwork; readonly asked: readonly string[] } {
  const { zone = {}, certdns, directories = {}, urls, refused = [], unknown = [] } = world
  const asked: string[] = []
  const asking = (whom: string, holds: Readonly<Record<string, Literal>>): DiscoveryNetwork['resolver'] => {
    const literal = literalZone(holds)
    return {
      resolve(name, type, options) {
        asked.push(`${whom}${type} ${name}`)
        return literal.resolve(name, type, options)
      },
    }
  }
  const reach = async (host: string): Promise<Reached> => {
    asked.push(`reach ${host}`)
    if (refused.includes(host)) return { status: 'refused', text: `the host ${host} is at 10.0.0.5` }
    if (unknown.includes(host)) return { status: 'failed', text: `the address of ${host} is not known now` }
    const hasAddress = host in directories || (certdns !== undefined && host.startsWith('certdns.'))
    return hasAddress
      ? { status: 'ok', addresses: ['198.51.100.7'] }
      : { status: 'absent', text: `${host} has no address` }
  }
  const network: DiscoveryNetwork = {
    ...literalNetwork(asking('', zone)),
    reach,
    ldap: {
      async search({ host }, { mail }) {
        asked.push(`LDAP ${host} ${mail}`)
        return answerOf(directories[host] ?? 'down', host, mail)
      },
    },
    askHost: ({ name }) => asking(`${name} `, certdns ?? {}),
    followUrl: urls
      ? async (url) => {
          asked.push(`URL ${url}`)
          const gives = urls[url] ?? { status: 'failed', text: `${url} cannot be fetched now: it is away` }
          return 'status' in gives ? gives : { status: 'ok', certificates: gives }
        }
      : null,
  }
  return { network, asked }
}

function answerOf(directory: Directory, host: string, mail: string): LdapAnswer {
  const name = `ldap://${host}:389/dc=example??sub?(mail=${mail})`
  if (directory === 'down') {
    const text = `${host}:389 did not answer within 5000 ms`
    return { status: 'failed', text, questions: [{ name, type: 'LDAP', answer: text }] }
  }
  const certificates = directory[mail.toLowerCase()] ?? []
  return {
    status: certificates.length === 0 ? 'empty' : 'found',
    certificates,
    notes: [],
    questions: [{ name, type: 'LDAP', answer: `${certificates.length} value(s)` }],
  }
}
