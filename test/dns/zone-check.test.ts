import { X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Answer, LdapAnswer, Reach, Resolver } from '../../dns/index.ts'
import {
  type CheckNetwork,
  checkZone,
  publishedRecords,
  type ZoneEntry,
  zoneOf,
} from '../../dns/zone/index.ts'
import { mint } from '../../fixtures/pki.ts'
import { certRdata } from './scripted-server.ts'

const NOW = new Date('2026-11-22T12:00:00Z')
const DIRECTORIES = [{ host: 'ldap.clinic.example', port: 389 }]
const ours = mint({ san: ['clinic.example'] }).certificate
const old = mint({ san: ['clinic.example'], from: '2020-01-01', to: '2026-01-01' }).certificate

type Data = readonly unknown[] | 'SERVFAIL' | 'absent'

/** A server by what it has: `CERT clinic.example` -> data of its records. It keeps the questions that came. */
function server(has: Readonly<Record<string, Data>>): Resolver & { readonly asked: readonly string[] } {
  const asked: string[] = []
  return {
    asked,
    async resolve(name, type): Promise<Answer> {
      asked.push(`${type} ${name}`)
      const data = has[`${type} ${name}`] ?? 'absent'
      if (data === 'SERVFAIL')
        return {
          status: 'failed',
          tries: [{ server: 'it', code: 'SERVFAIL', text: 'answered SERVFAIL (UDP)' }],
        }
      if (data === 'absent') return { status: 'absent', kind: 'NODATA', ttl: 300, soaTtl: 900, server: 'it' }
      return {
        status: 'found',
        ttl: 600,
        server: 'it',
        records: data.map((one) => ({ name, type, ttl: 600, data: one })),
      }
    },
  }
}

const CERT = { 'CERT clinic.example': [certRdata(Buffer.from(ours.der))] }
const NS = { 'NS clinic.example': ['NS1.Clinic.Example.', 'ns2.clinic.example'] }

/** By the date alone; of what is too short for a certificate nothing is known. */
function harmless(_domain: string, der: Uint8Array): boolean {
  return der.length > 100 && new X509Certificate(der).validToDate < NOW
}

interface World {
  readonly resolvers: readonly Resolver[]
  /** By host. */
  readonly nameServers?: Readonly<Record<string, Resolver>>
  readonly refused?: readonly string[]
  readonly directory?: (mail: string) => LdapAnswer
}

function network({ resolvers, nameServers = {}, refused = [], directory }: World): CheckNetwork {
  const reach: Reach = async (host) =>
    refused.includes(host)
      ? { status: 'refused', text: `${host} is at 10.0.0.1, which the internet cannot reach` }
      : { status: 'ok', addresses: [host] }
  return {
    resolvers: resolvers.map((resolver, i) => ({ server: `resolver-${i + 1}`, resolver })),
    resolver: resolvers[0] as Resolver,
    reach,
    reachNameServer: reach,
    askNameServer: ([host = '']) => nameServers[host] ?? server({ 'CERT clinic.example': 'SERVFAIL' }),
    ldap: {
      search: async (_, { mail }) =>
        directory?.(mail) ?? { status: 'failed', text: 'it is away', questions: [] },
    },
    directories: directory === undefined ? [] : DIRECTORIES,
    reachDirectory: async (host) => ({ status: 'ok', addresses: [host] }),
  }
}

function check(
  world: World,
  {
    entries = [{ name: 'clinic.example', der: ours.der }],
    former = [],
    addresses = [],
  }: { entries?: readonly ZoneEntry[]; former?: readonly ZoneEntry[]; addresses?: readonly string[] } = {},
) {
  const directories = world.directory === undefined ? [] : DIRECTORIES
  const records = publishedRecords(zoneOf(entries, { directories }), entries)
  const content = { records, entries, former, addresses, inDirectories: directories.length > 0 }
  return checkZone(content, network(world), harmless, { at: NOW, now: NOW })
}

