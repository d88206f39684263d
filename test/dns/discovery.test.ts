import { describe, expect, test } from 'vitest'
import { type Address, parseAddress } from '../../agent/address.ts'
import {
  type DiscoveryNetwork,
  type DiscoverySources,
  discover,
  discoverDeciding,
  type FailedTry,
  type Place,
  type Resolver,
  restNotAsked,
} from '../../dns/index.ts'
import { createResolver } from '../../dns/resolver/index.ts'
import { type Literal, literalNetwork, literalZone } from './literal-zone.ts'
import { answerTo, CODE, certRdata, derOf, scriptedServer } from './scripted-server.ts'

const ONE = derOf(40, 1)
const TWO = derOf(40, 2)

function address(text: string): Address {
  const parsed = parseAddress(text)
  if ('code' in parsed) throw new Error(parsed.text)
  return parsed
}

const LEE = address('lee@d.example')

interface More extends Partial<DiscoveryNetwork> {
  readonly configured?: DiscoverySources['configured']
}

function sources(
  resolver: Resolver | null,
  { configured = () => [], ...network }: More = {},
): DiscoverySources {
  return { configured, network: resolver && { ...literalNetwork(resolver), ...network } }
}

async function search(zone: Readonly<Record<string, Literal>>, who = LEE, more: More = {}) {
  const resolver = literalZone(zone)
  const places = await discoverDeciding(who, sources(resolver, more))
  return { places, asked: resolver.asked, statuses: places.map((place) => `${place.place} ${place.status}`) }
}

function placeOf(places: readonly Place[], name: Place['place']): Place {
  return places.find((place) => place.place === name) as Place
}

describe('the order of places, and where the search stops (DISC-1)', () => {
  test('a certificate at the address decides: the domain is not asked', async () => {
    const { asked, statuses, places } = await search({ 'lee.d.example': [ONE], 'd.example': [TWO] })
    expect(asked).toEqual(['CERT lee.d.example'])
    expect(statuses).toEqual([
      'configured absent',
      'dns-address found',
      'dns-domain not-asked',
      'ldap-address not-asked',
      'ldap-domain not-asked',
      'cert-server not-asked',
    ])
    expect(placeOf(places, 'dns-address')).toEqual({
      place: 'dns-address',
      owner: 'lee.d.example',
      status: 'found',
      certificates: [ONE],
      unread: [],
      notes: [],
      ttl: 600,
      questions: [{ name: 'lee.d.example', type: 'CERT', answer: '1 CERT from 192.0.2.1:53' }],
    })
    expect(placeOf(places, 'dns-domain').notes).toEqual(['an earlier place decided: dns-address'])
  })

  test.each(['NXDOMAIN', 'NODATA'] as const)('%s at the address goes on to the domain', async (absent) => {
    const { asked, places } = await search({ 'lee.d.example': absent, 'd.example': [ONE, TWO] })
    expect(asked).toEqual(['CERT lee.d.example', 'CERT d.example'])
    expect(placeOf(places, 'dns-address')).toMatchObject({ status: 'absent', ttl: 120 })
    expect(placeOf(places, 'dns-domain')).toMatchObject({ status: 'found', certificates: [ONE, TWO] })
  })

  test('a SERVFAIL at the address never falls through to the domain (DISC-6)', async () => {
    const { asked, statuses, places } = await search({ 'lee.d.example': 'SERVFAIL', 'd.example': [ONE] })
    expect(asked).toEqual(['CERT lee.d.example'])
    expect(statuses.slice(1, 3)).toEqual(['dns-address failed', 'dns-domain not-asked'])
    expect(placeOf(places, 'dns-address')).toMatchObject({
      ttl: 0,
      notes: ['192.0.2.1:53: SERVFAIL, answered SERVFAIL (UDP)'],
      questions: [{ answer: 'SERVFAIL at 192.0.2.1:53' }],
    })
  })

  test('what stands behind a failed place says that it could not be asked, not that it decided (DISC-6)', async () => {
    const { places } = await search({ 'lee.d.example': 'SERVFAIL' })
    expect(placeOf(places, 'dns-domain').notes).toEqual(['an earlier place could not be asked: dns-address'])
  })

  test('a place where every server refused says so: none of them is away (DISC-6)', async () => {
    const tries = (codes: readonly FailedTry['code'][]) =>
      codes.map((code, i) => ({ server: `192.0.2.${i}:53`, code, text: code }))
    const refusedBy = async (...codes: FailedTry['code'][]) => {
      const resolver = { resolve: async () => ({ status: 'failed' as const, tries: tries(codes) }) }
      return placeOf(await discoverDeciding(LEE, sources(resolver)), 'dns-address').refusedBy
    }
    expect(await refusedBy('REFUSED', 'REFUSED')).toBe('servers')
    expect(await refusedBy('REFUSED', 'TIMEOUT')).toBeUndefined()
  })

  test('a SERVFAIL at the domain is not known either', async () => {
    const { statuses } = await search({ 'd.example': 'SERVFAIL' })
    expect(statuses.slice(1, 4)).toEqual([
      'dns-address absent',
      'dns-domain failed',
      'ldap-address not-asked',
    ])
  })

  test('a configured certificate decides: nothing is asked', async () => {
    const configured = () => [{ origin: 'bob.pem', der: ONE }]
    const { asked, places } = await search({ 'lee.d.example': [TWO] }, LEE, { configured })
    expect(asked).toEqual([])
    expect(places[0]).toMatchObject({
      place: 'configured',
      owner: 'bob.pem',
      status: 'found',
      certificates: [ONE],
    })
  })

  test('nothing anywhere: every place was asked, each question once, and all are absent', async () => {
    const { asked, places, statuses } = await search({})
    expect(statuses).toEqual([
      'configured absent',
      'dns-address absent',
      'dns-domain absent',
      'ldap-address absent',
      'ldap-domain absent',
      'cert-server absent',
    ])
    expect(asked).toEqual(['CERT lee.d.example', 'CERT d.example', 'SRV _ldap._tcp.d.example'])
    expect(placeOf(places, 'cert-server').notes).toEqual(['there is no certdns.d.example'])
    expect(Math.min(...places.map((place) => place.ttl))).toBe(120)
  })

  test('a place is asked only when it is pulled', async () => {
    const resolver = literalZone({})
    const places = discover(LEE, sources(resolver))
    await places.next()
    expect(resolver.asked).toEqual([])
    await places.next()
    expect(resolver.asked).toEqual(['CERT lee.d.example'])
    await places.return()
    expect(restNotAsked(LEE, { place: 'dns-address', status: 'found' }).map((place) => place.place)).toEqual([
      'dns-domain',
      'ldap-address',
      'ldap-domain',
      'cert-server',
    ])
  })
})

