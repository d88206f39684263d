import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Resolver } from '../../dns/index.ts'
import { createResolver, encodeCertRecord } from '../../dns/resolver/index.ts'
import { type Serving, serveZone } from '../../dns/serve/index.ts'
import { type Zone, type ZoneEntry, zoneOf } from '../../dns/zone/index.ts'
import { makeCertificate } from '../dns/certificates.ts'
import { ensurePackages } from '../services/apt.ts'
import { startBind, wholeZone } from '../services/bind.ts'
import { mayTakePort53, ownHost } from './hosts.ts'

const OURS = ownHost(53)
/** Delegations lead to port 53, which is not everyone's to take. */
const MAY_TAKE_PORT_53 = await mayTakePort53(OURS)

let dig: string
let small: Buffer
let large: Buffer
let zone: Zone
let serving: Serving
const ending = new AbortController()
const stack = new AsyncDisposableStack()

beforeAll(async () => {
  ;({ dig } = await ensurePackages({ dig: 'bind9-dnsutils' }))
  small = makeCertificate('rsa:2048', 'lee@d.example')
  large = makeCertificate('rsa:4096', 'd.example')
  zone = published(1, { name: 'lee@d.example', der: small }, { name: 'd.example', der: large })
  serving = await serveZone({
    listen: { host: OURS, port: MAY_TAKE_PORT_53 ? 53 : 0 },
    zone: () => zone,
    signal: ending.signal,
  })
})

afterAll(async () => {
  await stack.disposeAsync()
  ending.abort()
  await serving.closed
})

function published(serial: number, ...entries: readonly ZoneEntry[]): Zone {
  return zoneOf(entries, {
    nameServers: ['ns1.d.example'],
    mailServers: ['mx.elsewhere.example'],
    addresses: new Map([['ns1.d.example', [OURS]]]),
    directories: [{ host: 'ns1.d.example', port: 389 }],
    serial,
    // Seconds: so that the renewal below is seen soon.
    ttl: 1,
  })
}

describe('strangers, whose BIND follows the delegation of the parent zone, find what we publish (H1, H2)', () => {
  let stranger: Resolver

  beforeAll(async () => {
    if (!MAY_TAKE_PORT_53) return
    const parent = wholeZone('example', [
      'd.example. 3600 IN NS ns1.d.example.',
      `ns1.d.example. 3600 IN A ${OURS}`,
    ])
    const options = 'recursion yes; allow-recursion { 127.0.0.0/8; }; max-cache-ttl 2; max-ncache-ttl 1;'
    const bind = stack.use(await startBind({ zones: { example: parent }, options }))
    stranger = createResolver({ servers: [bind], timeoutMs: 10_000 })
  })

  const delegated = test.skipIf(!MAY_TAKE_PORT_53)

  delegated(
    'the certificate at the address, and the large one at the domain, which takes TCP (D14)',
    async () => {
      for (const [name, der] of [
        ['lee.d.example', small],
        ['d.example', large],
      ] as const) {
        expect(await stranger.resolve(name, 'CERT')).toMatchObject({
          status: 'found',
          records: [{ data: encodeCertRecord(der) }],
        })
      }
    },
  )

  delegated('the directory by SRV, and its address (H3, H4)', async () => {
    expect(await stranger.resolve('_ldap._tcp.d.example', 'SRV')).toMatchObject({
      records: [{ data: { priority: 0, port: 389, target: 'ns1.d.example' } }],
    })
    expect(await stranger.resolve('ns1.d.example', 'A')).toMatchObject({ records: [{ data: OURS }] })
  })

  delegated('what is not there is absent, and never a failure (DISC-6)', async () => {
    expect(await stranger.resolve('kim.d.example', 'CERT')).toMatchObject({
      status: 'absent',
      kind: 'NXDOMAIN',
    })
    expect(await stranger.resolve('d.example', 'AAAA')).toMatchObject({ status: 'absent', kind: 'NODATA' })
    expect(await stranger.resolve('_tcp.d.example', 'CERT')).toMatchObject({
      status: 'absent',
      kind: 'NODATA',
    })
  })

  delegated('a renewal while it is served is what they find next', async () => {
    const renewed = makeCertificate('rsa:2048', 'lee@d.example')
    expect(await stranger.resolve('lee.d.example', 'CERT')).toMatchObject({ status: 'found' })
    zone = published(2, { name: 'lee@d.example', der: renewed }, { name: 'd.example', der: large })
    await vi.waitFor(
      async () =>
        expect(await stranger.resolve('lee.d.example', 'CERT')).toMatchObject({
          records: [{ data: encodeCertRecord(renewed) }],
        }),
      { timeout: 40_000, interval: 300 },
    )
  })
})

