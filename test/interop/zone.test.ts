import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Agent, createAgent, serveCertificates } from '../../agent/index.ts'
import type { HostPort } from '../../dns/index.ts'
import { createLdapClient } from '../../dns/ldap/index.ts'
import { createResolver } from '../../dns/resolver/index.ts'
import { checkZone, linesText, publishedRecords, zoneOf } from '../../dns/zone/index.ts'
import { mint } from '../../fixtures/pki.ts'
import { issuer, pki } from '../flow/clinics.ts'
import { ensurePackages } from '../services/apt.ts'
import { type Bind, startBind } from '../services/bind.ts'
import { startSlapd } from '../services/slapd.ts'
import { mayTakePort53, ownHost } from './hosts.ts'

const run = promisify(execFile)

/** Every character that a dot-atom may hold. */
const ODD = "o'h$a*b+c=d?e{f|g}h~i!j#k%l&m/n^p_q`r-s"
const NAMES = ['clinic-a.example', 'dr.lee@clinic-a.example', `${ODD}@clinic-a.example`]

const OURS = ownHost(55)
/** Name servers answer at port 53, which is not everyone's to take. */
const MAY_TAKE_PORT_53 = await mayTakePort53(OURS)

let dir: string
let checkzone: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'direct-zone-'))
  checkzone = (await ensurePackages({ 'named-checkzone': 'bind9-utils' }))['named-checkzone']
})

afterAll(() => rm(dir, { recursive: true, force: true }))

/** A clinic with a certificate for its domain and for two addresses; nothing of it needs a store. */
async function configuration(options: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  const identities = NAMES.map(async (name, i) => {
    const certificate = join(dir, `${i}.pem`)
    await writeFile(certificate, mint({ issuer: issuer('root-a'), san: [name], serialFrom: name }).pem)
    return { for: name, certificate, privateKey: pki('clinic-a.key') }
  })
  return {
    dataDir: join(dir, 'data'),
    identities: await Promise.all(identities),
    trust: [{ for: '*', direction: 'both', anchors: [pki('root-a.pem')] }],
    ...options,
  }
}

async function clinic(options: Record<string, unknown> = {}): Promise<Agent> {
  return createAgent(await configuration(options))
}

const AUTHORITY = [
  'clinic-a.example. 600 IN SOA ns.clinic-a.example. hostmaster.clinic-a.example. 1 7200 900 1209600 900',
  'clinic-a.example. 600 IN NS ns.clinic-a.example.',
  'ns.clinic-a.example. 600 IN A 127.0.0.1',
  'ldap.clinic-a.example. 600 IN A 127.0.0.1',
  '',
].join('\n')

const DIRECTORIES = { publish: { directories: ['ldap.clinic-a.example'] } }

describe('what zone generate writes', () => {
  test.each(['bind', 'lines'] as const)('--format %s loads when a zone includes it', async (format) => {
    await using agent = await clinic(DIRECTORIES)
    const out = join(dir, `part.${format}`)
    await agent.zone.generate({ format, out })
    const zone = join(dir, `${format}.zone`)
    await writeFile(zone, `${AUTHORITY}$INCLUDE ${out}\n`)
    const { stdout } = await run(checkzone, ['-D', '-i', 'local', 'clinic-a.example', zone])
    expect(stdout.match(/\sCERT\s/g)).toHaveLength(3)
    expect(stdout).toMatch(
      /_ldap\._tcp\.clinic-a\.example\.\s+3600 IN SRV\s+0 0 389 ldap\.clinic-a\.example\./,
    )
  })

  test('--whole-zone loads alone', async () => {
    const publish = {
      nameServers: ['ns.clinic-a.example'],
      mailServers: ['mx.clinic-a.example', 'mx.elsewhere.example'],
      addresses: { 'ns.clinic-a.example': ['127.0.0.1', '::1'], 'mx.clinic-a.example': ['127.0.0.1'] },
    }
    const { identities } = await configuration()
    const certificate = join(dir, 'below.pem')
    await writeFile(certificate, mint({ issuer: issuer('root-a'), san: ['below.clinic-a.example'] }).pem)
    const below = { for: 'below.clinic-a.example', certificate, privateKey: pki('clinic-a.key') }
    await using agent = await clinic({ publish, identities: [...(identities as object[]), below] })
    const out = join(dir, 'whole.zone')
    await agent.zone.generate({ wholeZone: true, domain: 'clinic-a.example', out })
    const { stdout, stderr } = await run(checkzone, ['-D', '-i', 'local', 'clinic-a.example', out])
    expect(stderr).toMatch(/loaded serial \d+\nOK/)
    expect(stdout).toMatch(/\sMX\s+10 mx\.clinic-a\.example\.\n.*\sMX\s+20 mx\.elsewhere\.example\./)
    expect(stdout).toMatch(/^below\.clinic-a\.example\.\s+3600 IN NS\s+ns\.clinic-a\.example\./m)
  })

  test('in a real BIND, our own discovery finds each of them (H1, H2)', async () => {
    await using agent = await clinic()
    const { text, records } = await agent.zone.generate()
    await using bind = await startBind({ zones: { 'clinic-a.example': AUTHORITY + text } })
    await using stranger = await createAgent({
      dataDir: join(dir, 'stranger'),
      trust: [{ for: '*', direction: 'both', anchors: [pki('root-a.pem')] }],
      dns: { servers: [bind.server] },
      network: { allowPrivate: true },
      revocation: 'off',
    })
    for (const { for: name, sha256 } of records) {
      const address = name.includes('@') ? name : `anyone@${name}`
      expect(await stranger.discover(address)).toMatchObject({ outcome: 'direct', chosen: sha256 })
    }
  })

  test('--format ldif loads into a real directory, and our own client finds each of them (H3, H4)', async () => {
    await using agent = await clinic()
    const { text, records } = await agent.zone.generate({ format: 'ldif' })
    await using slapd = await startSlapd({ contexts: [{ suffix: 'dc=clinic-a,dc=example', entries: text }] })
    const client = createLdapClient({ timeoutMs: 5000 })
    const server = { host: slapd.host, port: slapd.port, secure: false, addresses: [slapd.host] }
    for (const { for: mail, certificate = '' } of records) {
      const answer = await client.search(server, { mail, domain: 'clinic-a.example' })
      expect(answer).toMatchObject({ status: 'found', certificates: [Buffer.from(certificate, 'base64')] })
    }
  })
})

