import { describe, expect, test } from 'vitest'
import { type Address, parseAddress } from '../../agent/address.ts'
import type { Answer, CertServer, DiscoveryNetwork, FailedTry, LdapServer, Reached } from '../../dns/index.ts'
import { askCertServer } from '../../dns/places/cert-server.ts'
import { type Literal, literalNetwork, literalZone } from './literal-zone.ts'
import { derOf } from './scripted-server.ts'

const ONE = derOf(40, 1)
const LEE = addressOf('lee@d.example')
const CERTDNS = 'certdns.d.example'

function addressOf(text: string): Address {
  const parsed = parseAddress(text)
  if ('code' in parsed) throw new Error(parsed.text)
  return parsed
}

interface World {
  /** By host; one that is not here has no address. A function is asked about every other host. */
  readonly hosts?: Readonly<Record<string, Reached>>
  readonly others?: Reached
  /** What `certdns` holds, or how it fails. */
  readonly holds?: Readonly<Record<string, Literal>> | FailedTry['code']
  readonly certServer?: CertServer
  readonly ldap?: DiscoveryNetwork['ldap']
}

const ok = (...addresses: string[]): Reached => ({ status: 'ok', addresses })
const refused: Reached = { status: 'refused', text: 'it is at 10.0.0.5' }

async function ask({ hosts = {}, others, holds = {}, certServer, ldap }: World, who = LEE) {
  const asked: string[] = []
  const place = await askCertServer(
    who,
    {
      ...literalNetwork(literalZone({})),
      ...(ldap && { ldap }),
      certServer: () => certServer ?? null,
      async reach(host) {
        asked.push(`reach ${host}`)
        return hosts[host] ?? others ?? { status: 'absent', text: `${host} has no address` }
      },
      askHost: ({ name, addresses }) => ({
        async resolve(owner, type): Promise<Answer> {
          asked.push(`${name} ${addresses.join(' ')} ${type} ${owner}`)
          if (typeof holds !== 'string') return literalZone(holds).resolve(owner, type)
          return { status: 'failed', tries: [{ server: `${addresses[0]}:53`, code: holds, text: 'as told' }] }
        },
      }),
    },
    undefined,
  )
  return { place, asked }
}

describe('certdns.<domain>, where no cert server is configured (DISC-9)', () => {
  test('a domain without that host has no cert server, and one question tells', async () => {
    const { place, asked } = await ask({})
    expect(place).toMatchObject({ place: 'cert-server', status: 'absent', owner: CERTDNS, ttl: 300 })
    expect(asked).toEqual([`reach ${CERTDNS}`])
  })

  test('it is asked itself, for the address and then for the domain', async () => {
    const world = { hosts: { [CERTDNS]: ok('198.51.100.7') }, holds: { 'd.example': [ONE] } }
    const { place, asked } = await ask(world, addressOf('lee+x@d.example'))
    expect(place).toMatchObject({ status: 'found', owner: CERTDNS, certificates: [ONE], ttl: 120 })
    expect(asked).toEqual([
      `reach ${CERTDNS}`,
      `${CERTDNS} 198.51.100.7 CERT lee+x.d.example`,
      `${CERTDNS} 198.51.100.7 CERT lee.d.example`,
      `${CERTDNS} 198.51.100.7 CERT d.example`,
    ])
  })

  test('of its addresses two are asked, one of each family where it has both', async () => {
    const addresses = ['198.51.100.7', '198.51.100.8', '198.51.100.9', '2001:db8::7']
    const { asked } = await ask({ hosts: { [CERTDNS]: ok(...addresses) }, holds: { 'lee.d.example': [ONE] } })
    expect(asked.at(-1)).toBe(`${CERTDNS} 198.51.100.7 2001:db8::7 CERT lee.d.example`)
  })

  test('where its address is not known, neither is what it holds', async () => {
    const { place } = await ask({ hosts: { [CERTDNS]: { status: 'failed', text: 'SERVFAIL' } } })
    expect(place).toMatchObject({ status: 'failed', ttl: 0, notes: ['SERVFAIL'] })
  })

  test.each(['TIMEOUT', 'UNREACHABLE'] as const)(
    '%s: under a wildcard that leads to the same addresses it is no cert server',
    async (holds) => {
      const here = ok('198.51.100.7', '198.51.100.8')
      const { place, asked } = await ask({ hosts: { [CERTDNS]: here }, others: ok('198.51.100.8'), holds })
      expect(place).toMatchObject({ status: 'absent', ttl: 300 })
      expect(place.notes[0]).toMatch(
        /^certdns\.d\.example has an address only as every name of its domain has/,
      )
      expect(asked.at(-1)).toMatch(/^reach no-such-host-\w+\.d\.example$/)
    },
  )

  test.each([
    ['there is no wildcard', undefined],
    ['the wildcard leads elsewhere', ok('203.0.113.1')],
    ['whether there is a wildcard is not known', { status: 'failed', text: 'SERVFAIL' }],
  ] as const)('it is silent, and %s: not known', async (_, others) => {
    const hosts = { [CERTDNS]: ok('198.51.100.7') }
    const { place } = await ask({ hosts, holds: 'TIMEOUT', ...(others && { others }) })
    expect(place).toMatchObject({ status: 'failed', ttl: 0 })
  })

  test('one that answers, however badly, is a cert server: no wildcard is looked for', async () => {
    const hosts = { [CERTDNS]: ok('198.51.100.7') }
    const { place, asked } = await ask({ hosts, others: ok('198.51.100.7'), holds: 'SERVFAIL' })
    expect(place.status).toBe('failed')
    expect(asked).toHaveLength(2)
  })

  test('in a private network it is not contacted, and that is final (NET)', async () => {
    const { place, asked } = await ask({ hosts: { [CERTDNS]: refused } })
    expect(place).toMatchObject({ status: 'failed', refusedBy: 'guard', notes: ['it is at 10.0.0.5'] })
    expect(asked.filter((question) => !question.startsWith('reach'))).toEqual([])
  })

  test('a wildcard into a private network is no cert server either', async () => {
    const { place } = await ask({ others: refused })
    expect(place).toMatchObject({ status: 'absent', ttl: 300 })
    expect(place.refusedBy).toBeUndefined()
  })

  test('a domain whose certdns does not fit DNS has none', async () => {
    const label = 'x'.repeat(60)
    const { place, asked } = await ask({}, addressOf(`a@${label}.${label}.${label}.${label}.example`))
    expect(place.status).toBe('absent')
    expect(asked).toEqual([])
  })
})