describe('dig, the administrator’s eye', () => {
  /** All that dig says, without its own retries. */
  async function digged(...args: readonly string[]): Promise<string> {
    const { host, port } = serving.address
    const common = [`@${host}`, '-p', String(port), '+tries=1', '+time=5', '+nocookie']
    const { stdout } = await promisify(execFile)(dig, [...common, ...args]).catch(
      (error: { stdout: string }) => error,
    )
    return stdout
  }

  const flags = (said: string) => /;; flags: ([a-z ]*);/.exec(said)?.[1]?.split(' ') ?? []

  test.each(['AXFR', 'IXFR=1'])('no transfer: %s is refused', async (type) => {
    const overTcp = await digged('d.example', type, '+tcp')
    expect(overTcp).toMatch(/Transfer failed/)
    // Of IXFR over UDP dig shows no more than its size.
    for (const said of [overTcp, await digged('d.example', type, '+notcp')])
      expect(said).not.toMatch(/\sIN\s+(SOA|CERT|NS)\s/)
  })

  test('TCP brings the whole, UDP without EDNS and with 512 bytes says that there is more', async () => {
    const whole = await digged('d.example', 'CERT', '+tcp')
    expect(flags(whole)).toEqual(['qr', 'aa', 'rd'])
    expect(whole).toMatch(/ANSWER: 1,/)
    for (const small of ['+noedns', '+bufsize=512', '+bufsize=1232']) {
      const said = await digged('d.example', 'CERT', small, '+ignore')
      expect(flags(said)).toContain('tc')
      expect(said).toMatch(/ANSWER: 0,/)
      // Left alone, dig comes back by TCP.
      expect(await digged('d.example', 'CERT', small)).toMatch(/ANSWER: 1,/)
    }
  })

  test('a certificate of RSA 2048 comes over UDP within 1232 bytes', async () => {
    const said = await digged('lee.d.example', 'CERT', '+bufsize=1232', '+ignore')
    expect(flags(said)).not.toContain('tc')
    expect(said).toMatch(/EDNS: version: 0, flags:; udp: 1232/)
    expect(said).toMatch(/lee\.d\.example\.\s+1\s+IN\s+CERT\s+PKIX/)
  })

  test('options that we know nothing of are passed over: no NSID, no subnet, no DNSSEC', async () => {
    const said = await digged('d.example', 'SOA', '+nsid', '+subnet=192.0.2.0/24', '+dnssec', '+cookie')
    expect(said).toMatch(/status: NOERROR/)
    expect(said).not.toMatch(/NSID|SUBNET|COOKIE|RRSIG/)
    expect(flags(said)).not.toContain('ad')
  })

  test.each<[string, readonly string[], RegExp]>([
    ['who we are is nobody’s business', ['version.bind', 'CH', 'TXT'], /status: REFUSED/],
    ['names that are not ours', ['elsewhere.example', 'CERT'], /status: REFUSED/],
    ['NOTIFY', ['d.example', 'SOA', '+opcode=notify'], /status: NOTIMP/],
    ['UPDATE', ['d.example', 'SOA', '+opcode=update'], /status: NOTIMP/],
    ['another version of EDNS', ['d.example', 'SOA', '+edns=1', '+noednsnegotiation'], /status: BADVERS/],
    ['ANY', ['d.example', 'ANY', '+notcp'], /HINFO\s+"RFC8482" ""/],
    [
      'a name that nobody has',
      ['kim.d.example', 'CERT'],
      /status: NXDOMAIN.*\s300\s+IN\s+SOA\s+ns1\.d\.example\./s,
    ],
    ['who takes the mail of the domain', ['d.example', 'MX'], /\sMX\s+10 mx\.elsewhere\.example\./],
    ['the serial', ['d.example', 'SOA'], /SOA\s+ns1\.d\.example\. hostmaster\.d\.example\. [12] /],
  ])('%s', async (_, question, expected) => {
    expect(await digged(...question)).toMatch(expected)
  })
})