test('ldapadd loads the LDIF into an empty directory, as its comments say', async () => {
  await using agent = await clinic()
  const ldif = join(dir, 'certificates.ldif')
  const { records } = await agent.zone.generate({ format: 'ldif', out: ldif })
  // As a package brings it: a suffix, an administrator, and not one entry.
  const context = { suffix: 'dc=clinic-a,dc=example', entries: '', administrator: 'secret' }
  await using slapd = await startSlapd({ contexts: [context] })
  const url = `ldap://${slapd.host}:${slapd.port}/`
  const { ldapadd, ldapsearch } = await ensurePackages({ ldapadd: 'ldap-utils', ldapsearch: 'ldap-utils' })
  const administrator = ['-D', 'cn=admin,dc=clinic-a,dc=example', '-w', 'secret']
  await run(ldapadd, ['-c', '-x', '-H', url, ...administrator, '-f', ldif])
  const { stdout } = await run(ldapsearch, [
    '-x',
    '-LLL',
    '-H',
    url,
    '-b',
    'dc=clinic-a,dc=example',
    '(mail=*)',
    'mail',
  ])
  const mails = [...stdout.matchAll(/^mail: (.*)$/gm)].map(([, mail]) => mail)
  expect(mails).toEqual(records.map((record) => record.for))
})

