/** A trace answers as the agent did when it was recorded, from nothing but itself: that is what a user sends to support. */
import { copyFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  type Agent,
  createRecording,
  type GuardedFetch,
  type Resolver,
  replay,
  type Trace,
} from '../../agent/index.ts'
import { type KeyName, type Minted, type MintOptions, mint, poolKey } from '../../fixtures/pki.ts'
import { makeCrl, makeOcspResponse, nonceOf } from '../../fixtures/revocation.ts'
import type { SmtpClient, TlsProof } from '../../mailbox/index.ts'
import { openStore } from '../../store/index.ts'
import { type Literal, literalZone } from '../dns/literal-zone.ts'
import { certRdata } from '../dns/scripted-server.ts'
import { pkiWeb } from '../services/pki-web.ts'
import { issuer, mintedIdentity, pki, temporaryFolder } from './clinics.ts'
import { type Asking, clinic, LEE, NOW, pemFile, published } from './trusting.ts'
import { withoutSockets } from './without-sockets.ts'

const root = issuer('root-a')
const leaf = (options: MintOptions = {}): Minted =>
  mint({ issuer: root, key: 'dr-lee', san: ['hisp.example'], ...options })
const regional = mint({ issuer: root, key: 'intermediate', ca: true, subject: 'Test Regional CA' })
const HOSTS = { 'ca.example': ['127.0.0.1'] }
const hours = (count: number) => new Date(NOW.getTime() + count * 3_600_000)
const under = (certificate: Minted): Readonly<Record<string, Literal>> => ({
  'hisp.example': [published(certificate)],
})

afterEach(() => vi.restoreAllMocks())

/** What an agent answers, and what the trace of it answers with no socket, no file and no clock. */
async function recorded(
  asking: Asking,
  {
    addresses = [LEE],
    prepare,
  }: { addresses?: readonly string[]; prepare?: (agent: Agent) => Promise<unknown> } = {},
) {
  const record = createRecording()
  const agent = await clinic('a', { ...asking, parts: { ...asking.parts, record } })
  await prepare?.(agent)
  const recipients = await agent.classify(addresses)
  const discovery = await agent.discover(addresses[0] as string)
  await agent[Symbol.asyncDispose]()
  const [classified, discovered] = record.traces.map((trace) => JSON.stringify(trace))
  const again = await withoutSockets(async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2031-01-01') })
    const [one, other] = await Promise.all([read(classified), read(discovered)].map(replay))
    const answers = { recipients: await one?.classify(), discovery: await other?.discover() }
    vi.useRealTimers()
    return answers
  })
  expect(JSON.stringify(again.recipients)).toBe(JSON.stringify(recipients))
  expect(JSON.stringify(again.discovery)).toBe(JSON.stringify(discovery))
  return { recipients, recipient: recipients[0], trace: read(classified), file: classified ?? '' }
}

function read(text: string | undefined): Trace {
  if (text === undefined) throw new Error('there is no trace')
  return JSON.parse(text) as Trace
}

const seams = ({ exchanges }: Trace) => exchanges.map(({ seam }) => seam)

function tls(proof: TlsProof): SmtpClient {
  return {
    async submit() {
      throw new Error('nothing was to be sent')
    },
    proveTls: async () => proof,
  }
}

const TLS = { tlsDomains: [{ domain: 'hisp.example', server: 'smtp://mx.hisp.example:25' }] }