describe('owner names (DISC-2, MSG-13)', () => {
  test('the local part is one label or several, in lower case', async () => {
    expect((await search({}, address('First.Last@D.Example'))).asked).toEqual([
      'CERT first.last.d.example',
      'CERT d.example',
      'SRV _ldap._tcp.d.example',
    ])
  })

  test('`user+tag` is asked for as written first, then as `user`, and both are one place', async () => {
    const { asked, places } = await search({ 'lee.d.example': [ONE] }, address('lee+x@d.example'))
    expect(asked).toEqual(['CERT lee+x.d.example', 'CERT lee.d.example'])
    expect(placeOf(places, 'dns-address')).toMatchObject({
      owner: 'lee.d.example',
      status: 'found',
      ttl: 120,
      questions: [{ name: 'lee+x.d.example' }, { name: 'lee.d.example' }],
    })
  })

  test('a certificate at the tagged name decides, and so does its failure', async () => {
    const found = await search(
      { 'lee+x.d.example': [TWO], 'lee.d.example': [ONE] },
      address('lee+x@d.example'),
    )
    expect(found.asked).toEqual(['CERT lee+x.d.example'])
    const failed = await search({ 'lee+x.d.example': 'SERVFAIL' }, address('lee+x@d.example'))
    expect(failed.asked).toEqual(['CERT lee+x.d.example'])
    expect(placeOf(failed.places, 'dns-address').status).toBe('failed')
  })

  test('what stands before the tag is asked for only if it is a local part', async () => {
    const { asked, places } = await search({}, address('lee.+x@d.example'))
    expect(asked.slice(0, 2)).toEqual(['CERT lee.+x.d.example', 'CERT d.example'])
    expect(placeOf(places, 'dns-address').notes).toEqual([])
    expect(address('+x@d.example').withoutTag()).toBeNull()
  })

  test('a local part that does not fit DNS is published nowhere there: absent, with a note', async () => {
    const { asked, places } = await search({ 'd.example': [ONE] }, address(`${'x'.repeat(64)}@d.example`))
    expect(asked).toEqual(['CERT d.example'])
    expect(placeOf(places, 'dns-address')).toMatchObject({ status: 'absent', questions: [] })
    expect(placeOf(places, 'dns-address').notes[0]).toContain('does not fit DNS')
  })

  test("odd but legal characters of a local part are a label's bytes, on the wire too", async () => {
    await using server = await scriptedServer({
      udp: (asked) => asked.send(answerTo(asked, { flags: CODE.NXDOMAIN })),
    })
    const resolver = createResolver({ servers: [server], timeoutMs: 5000 })
    await discoverDeciding(address("o'neil/x=1@d.example"), sources(resolver))
    expect(server.log.slice(0, 2)).toEqual([
      "udp CERT o'neil/x=1.d.example +edns",
      'udp CERT d.example +edns',
    ])
  })
})