describe('who is asked (H1, H2)', () => {
  test("the domain's name servers and each resolver, each once for each record", async () => {
    const [ns1, ns2, second] = [server(CERT), server(CERT), server(CERT)]
    const first = server({ ...CERT, ...NS })
    const { records, notes } = await check({
      resolvers: [first, second],
      nameServers: { 'ns1.clinic.example': ns1, 'ns2.clinic.example': ns2 },
    })
    expect(records).toMatchObject([
      { name: 'clinic.example', type: 'CERT', sha256: ours.sha256, status: 'visible' },
    ])
    expect(records[0]?.servers.map(({ server, role, answer }) => `${role} ${server} ${answer}`)).toEqual([
      'name-server ns1.clinic.example yes',
      'name-server ns2.clinic.example yes',
      'resolver resolver-1 yes',
      'resolver resolver-2 yes',
    ])
    expect(notes).toEqual([])
    expect([ns1.asked, ns2.asked, second.asked]).toEqual(
      Array(3).fill(['CERT clinic.example', 'CERT *.clinic.example']),
    )
  })

  test('the name servers are those of the zone that the name lies in, found by walking up', async () => {
    const ns = server({ 'CERT a.b.clinic.example': [certRdata(Buffer.from(ours.der))] })
    const resolver = server({ 'NS clinic.example': ['ns1.clinic.example'] })
    const { records } = await check(
      { resolvers: [resolver], nameServers: { 'ns1.clinic.example': ns } },
      { entries: [{ name: 'a.b@clinic.example', der: ours.der }] },
    )
    expect(resolver.asked.filter((one) => one.startsWith('NS'))).toEqual([
      'NS a.b.clinic.example',
      'NS b.clinic.example',
      'NS clinic.example',
    ])
    expect(records[0]).toMatchObject({ status: 'not-yet', until: new Date('2026-11-22T12:15:00Z') })
  })

  test('the way up is asked once, however many addresses there are', async () => {
    const resolver = server(NS)
    const names = ['a@clinic.example', 'b@clinic.example', 'c@clinic.example']
    await check({ resolvers: [resolver] }, { entries: names.map((name) => ({ name, der: ours.der })) })
    expect(resolver.asked.filter((one) => one === 'NS clinic.example')).toHaveLength(1)
  })

  test('a name server where NET forbids to go is a note, and the resolvers decide (NET)', async () => {
    const ns1 = server(CERT)
    const { records, notes } = await check({
      resolvers: [server({ ...CERT, 'NS clinic.example': ['ns1.clinic.example'] })],
      nameServers: { 'ns1.clinic.example': ns1 },
      refused: ['ns1.clinic.example'],
    })
    expect(records).toMatchObject([{ status: 'visible' }])
    expect(notes).toEqual([
      expect.stringMatching(
        /^the name server ns1\.clinic\.example .* was not asked: .*10\.0\.0\.1.*; resolvers alone were asked$/,
      ),
    ])
    expect(ns1.asked).toEqual([])
  })

  test('a name server that is silent is asked once, not for each record', async () => {
    const asked: string[] = []
    const silent: Resolver = {
      async resolve(name) {
        asked.push(name)
        return {
          status: 'failed',
          tries: [{ server: 'it', code: 'TIMEOUT', text: 'no answer within 2000 ms' }],
        }
      },
    }
    const names = ['a@clinic.example', 'b@clinic.example', 'c@clinic.example']
    const resolver = server({ 'NS clinic.example': ['ns1.clinic.example'] })
    const { records } = await check(
      { resolvers: [resolver], nameServers: { 'ns1.clinic.example': silent } },
      { entries: names.map((name) => ({ name, der: ours.der })) },
    )
    expect(records.map(({ servers }) => servers[0]?.answer)).toEqual(['failed', 'failed', 'failed'])
    expect(asked).toHaveLength(1)
  })

  test('name servers that answer SERVFAIL are notes, not an answer', async () => {
    const { records, notes } = await check({ resolvers: [server({ ...CERT, ...NS })] })
    expect(records).toMatchObject([{ status: 'visible' }])
    expect(notes).toHaveLength(2)
  })

  test('a server that fails at each of many names is one note', async () => {
    const names = ['a@clinic.example', 'b@clinic.example', 'c@clinic.example']
    const resolver = server({
      ...NS,
      ...Object.fromEntries(names.map((name) => [`CERT ${name.replace('@', '.')}`, 'SERVFAIL'] as const)),
    })
    const { notes } = await check(
      {
        resolvers: [resolver],
        nameServers: { 'ns1.clinic.example': resolver, 'ns2.clinic.example': resolver },
      },
      { entries: names.map((name) => ({ name, der: ours.der })) },
    )
    expect(notes).toHaveLength(3)
    expect(notes).toContain(
      'the resolver resolver-1 gave no usable answer to 3 questions, the first time: it: answered SERVFAIL (UDP)',
    )
  })

  test('name servers of its own invention at each name are notes within bounds', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `a${i}@clinic.example`)
    const invented = Object.fromEntries(
      names.map((name, i) => [
        `NS ${name.replace('@', '.')}`,
        Array.from({ length: 13 }, (_, k) => `ns${k}.z${i}.example`),
      ]),
    )
    const { notes } = await check(
      { resolvers: [server(invented)], refused: Object.values(invented).flat() },
      { entries: names.map((name) => ({ name, der: ours.der })) },
    )
    expect(notes).toHaveLength(101)
    expect(notes.at(-1)).toBe('160 more notes like these are left out')
  })

  test('name servers that are not known now are a note', async () => {
    const { records, notes } = await check({
      resolvers: [server({ ...CERT, 'NS clinic.example': 'SERVFAIL' })],
    })
    expect(records).toMatchObject([{ status: 'visible' }])
    expect(notes).toEqual([expect.stringContaining('the name servers of clinic.example are not known now')])
  })
})

