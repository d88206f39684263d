import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createResolver, encodeCertRecord } from '../../dns/resolver/index.ts'
import { serveZone } from '../../dns/serve/index.ts'
import { zoneOf } from '../../dns/zone/index.ts'
import { makeCertificate } from '../dns/certificates.ts'
import { type Bind, certLine, startBind, wholeZone } from '../services/bind.ts'

let small: Buffer
let large: Buffer

beforeAll(() => {
  small = makeCertificate('rsa:2048', 'lee@d.example')
  large = makeCertificate('rsa:4096', 'd.example')
})

function records(): readonly string[] {
  return [
    certLine('lee.d.example', small),
    certLine('d.example', large),
    'kim.d.example. 90 IN CNAME lee.d.example.',
    'loop.d.example. 600 IN CNAME pool.d.example.',
    'pool.d.example. 600 IN CNAME loop.d.example.',
    'away.d.example. 600 IN CNAME lee.elsewhere.example.',
    'a.b.c.d.example. 600 IN A 127.0.0.1',
    'sub.d.example. 600 IN NS ns.elsewhere.example.',
  ]
}

describe.each([
  ['as it comes', ''],
  ['with answers of 512 bytes over UDP', 'max-udp-size 512;'],
])('our resolver against BIND %s', (_, options) => {
  let bind: Bind
  let resolver: ReturnType<typeof createResolver>

  beforeAll(async () => {
    bind = await startBind({
      zones: { 'd.example': wholeZone('d.example', records()) },
      options: `recursion no; minimal-responses yes; ${options}`,
    })
    resolver = createResolver({ servers: [bind], timeoutMs: 5000 })
  })

  afterAll(() => bind[Symbol.asyncDispose]())

  test('certificates of RSA 2048 and 4096 arrive byte for byte (D14)', async () => {
    for (const [name, der] of [
      ['lee.d.example', small],
      ['d.example', large],
    ] as const) {
      const answer = await resolver.resolve(name, 'CERT')
      expect(answer).toMatchObject({ status: 'found', ttl: 600, records: [{ data: encodeCertRecord(der) }] })
    }
  })

  test('an alias is followed, and its TTL counts', async () => {
    expect(await resolver.resolve('kim.d.example', 'CERT')).toMatchObject({
      status: 'found',
      ttl: 90,
      records: [{ name: 'lee.d.example' }],
    })
  })

  test('NXDOMAIN and NODATA are absence, for the SOA minimum (DISC-6, DISC-11)', async () => {
    for (const [name, kind] of [
      ['no.d.example', 'NXDOMAIN'],
      ['ns.d.example', 'NODATA'],
      ['b.c.d.example', 'NODATA'],
    ] as const) {
      expect(await resolver.resolve(name, 'CERT')).toMatchObject({ status: 'absent', kind, ttl: 120 })
    }
  })

  test.each([
    // Newer versions of BIND follow the loop themselves, and answer SERVFAIL.
    ['a loop of aliases', 'loop.d.example', /^(CNAME_LOOP|SERVFAIL)$/],
    ['a name outside its zones', 'lee.elsewhere.example', /^REFUSED$/],
    ['an alias that leads outside', 'away.d.example', /^REFUSED$/],
    ['a referral', 'lee.sub.d.example', /^LAME$/],
  ])('%s is not known (DISC-5, DISC-6)', async (_, name, code) => {
    expect(await resolver.resolve(name, 'CERT')).toMatchObject({
      status: 'failed',
      tries: [{ code: expect.stringMatching(code) }],
    })
  })
})

test('BIND, as the resolver of strangers, finds what our responder publishes (H1, H2)', async () => {
  const ending = new AbortController()
  const zone = zoneOf([
    { name: 'lee@d.example', der: small },
    { name: 'd.example', der: large },
  ])
  const serving = await serveZone({ listen: { host: '127.0.0.1', port: 0 }, zone, signal: ending.signal })
  const forward = `zone "d.example" { type forward; forward only; forwarders { 127.0.0.1 port ${serving.address.port}; }; };`
  await using bind = await startBind({
    options: 'recursion yes; allow-recursion { 127.0.0.1; };',
    clauses: forward,
  })
  const resolver = createResolver({ servers: [bind], timeoutMs: 10_000 })
  expect(await resolver.resolve('lee.d.example', 'CERT')).toMatchObject({
    status: 'found',
    records: [{ data: encodeCertRecord(small) }],
  })
  expect(await resolver.resolve('d.example', 'CERT')).toMatchObject({
    records: [{ data: encodeCertRecord(large) }],
  })
  expect(await resolver.resolve('no.d.example', 'CERT')).toMatchObject({ status: 'absent', kind: 'NXDOMAIN' })
  expect(await resolver.resolve('d.example', 'A')).toMatchObject({ status: 'absent', kind: 'NODATA' })
  ending.abort()
  await serving.closed
})