describe('a question is answered from its trace as it was answered then', () => {
  test('found in DNS', async () => {
    const { recipient, trace } = await recorded({ zone: under(leaf()) })
    expect(recipient?.route).toBe('direct')
    expect(seams(trace)).toEqual(['dns', 'dns'])
  })

  test('found in a directory, by the draw of the first time (DISC-7)', async () => {
    const zone: Record<string, Literal> = {
      '_ldap._tcp.hisp.example': {
        srv: [1, 2, 3, 4].map((n) => ({ target: `ldap${n}.hisp.example`, weight: 10 })),
      },
    }
    const hosts = Object.fromEntries([1, 2, 3, 4].map((n) => [`ldap${n}.hisp.example`, [`127.0.0.${n}`]]))
    const values = [leaf().certificate.der]
    const ldap = {
      async search({ host }: { host: string }) {
        const isFull = host === 'ldap3.hisp.example'
        return {
          status: isFull ? ('found' as const) : ('empty' as const),
          certificates: isFull ? values : [],
          notes: [],
          questions: [],
        }
      },
    }
    const { recipient, trace } = await recorded({ zone, hosts, parts: { ldap } })
    expect(recipient).toMatchObject({ route: 'direct', certificates: [{ foundIn: 'ldap-address' }] })
    expect(recipient?.evidence[3]?.questions).toContainEqual({
      name: 'ldap3.hisp.example',
      type: 'A',
      answer: '127.0.0.3 from 192.0.2.1:53',
    })
    expect(seams(trace)).toContain('ldap')
  })

  test('a target that NET forbids to contact: refused then, refused now', async () => {
    const zone: Record<string, Literal> = {
      '_ldap._tcp.hisp.example': { srv: [{ target: 'ldap.hisp.example' }] },
    }
    const { recipient, trace } = await recorded({
      zone,
      hosts: { 'ldap.hisp.example': ['10.0.0.5'] },
      config: { network: {} },
    })
    expect(recipient).toMatchObject({ route: 'insecure', why: [{ code: 'URL_REFUSED' }] })
    expect(trace.decided.allowPrivate).toBe(false)
  })

  test('found at a cert server of the configuration, or with certdns (DISC-9)', async () => {
    const zone: Record<string, Literal> = { 'certdns.hisp.example': { a: ['127.0.0.9'] } }
    const { recipient, trace } = await recorded({ zone, config: { dns: { timeoutMs: 200 } } })
    expect(trace.exchanges.map(({ question }) => ('via' in question ? question.via : ''))).toContain(
      'certdns.hisp.example 127.0.0.9',
    )
    const { questions } = recipient?.evidence.at(-1) ?? {}
    expect(questions).toContainEqual({
      name: 'certdns.hisp.example',
      type: 'A',
      answer: '127.0.0.9 from 192.0.2.1:53',
    })
    expect(questions).toContainEqual({
      name: 'certdns.hisp.example',
      type: 'AAAA',
      answer: 'NODATA from 192.0.2.1:53',
    })
    const configured = await recorded({
      config: { certServers: { 'hisp.example': 'dns://127.0.0.1:9' }, dns: { timeoutMs: 200 } },
    })
    expect(configured.recipient?.route).toBe('undetermined')
    expect(configured.trace.decided.certServers).toEqual([
      { kind: 'dns', domain: 'hisp.example', server: '127.0.0.1:9' },
    ])
  })

  test('behind the URL of an IPKIX record (DISC-3)', async () => {
    await using web = await pkiWeb({ '/lee.cer': leaf().certificate.der })
    const rdata = [certRdata(Buffer.from(web.urlAt('ca.example', '/lee.cer')), 4)]
    const { recipient, trace } = await recorded({
      zone: { 'hisp.example': { rdata } },
      hosts: HOSTS,
      config: { dns: { followUrls: true } },
    })
    expect(recipient?.route).toBe('direct')
    expect(seams(trace)).toContain('ipkix')
  })

  test('behind a URL that gives something else (DISC-4)', async () => {
    await using web = await pkiWeb({ '/lee.cer': Buffer.from('<html>gone</html>') })
    const rdata = [certRdata(Buffer.from(web.urlAt('ca.example', '/lee.cer')), 4)]
    const { recipient } = await recorded({
      zone: { 'hisp.example': { rdata } },
      hosts: HOSTS,
      config: { dns: { followUrls: true } },
    })
    expect(recipient).toMatchObject({ route: 'insecure', why: [{ code: 'CERT_MALFORMED' }] })
  })

  test('not known, since a name server fails (DISC-6)', async () => {
    const { recipient } = await recorded({ zone: { 'dr.lee.hisp.example': 'SERVFAIL' } })
    expect(recipient).toMatchObject({ route: 'undetermined', why: [{ code: 'LOOKUP_FAILED' }] })
  })

  test('nothing anywhere, and what is no address', async () => {
    const { recipients } = await recorded({}, { addresses: [LEE, 'not an address', LEE] })
    expect(recipients.map(({ route }) => route)).toEqual(['insecure', 'insecure', 'insecure'])
  })

  test('revoked by a CRL of 10 MiB (CERT-7)', async () => {
    await using web = await pkiWeb()
    const one = leaf({ crlUrls: [web.urlAt('ca.example', '/a.crl')] })
    const large = { oid: '1.3.6.1.4.1.99999.1', critical: false, value: Buffer.alloc((10 << 20) - 2000) }
    const crl = makeCrl({ issuer: root, revoked: [{ certificate: one }], extensions: [large] })
    web.paths.set('/a.crl', crl.der)
    const { recipient, trace } = await recorded({ zone: under(one), hosts: HOSTS })
    expect(recipient).toMatchObject({ route: 'insecure', why: [{ code: 'CERT_REVOKED' }] })
    expect(seams(trace)).toEqual(['dns', 'dns', 'kept', 'fetch', 'keep'])
  })

  test('good by OCSP: the nonce of the trace is checked again, and no other would do', async () => {
    await using web = await pkiWeb()
    const one = leaf({ ocspUrls: [web.urlAt('ca.example', '/ocsp')] })
    const nonces = new Set<string>()
    web.paths.set('/ocsp', ({ body }) => {
      const nonce = nonceOf(body)
      nonces.add(Buffer.from(nonce ?? []).toString('base64'))
      return makeOcspResponse({
        ...{ issuer: root, for: one, thisUpdate: hours(-1), nextUpdate: hours(1) },
        ...(nonce && { nonce }),
      })
    })
    const { recipient, trace, file } = await recorded({ zone: under(one), hosts: HOSTS })
    expect(recipient).toMatchObject({ route: 'direct', evidence: expect.anything() })
    expect([...nonces]).toContain(trace.random.nonce)
    const other = { ...read(file), random: { ...trace.random, nonce: Buffer.alloc(32).toString('base64') } }
    await expect((await replay(other)).classify()).rejects.toMatchObject({
      code: 'TRACE_INVALID',
      message: expect.stringContaining('fetch'),
    })
  })

  test('by an intermediate from its AIA URL (CERT-8)', async () => {
    await using web = await pkiWeb({ '/ca': regional.certificate.der })
    const one = leaf({ issuer: regional, caIssuersUrls: [web.urlAt('ca.example', '/ca')] })
    const { recipient } = await recorded({ zone: under(one), hosts: HOSTS })
    expect(recipient?.route).toBe('direct')
  })

  test('by a CRL of an earlier fetch, its host away (CERT-7)', async () => {
    await using web = await pkiWeb({ '/a.crl': makeCrl({ issuer: root, thisUpdate: hours(-1) }).der })
    const one = leaf({ crlUrls: [web.urlAt('ca.example', '/a.crl')] })
    await using store = await openStore({ file: ':memory:', now: () => NOW })
    const asking = { zone: under(one), hosts: HOSTS, parts: { store } }
    expect((await recorded(asking)).recipient?.route).toBe('direct')
    await web.stop()
    const { recipient, trace } = await recorded(asking)
    expect(recipient?.route).toBe('direct')
    expect(seams(trace)).not.toContain('fetch')
  })

  test('by a pin, with the id of who pinned it (TR-5)', async () => {
    const stranger = mint({ key: 'dr-lee', san: ['hisp.example'] })
    const path = await pemFile(stranger)
    const { recipient, trace } = await recorded(
      {},
      {
        prepare: (agent) =>
          agent.pins.add({ path, address: LEE, actor: 'kim', why: 'read out by phone', until: hours(1000) }),
      },
    )
    expect(recipient?.route).toBe('direct')
    expect(trace.decided.pins).toMatchObject([{ address: LEE, actor: 'kim' }])
  })

  test('by a configured certificate, of whose file the name alone is told', async () => {
    const path = await pemFile(leaf({ issuer: regional }), leaf({ san: ['partner.example'] }), regional)
    const { recipient, file, trace } = await recorded({ config: { certificates: [path] } })
    expect(recipient).toMatchObject({ route: 'direct', certificates: [{ foundIn: 'configured' }] })
    expect(trace.decided.configured).toMatchObject([{ origin: 'certificates.pem' }])
    expect(trace.decided.intermediates).toHaveLength(1)
    expect(file).not.toContain(path)
  })

  test.each<[string, TlsProof]>([
    ['tls', { proved: true, protocol: 'TLSv1.3', subject: 'mx.hisp.example', validTo: hours(9) }],
    ['undetermined', { proved: false, temporary: true, text: 'it does not answer' }],
    ['insecure', { proved: false, temporary: false, text: 'it has no TLS' }],
  ])('route %s, by what the server proved', async (route, proof) => {
    const { recipients } = await recorded(
      { config: TLS, parts: { smtp: tls(proof) } },
      { addresses: [LEE, 'kim@hisp.example'] },
    )
    expect(recipients.map((one) => one.route)).toEqual([route, route])
  })

  test('by a policy, a legacy switch and revocation off', async () => {
    const issuers = [await pemFile(regional)]
    const { recipient } = await recorded({
      zone: under(leaf()),
      config: {
        certificatePolicy: { encrypt: { issuers, keyUsage: ['keyEncipherment'], minRsaBits: 2048 } },
        legacy: { sha1From: ['hisp.example'], subjectEmail: true },
        revocation: 'off',
      },
    })
    expect(recipient?.route).toBe('insecure')
  })

  test('without a network, and while a bundle is missing', async () => {
    expect((await recorded({ parts: { network: false } })).recipient?.route).toBe('undetermined')
    const bundles = [{ url: 'http://127.0.0.1:9/b.p7b' }]
    const { recipient } = await recorded({
      zone: under(leaf({ issuer: mint({ ca: true, key: 'root-b' }) })),
      config: { trust: [{ for: '*', direction: 'both', bundles }], network: { allowPrivate: true } },
    })
    expect(recipient).toMatchObject({ route: 'undetermined' })
  })
})