describe('a configured directory as cert server (DISC-9)', () => {
  const directory = (reached: Reached): CertServer => ({
    kind: 'ldap',
    server: 'dir.example:389',
    ldap: { host: 'dir.example', port: 389, secure: false },
    reach: async () => reached,
  })

  function recording(holds: Readonly<Record<string, readonly Buffer[]>> | 'failing') {
    const asked: [LdapServer, string, number | undefined][] = []
    const ldap: DiscoveryNetwork['ldap'] = {
      async search(server, { mail }, options) {
        asked.push([server, mail, options?.ttl])
        if (holds === 'failing') return { status: 'failed', text: 'did not answer', questions: [] }
        const certificates = holds[mail] ?? []
        return { status: certificates.length > 0 ? 'found' : 'empty', certificates, notes: [], questions: [] }
      },
    }
    return { ldap, asked }
  }

  test('it is searched for the address as written, without its tag, and for the domain; private or not', async () => {
    const { ldap, asked } = recording({ 'd.example': [ONE] })
    const { place } = await ask({ certServer: directory(ok('10.0.0.5')), ldap }, addressOf('lee+x@d.example'))
    expect(asked.map(([, mail]) => mail)).toEqual(['lee+x@d.example', 'lee@d.example', 'd.example'])
    expect(asked[0]?.[0]).toEqual({ host: 'dir.example', port: 389, secure: false, addresses: ['10.0.0.5'] })
    expect(place).toMatchObject({ status: 'found', owner: 'dir.example:389', certificates: [ONE], ttl: 3600 })
  })

  test('where it fails it is not known, and certdns is not asked in its stead', async () => {
    const { ldap, asked } = recording('failing')
    const answer = await ask({ certServer: directory(ok('10.0.0.5')), ldap })
    expect(answer.place).toMatchObject({ status: 'failed', notes: ['dir.example:389: did not answer'] })
    expect(asked).toHaveLength(1)
    expect(answer.asked).toEqual([])
  })

  test('where it has nothing, nothing is published', async () => {
    const { ldap } = recording({})
    const { place } = await ask({ certServer: directory(ok('10.0.0.5')), ldap })
    expect(place).toMatchObject({ status: 'absent', ttl: 3600 })
  })
})