describe('what is left from before', () => {
  const both = [ours, old].map(({ der }) => certRdata(Buffer.from(der)))
  const former = [{ name: 'clinic.example', der: old.der }]

  test('an old certificate of ours beside the new one is a note, and nothing wrong', async () => {
    const { records, notes } = await check(
      { resolvers: [server({ 'CERT clinic.example': both })] },
      { former },
    )
    expect(records).toMatchObject([{ status: 'visible' }])
    expect(notes).toContainEqual(expect.stringContaining(`still has our certificate ${old.sha256}`))
  })

  test('the same beside ours is a note where it is nobody of us: it has ended, so nobody encrypts to it (DISC-10)', async () => {
    const { records, notes } = await check({ resolvers: [server({ 'CERT clinic.example': both })] })
    expect(records).toMatchObject([{ status: 'visible' }])
    expect(notes).toContainEqual(expect.stringContaining(`what strangers pass over, as it has ended`))
  })

  test('one of somebody else that has not ended is wrong beside ours, however many that have ended hide it', async () => {
    const foreign = mint({ san: ['clinic.example'], subject: 'Somebody' }).certificate
    const ended = Array.from(
      { length: 40 },
      (_, i) => mint({ san: [`${i}.example`], from: '2020-01-01', to: '2021-01-01' }).certificate,
    )
    const set = [ours, ...ended, foreign].map(({ der }) => certRdata(Buffer.from(der)))
    const { records, notes } = await check({ resolvers: [server({ 'CERT clinic.example': set })] })
    expect(records).toMatchObject([{ status: 'wrong', advice: expect.stringContaining(foreign.sha256) }])
    expect(records[0]?.advice).toContain('and 31 more from clinic.example')
    expect(notes).toEqual([
      expect.stringContaining('no zone that'),
      expect.stringContaining('more (at resolver-1)'),
    ])
  })

  test('a server that sends thousands is told within bounds, and what is ours among them is found', async () => {
    const srv = Array.from({ length: 3000 }, (_, i) => ({
      priority: 1,
      weight: i,
      port: 389,
      target: 'x.example',
    }))
    const ours = { priority: 0, weight: 0, port: 389, target: 'ldap.clinic.example' }
    const junk = Array.from({ length: 3000 }, (_, i) =>
      certRdata(Buffer.from([0x30, 3, 2, 1 + (i >> 8), i & 255])),
    )
    const { records } = await check(
      {
        resolvers: [
          server({
            ...CERT,
            'SRV _ldap._tcp.clinic.example': [...srv, ours],
            'CERT lee.clinic.example': srv.map((_, i) => junk[i]),
          }),
        ],
        directory: () => ({ status: 'empty', certificates: [], notes: [], questions: [] }),
      },
      { addresses: ['lee@clinic.example'] },
    )
    const [first] = records
    expect(first).toMatchObject({ type: 'SRV', target: '0 0 389 ldap.clinic.example', status: 'wrong' })
    expect(first?.advice).toMatch(/( x\.example.*){10} and 2990 more/)
    expect(records.filter(({ name }) => name === 'lee.clinic.example').length).toBeLessThanOrEqual(21)
    expect(JSON.stringify(records).length).toBeLessThan(20_000)
  })

  test('an address of ours with a leftover hides the certificate of its domain (DISC-1, D1, D5)', async () => {
    const resolver = server({ ...CERT, 'CERT dr.lee.clinic.example': [certRdata(Buffer.from(old.der))] })
    const { records } = await check(
      { resolvers: [resolver] },
      { addresses: ['Dr.Lee@clinic.example', 'x@clinic.example'] },
    )
    expect(records).toMatchObject([
      { name: 'clinic.example', status: 'visible' },
      { name: 'dr.lee.clinic.example', for: 'dr.lee@clinic.example', status: 'wrong', sha256: old.sha256 },
    ])
  })
})