describe('what came at which moment', () => {
  const HASTE = 100
  /** Times 0 to 20 ms, by the question. */
  const late = (question: string) =>
    new Promise((resolve) => setTimeout(resolve, (question.length * 7919) % 20))

  test('hosts that hang are given up again without waiting for them', async () => {
    const timeout = AbortSignal.timeout.bind(AbortSignal)
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => timeout(Math.ceil(ms / HASTE)))
    const fetch: GuardedFetch = ({ signal }) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    const one = leaf({ crlUrls: ['http://a.example/a', 'http://b.example/b'] })
    const { recipient, trace } = await recorded({ zone: under(one), parts: { fetch } })
    expect(recipient).toMatchObject({ route: 'undetermined', why: [{ code: 'REVOCATION_UNKNOWN' }] })
    expect(trace.exchanges.filter((exchange) => !('answer' in exchange)).length).toBeGreaterThan(0)
    expect(seams(trace)).toContain('patience')
  })

  test('a search whose time is over is over at the same moment again (DISC-6)', async () => {
    const timeout = AbortSignal.timeout.bind(AbortSignal)
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => timeout(Math.ceil(ms / HASTE)))
    const literal = literalZone({
      ...under(leaf()),
      '_ldap._tcp.slow.example': { srv: [{ target: 'ldap.slow.example' }] },
    })
    const resolver: Resolver = {
      resolve: (name, type, options) =>
        name === 'ldap.slow.example' && type === 'A'
          ? new Promise(() => undefined)
          : literal.resolve(name, type, options),
    }
    const { recipients, trace } = await recorded(
      { parts: { resolver } },
      { addresses: ['kim@slow.example', LEE, 'lee@slow.example'] },
    )
    expect(recipients.map(({ route }) => route)).toEqual(['undetermined', 'direct', 'undetermined'])
    expect(recipients[0]?.why).toMatchObject([
      { code: 'LOOKUP_FAILED', text: expect.stringContaining('no answer within the 60 s') },
    ])
    expect(seams(trace).filter((seam) => seam === 'patience')).toHaveLength(2)
  })

  test('many addresses side by side, by a clock that goes on', async () => {
    const crl = makeCrl({ issuer: root, thisUpdate: '2026-01-01', nextUpdate: '2056-01-01' }).der
    const names = Array.from({ length: 40 }, (_, n) => `d${n}.example`)
    const zone = Object.fromEntries(
      names.map((name, n) => [
        name,
        n % 3 === 0
          ? ('NXDOMAIN' as const)
          : [
              published(
                leaf({ san: [name], crlUrls: [`http://ca.example/${n % 5}`, 'http://ca.example/all'] }),
              ),
            ],
      ]),
    )
    const literal = literalZone(zone)
    const { recipients } = await recorded(
      {
        parts: {
          now: () => new Date(),
          resolver: {
            async resolve(name, type) {
              await late(name)
              return literal.resolve(name, type)
            },
          },
          async fetch({ url }) {
            await late(url)
            return url.endsWith('/2')
              ? { status: 'failed', why: 'away', text: 'away' }
              : { status: 'ok', body: crl }
          },
        },
      },
      { addresses: names.map((name, n) => `dr${'x'.repeat(n % 7)}@${name}`) },
    )
    expect(new Set(recipients.map(({ route }) => route))).toEqual(new Set(['direct', 'insecure']))
    expect(new Set(recipients.map(({ validUntil }) => validUntil.getTime())).size).toBeGreaterThan(5)
  })
})