describe('garbled and foreign records (DISC-4)', () => {
  const good = certRdata(ONE)
  const garbled = certRdata(Buffer.from('garbage'))
  const pgp = certRdata(Buffer.from('pgp'), 3)
  const url = certRdata(Buffer.from('http://d.example/lee.cer'), 4)

  test('a garbled record beside a good one is skipped with a note', async () => {
    const { places } = await search({ 'lee.d.example': { rdata: [garbled, good, pgp] } })
    const place = placeOf(places, 'dns-address')
    expect(place).toMatchObject({ status: 'found', certificates: [ONE] })
    expect(place.notes).toHaveLength(2)
  })

  test('a place whose PKIX records are all garbled has published, nothing usable: the search stops', async () => {
    const { asked, places } = await search({ 'lee.d.example': { rdata: [garbled, pgp] }, 'd.example': [ONE] })
    expect(asked).toEqual(['CERT lee.d.example'])
    expect(placeOf(places, 'dns-address')).toMatchObject({ status: 'found', certificates: [] })
  })

  test.each([0, 1])(
    'of %i bytes: what has no type may have been a certificate, and is no absence',
    async (bytes) => {
      const { asked, places } = await search({
        'lee.d.example': { rdata: [Buffer.alloc(bytes), pgp] },
        'd.example': [ONE],
      })
      expect(asked).toEqual(['CERT lee.d.example'])
      expect(placeOf(places, 'dns-address')).toMatchObject({ status: 'found', certificates: [] })
    },
  )

  test('PGP and URL records alone publish nothing: the search goes on', async () => {
    const { asked, places } = await search({ 'lee.d.example': { rdata: [pgp, url] }, 'd.example': [ONE] })
    expect(asked).toHaveLength(2)
    expect(placeOf(places, 'dns-address')).toMatchObject({ status: 'absent', certificates: [] })
    expect(placeOf(places, 'dns-address').notes.join()).toContain('URL is not followed')
    expect(placeOf(places, 'dns-domain').status).toBe('found')
  })

  test('the same certificate twice is one candidate', async () => {
    const { places } = await search({ 'lee.d.example': { rdata: [good, certRdata(ONE), certRdata(TWO)] } })
    expect(placeOf(places, 'dns-address').certificates).toEqual([ONE, TWO])
  })
})

describe('the cert server (DISC-9)', () => {
  const server = '127.0.0.1:10054'
  const withServer = (zone: Readonly<Record<string, Literal>>) => {
    const resolver = literalZone(zone)
    const domains: string[] = []
    const certServer = (domain: string) => {
      domains.push(domain)
      return { kind: 'dns' as const, server, resolver }
    }
    return { resolver, certServer, domains }
  }

  test('it is asked last, at the address and then at the domain', async () => {
    const { resolver, certServer, domains } = withServer({ 'd.example': [ONE] })
    const { places } = await search({}, LEE, { certServer })
    expect(domains).toEqual(['d.example'])
    expect(resolver.asked).toEqual(['CERT lee.d.example', 'CERT d.example'])
    expect(placeOf(places, 'cert-server')).toMatchObject({
      owner: server,
      status: 'found',
      certificates: [ONE],
    })
  })

  test('what it does not know at the address, it is not asked at the domain', async () => {
    const { resolver, certServer } = withServer({ 'lee.d.example': 'SERVFAIL', 'd.example': [ONE] })
    const { places } = await search({}, LEE, { certServer })
    expect(resolver.asked).toEqual(['CERT lee.d.example'])
    expect(placeOf(places, 'cert-server').status).toBe('failed')
  })

  test('it is not asked when DNS is not known', async () => {
    const { resolver, certServer } = withServer({ 'd.example': [ONE] })
    await search({ 'lee.d.example': 'SERVFAIL' }, LEE, { certServer })
    expect(resolver.asked).toEqual([])
  })
})

test('without a network only `configured` is asked', async () => {
  const neverAsked = () => {
    throw new Error('asked')
  }
  const places = await discoverDeciding(LEE, sources(null, { certServer: neverAsked }))
  expect(places.map((place) => `${place.place} ${place.status}`)).toEqual([
    'configured absent',
    'dns-address not-asked',
    'dns-domain not-asked',
    'ldap-address not-asked',
    'ldap-domain not-asked',
    'cert-server not-asked',
  ])
  for (const place of places.slice(1)) expect(place.notes).toEqual(['the network is forbidden'])
})