describe('a wildcard below the domain answers for every address (RFC 4592)', () => {
  const wildcard = (der: Uint8Array) => ({ 'CERT *.clinic.example': [certRdata(Buffer.from(der))] })

  test('with another certificate it hides that of the domain (DISC-1, D5)', async () => {
    const { records } = await check({ resolvers: [server({ ...CERT, ...wildcard(old.der) })] })
    expect(records).toMatchObject([
      { name: 'clinic.example', status: 'visible' },
      { name: '*.clinic.example', for: '*@clinic.example', status: 'wrong', sha256: old.sha256 },
    ])
    expect(records[1]?.advice).toContain(
      'Remove it from *.clinic.example: it hides the certificate of clinic',
    )
  })

  test('with the certificate of the domain it hides nothing', async () => {
    const { records } = await check({ resolvers: [server({ ...CERT, ...wildcard(ours.der) })] })
    expect(records).toMatchObject([{ name: 'clinic.example', status: 'visible' }])
  })

  test('it is nobody’s business where the domain publishes no certificate of its own', async () => {
    const entries = [{ name: 'lee@clinic.example', der: ours.der }]
    const resolver = server({ ...wildcard(old.der) })
    await check({ resolvers: [resolver] }, { entries })
    expect(resolver.asked).not.toContain('CERT *.clinic.example')
  })
})