describe('zone check against real name servers', () => {
  test('an authoritative BIND as the only resolver, its NS not to be had at port 53: visible', async () => {
    await using writer = await clinic()
    const { text } = await writer.zone.generate()
    await using bind = await startBind({ zones: { 'clinic-a.example': AUTHORITY + text } })
    await using agent = await clinic({ dns: { servers: [bind.server] } })
    const { records, notes } = await agent.zone.check()
    expect(records.map(({ status }) => status)).toEqual(['visible', 'visible', 'visible'])
    expect(notes).toContainEqual(expect.stringContaining('ns.clinic-a.example'))
  })

  test('with a real directory: the SRV record, and the certificates in it, with those in DNS or without (DISC-1, H3, H4)', async () => {
    await using writer = await clinic()
    const ldif = await writer.zone.generate({ format: 'ldif' })
    const contexts = [{ suffix: 'dc=clinic-a,dc=example', entries: ldif.text }]
    await using slapd = await startSlapd({ contexts })
    const publish = { directories: [`ldap.clinic-a.example:${slapd.port}`] }
    await using publisher = await clinic({ publish })
    const { text } = await publisher.zone.generate()
    await using bind = await startBind({ zones: { 'clinic-a.example': AUTHORITY + text } })
    await using agent = await clinic({ publish, dns: { servers: [bind.server] } })
    const { records, notes } = await agent.zone.check()
    expect(records.map(({ type, status }) => `${type} ${status}`)).toEqual([
      'SRV visible',
      ...Array(3).fill('CERT visible'),
      ...Array(3).fill('LDAP visible'),
    ])
    await using without = await startBind({
      zones: { 'clinic-a.example': AUTHORITY + text.replace(/^\S+ \d+ IN CERT [^)]*\)$/gm, '') },
    })
    await using directoryAlone = await clinic({ publish, dns: { servers: [without.server] } })
    const alone = await directoryAlone.zone.check()
    expect(alone.records.map(({ type, status }) => `${type} ${status}`)).toEqual([
      'SRV visible',
      ...Array(3).fill('LDAP visible'),
    ])
    expect(alone.notes).toContainEqual(expect.stringMatching(/^found in the directory alone, .*clinic-a/))
    // It is in a private network, where strangers do not go (NET).
    expect(notes).toContainEqual(expect.stringMatching(/strangers do not ask the directory .*127\.0\.0\.1/))
  })

  const delegated = test.skipIf(!MAY_TAKE_PORT_53)

  delegated('a domain that is delegated to certs serve: its name server is asked at port 53', async () => {
    const delegation = [
      'example. 600 IN SOA ns.example. hostmaster.example. 1 7200 900 1209600 120',
      'example. 600 IN NS ns.example.',
      'ns.example. 600 IN A 127.0.0.1',
      'clinic-a.example. 600 IN NS ns.clinic-a.example.',
      `ns.clinic-a.example. 600 IN A ${OURS}`,
      '',
    ].join('\n')
    await using parent = await startBind({
      zones: { example: delegation },
      options: 'recursion yes; allow-recursion { 127.0.0.0/8; };',
    })
    const options = {
      publish: { nameServers: ['ns.clinic-a.example'], addresses: { 'ns.clinic-a.example': [OURS] } },
      dns: { servers: [parent.server] },
    }
    await using agent = await clinic(options)
    const ending = new AbortController()
    const listen = { host: OURS, port: 53 }
    const { closed } = await serveCertificates(await configuration(options), {
      listen,
      signal: ending.signal,
    })
    try {
      const { records } = await agent.zone.check()
      expect(records).toHaveLength(3)
      for (const { status, servers } of records) {
        expect(status).toBe('visible')
        expect(servers).toMatchObject([
          { server: 'ns.clinic-a.example', role: 'name-server', answer: 'yes', ttl: 3600 },
          { server: parent.server, role: 'resolver', answer: 'yes' },
        ])
      }
    } finally {
      ending.abort()
      await closed
    }
  })

  test('a resolver that keeps what was is late: not-yet and stale, with their ends', async () => {
    const domain = 'clinic-a.example'
    const [before, now] = ['before', 'now'].map(
      (serialFrom) => mint({ san: [domain], serialFrom }).certificate,
    )
    if (before === undefined || now === undefined) throw new Error('nothing was minted')
    const ofDomain = (der: Uint8Array) => [{ name: domain, der }]
    const lines = (der: Uint8Array) => publishedRecords(zoneOf(ofDomain(der), { ttl: 1200 }), ofDomain(der))
    const zoneText = (der: Uint8Array) =>
      AUTHORITY + linesText(lines(der).filter(({ record }) => record.type === 'CERT'))

    await using first = await startBind({ zones: { [domain]: zoneText(before.der) } })
    await using cache = await startCache(domain, first)
    const resolver = createResolver({ servers: [cache], timeoutMs: 5000 })
    // It keeps the old set, and that the address has none.
    await resolver.resolve(domain, 'CERT')
    await resolver.resolve(`dr.lee.${domain}`, 'CERT')

    const entries = [
      { name: domain, der: now.der },
      { name: `dr.lee@${domain}`, der: now.der },
    ]
    const records = publishedRecords(zoneOf(entries), entries)
    const published = linesText(records.filter(({ record }) => record.type === 'CERT'))
    await using second = await startBind({ zones: { [domain]: AUTHORITY + published } })
    const clock = { at: new Date(), now: new Date() }
    const { records: checked } = await checkZone(
      { records, entries, former: ofDomain(before.der), addresses: [], inDirectories: false },
      {
        resolver,
        resolvers: [{ server: 'cache', resolver }],
        reach: async () => ({ status: 'ok', addresses: ['127.0.0.1'] }),
        reachNameServer: async () => ({ status: 'ok', addresses: ['127.0.0.1'] }),
        askNameServer: () => createResolver({ servers: [second], timeoutMs: 5000, recursive: false }),
        ldap: createLdapClient({ timeoutMs: 1000 }),
        directories: [],
        reachDirectory: async () => ({ status: 'absent', text: 'there is none' }),
      },
      () => false,
      clock,
    )
    expect(checked.map(({ name, status }) => `${name} ${status}`)).toEqual([
      `${domain} stale`,
      `dr.lee.${domain} not-yet`,
    ])
    const [stale = 0, notYet = 0] = checked.map(
      ({ until }) => ((until?.getTime() ?? 0) - clock.now.getTime()) / 1000,
    )
    // The TTL of the set, and of its SOA: what is left of them.
    expect(stale).toBeGreaterThan(900)
    expect(stale).toBeLessThanOrEqual(1200)
    expect(notYet).toBeGreaterThan(300)
    expect(notYet).toBeLessThanOrEqual(600)
  })
})

/** A real BIND that keeps what the first one said. */
function startCache(domain: string, { host, port }: HostPort): Promise<Bind> {
  return startBind({
    options: 'recursion yes; allow-recursion { 127.0.0.1; };',
    clauses: `zone "${domain}" { type forward; forward only; forwarders { ${host} port ${port}; }; };`,
  })
}