test('more addresses than a trace holds are not asked about', async () => {
  const agent = await clinic('a', { parts: { record: createRecording() } })
  await expect(agent.classify(Array(100_001).fill('x'))).rejects.toMatchObject({ code: 'USAGE' })
})

describe('a replay answers what was recorded, and guesses nothing', () => {
  const two = ['dr.lee@hisp.example', 'x@other.example']

  test('one of several addresses, in any spelling; by either command', async () => {
    const { trace, recipients } = await recorded({ zone: under(leaf()) }, { addresses: two })
    const again = await replay(trace)
    expect(await again.classify(['X@OTHER.example'])).toEqual([recipients[1]])
    expect(await again.discover(two[0])).toMatchObject({ outcome: 'direct' })
    await expect(again.discover()).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining(two[1] as string),
    })
  })

  test('another address, sender or time is an error that says what the trace holds', async () => {
    const { trace } = await recorded({ zone: under(leaf()) })
    const again = await replay(trace)
    const usage = (hint: string) => ({ code: 'USAGE', hint: expect.stringContaining(hint) })
    await expect(again.classify(['x@other.example'])).rejects.toMatchObject(usage(LEE))
    await expect(again.classify([], { from: 'kim@clinic-a.example' })).rejects.toMatchObject(usage('without'))
    await expect(again.classify([], { at: hours(1) })).rejects.toMatchObject(usage(NOW.toISOString()))
    expect(await again.classify([], { at: NOW })).toEqual([])
  })

  test.each(['dns', 'kept', 'fetch', 'keep'] as const)(
    'a trace that lacks %s names the question',
    async (seam) => {
      await using web = await pkiWeb({ '/a.crl': makeCrl({ issuer: root }).der })
      const one = leaf({ crlUrls: [web.urlAt('ca.example', '/a.crl')] })
      const { trace } = await recorded({ zone: under(one), hosts: HOSTS })
      const lacking = { ...trace, exchanges: trace.exchanges.filter((exchange) => exchange.seam !== seam) }
      await expect((await replay(lacking)).classify()).rejects.toMatchObject({
        code: 'TRACE_INVALID',
        message: expect.stringContaining(`${seam} {`),
      })
    },
  )

  test('the answer is that of the recording agent without a recording', async () => {
    const asking = { zone: under(leaf()) }
    const { recipients } = await recorded(asking)
    expect(recipients).toEqual(await (await clinic('a', asking)).classify([LEE]))
  })
})