describe('directories (H3, H4)', () => {
  const srv = { priority: 0, weight: 0, port: 389, target: 'LDAP.clinic.example.' }
  const dns = server({ ...CERT, 'SRV _ldap._tcp.clinic.example': [srv] })
  const found = (...ders: readonly Uint8Array[]): LdapAnswer => ({
    status: ders.length === 0 ? 'empty' : 'found',
    certificates: ders,
    notes: [],
    questions: [],
  })

  test('the SRV record, and the certificate in each directory', async () => {
    const { records } = await check({ resolvers: [dns], directory: () => found(ours.der) })
    expect(records.map(({ type, name, status }) => `${type} ${name} ${status}`)).toEqual([
      'SRV _ldap._tcp.clinic.example visible',
      'CERT clinic.example visible',
      'LDAP clinic.example visible',
    ])
  })

  test.each<[string, LdapAnswer, string]>([
    ['an empty one', found(), 'missing'],
    ['one with the old certificate alone', found(old.der), 'missing'],
    ["one with somebody else's", found(mint({ san: ['other.example'] }).certificate.der), 'wrong'],
    ['one that is away', { status: 'failed', text: 'it is away', questions: [] }, 'unanswered'],
    ['one that has CMS beside it', found(ours.der, Buffer.from('3003060100', 'hex')), 'visible'],
  ])('%s: %s', async (_, answer, status) => {
    const former = [{ name: 'clinic.example', der: old.der }]
    const { records } = await check({ resolvers: [dns], directory: () => answer }, { former })
    expect(records.find(({ type }) => type === 'LDAP')).toMatchObject({ name: 'clinic.example', status })
  })

  describe('a clinic that publishes in a directory alone', () => {
    const SRV = { 'SRV _ldap._tcp.clinic.example': [srv] }
    const lee = mint({ san: ['lee@clinic.example'] }).certificate
    const foreign = mint({ san: ['kim@clinic.example'] }).certificate
    const LEE = { name: 'lee@clinic.example', der: lee.der }
    const BOTH = [{ name: 'clinic.example', der: ours.der }, LEE]
    const directory = (mail: string) => found(mail.includes('@') ? lee.der : ours.der)
    const rows = async (world: World, entries: readonly ZoneEntry[]) => {
      const { records, notes } = await check({ directory, ...world }, { entries })
      return { rows: records.map(({ type, name, status }) => `${type} ${name} ${status}`), records, notes }
    }

    test('is found there, as DNS has nothing for strangers (DISC-1, H3, H4): a note, and nothing is missing', async () => {
      const { rows: told, notes } = await rows({ resolvers: [server(SRV)] }, BOTH)
      expect(told).toEqual([
        'SRV _ldap._tcp.clinic.example visible',
        'LDAP clinic.example visible',
        'LDAP lee@clinic.example visible',
      ])
      expect(notes[0]).toMatch(/^found in the directory alone, .*: clinic\.example, lee@clinic\.example$/)
    })

    test("is not found there where the search of strangers ends at its domain's CERT record: missing, and why (DISC-1)", async () => {
      const other = { ...SRV, 'CERT clinic.example': [certRdata(Buffer.from(foreign.der))] }
      for (const dns of [{ ...SRV, ...CERT }, other]) {
        const { records, notes } = await rows({ resolvers: [server(dns)] }, [LEE])
        expect(records).toMatchObject([
          { type: 'SRV' },
          {
            type: 'CERT',
            name: 'lee.clinic.example',
            status: 'missing',
            advice: expect.stringMatching(
              /The directory has it, .*their search ends at .* at clinic\.example/,
            ),
          },
          { type: 'LDAP', status: 'visible' },
        ])
        expect(notes.join()).not.toContain('in the directory alone')
      }
    })

    test('what somebody else has at the domain is told by nothing else: it is their business', async () => {
      const other = { ...SRV, 'CERT clinic.example': [certRdata(Buffer.from(foreign.der))] }
      const published = { ...other, 'CERT lee.clinic.example': [certRdata(Buffer.from(lee.der))] }
      const { rows: told } = await rows({ resolvers: [server(published)] }, [LEE])
      expect(told).toEqual([
        'SRV _ldap._tcp.clinic.example visible',
        'CERT lee.clinic.example visible',
        'LDAP lee@clinic.example visible',
      ])
    })

    test.each<[string, World]>([
      ['no SRV record leads there', { resolvers: [server({})] }],
      ['the directory does not have it', { resolvers: [server(SRV)], directory: () => found() }],
      [
        'nobody knows what is at the domain (DISC-6)',
        { resolvers: [server({ ...SRV, 'CERT clinic.example': 'SERVFAIL' })] },
      ],
    ])('is missing where %s', async (_, world) => {
      const { rows: told } = await rows(world, [LEE])
      expect(told).toContain('CERT lee.clinic.example missing')
    })
  })

  test('another target is wrong', async () => {
    const other = server({
      ...CERT,
      'SRV _ldap._tcp.clinic.example': [srv, { ...srv, target: 'old.example' }],
    })
    const { records } = await check({ resolvers: [other], directory: () => found(ours.der) })
    expect(records[0]).toMatchObject({ type: 'SRV', status: 'wrong', target: '0 0 389 ldap.clinic.example' })
  })
})