/** The numbers that make a private key private, in base64 at each of its three phases. */
function secretsOf(name: KeyName): readonly string[] {
  const { d, p, q } = poolKey(name).export({ format: 'jwk' })
  return [d, p, q].flatMap((number) => {
    const bytes = Buffer.from(number as string, 'base64url').subarray(0, 48)
    return [0, 1, 2].map((phase) => bytes.subarray(phase, phase + 45).toString('base64'))
  })
}

test('no key, password, login, other partner or path of the configuration stands in a trace', async () => {
  const dir = await temporaryFolder()
  await copyFile(pki('root-a.pem'), join(dir, 'root-a.pem'))
  const identity = await mintedIdentity('hisp.example', { key: 'clinic-a' })
  const bundles = [{ url: 'http://127.0.0.1:9/b.p7b?member=canary' }]
  const { file } = await recorded({
    zone: under(leaf()),
    config: {
      identities: [{ ...identity, passwordEnv: 'CANARY' }],
      trust: [{ for: '*', direction: 'both', anchors: [pki('root-a.pem')], bundles }],
      tlsDomains: [
        { domain: 'hisp.example', server: 'smtp://mx.hisp.example:25', ca: join(dir, 'root-a.pem') },
        { domain: 'canary.example', server: 'smtp://mx.canary.example:25' },
      ],
      smtp: { url: 'smtp://canary-user@127.0.0.1:10025', passwordEnv: 'CANARY' },
      mailboxes: [
        { imap: 'imap://canary-user:canary-password@127.0.0.1:10143/INBOX', addresses: ['hisp.example'] },
      ],
      certServers: { 'canary.example': 'dns://127.0.0.1:9' },
      legacy: { sha1From: ['canary.example'] },
      certificates: [await pemFile(leaf({ san: ['canary.example'] }))],
    },
    parts: { env: { CANARY: 'canary-secret' } },
  })
  expect(file).toContain('http://127.0.0.1:9/b.p7b?… ')
  expect(file).not.toMatch(/canary|private key|passw/i)
  for (const phase of [0, 1, 2])
    expect(file).not.toContain(
      Buffer.from('canary.example')
        .subarray(phase, phase + 9)
        .toString('base64'),
    )
  for (const path of [dir, identity.certificate, identity.privateKey, process.cwd(), tmpdir()])
    expect(file).not.toContain(path)
  for (const secret of [...secretsOf('clinic-a'), ...secretsOf('dr-lee')]) expect(file).not.toContain(secret)
})
