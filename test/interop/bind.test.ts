import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createResolver, encodeCertRecord, type HostPort, serveZone, zoneOf } from '../../dns/index.ts'
import { makeCertificate } from '../dns/certificates.ts'
import { scriptedServer } from '../dns/scripted-server.ts'

const NAMED_PATHS = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` }

let root: string
let small: Buffer
let large: Buffer
const running: ChildProcess[] = []

beforeAll(() => {
  if (spawnSync('named', ['-v'], { env: NAMED_PATHS }).error !== undefined) {
    throw new Error('BIND is missing, and this test needs it: apt-get install -y bind9')
  }
  root = mkdtempSync(join(tmpdir(), 'direct-bind-'))
  small = makeCertificate('rsa:2048', 'lee@d.example')
  large = makeCertificate('rsa:4096', 'd.example')
})

afterAll(async () => {
  for (const child of running) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  rmSync(root, { recursive: true, force: true })
})

/** BIND on a free port of loopback, in a folder of its own, for as long as the tests run. */
async function startNamed(options: string, zones: (folder: string) => string): Promise<HostPort> {
  const folder = mkdtempSync(join(root, 'named-'))
  chmodSync(root, 0o755)
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'cache'))
  const { port } = await freePort()
  const configuration = `
    options {
      directory "${folder}/cache";
      listen-on port ${port} { 127.0.0.1; };
      listen-on-v6 { none; };
      pid-file none;
      session-keyfile none;
      dnssec-validation no;
      minimal-responses yes;
      empty-zones-enable no;
      ${options}
    };
    controls { };
    ${zones(folder)}`
  const path = join(folder, 'named.conf')
  writeFileSync(path, configuration)
  const child = spawn('named', ['-g', '-c', path, '-n', '1'], {
    env: NAMED_PATHS,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  running.push(child)
  const log: string[] = []
  for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
    log.push(line)
    if (/ running$/.test(line)) {
      child.stderr?.resume()
      return { host: '127.0.0.1', port }
    }
  }
  throw new Error(`BIND did not start:\n${log.slice(-15).join('\n')}`)
}

async function freePort(): Promise<HostPort> {
  await using server = await scriptedServer({ udp: () => undefined, tcp: () => undefined })
  return { host: server.host, port: server.port }
}

function authoritative(folder: string): string {
  const cert = (owner: string, der: Buffer) => {
    const rdata = encodeCertRecord(der)
    const base64 = rdata.subarray(5).toString('base64')
    return `${owner} 600 IN CERT PKIX ${rdata.readUInt16BE(2)} ${rdata.readUInt8(4)} ${base64}`
  }
  const records = [
    'd.example. 600 IN SOA ns.d.example. hostmaster.d.example. 1 7200 900 1209600 120',
    'd.example. 600 IN NS ns.d.example.',
    'ns.d.example. 600 IN A 127.0.0.1',
    cert('lee.d.example.', small),
    cert('d.example.', large),
    'kim.d.example. 90 IN CNAME lee.d.example.',
    'loop.d.example. 600 IN CNAME pool.d.example.',
    'pool.d.example. 600 IN CNAME loop.d.example.',
    'away.d.example. 600 IN CNAME lee.elsewhere.example.',
    'a.b.c.d.example. 600 IN A 127.0.0.1',
    'sub.d.example. 600 IN NS ns.elsewhere.example.',
  ]
  writeFileSync(join(folder, 'zone'), `${records.join('\n')}\n`)
  return `zone "d.example" { type primary; file "${join(folder, 'zone')}"; };`
}

describe.each([
  ['as it comes', ''],
  ['with answers of 512 bytes over UDP', 'max-udp-size 512;'],
])('our resolver against BIND %s', (_, options) => {
  let resolver: ReturnType<typeof createResolver>

  beforeAll(async () => {
    const server = await startNamed(`recursion no; ${options}`, authoritative)
    resolver = createResolver({ servers: [server], timeoutMs: 5000 })
  })

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
  const server = await startNamed('recursion yes; allow-recursion { 127.0.0.1; };', () => forward)
  const resolver = createResolver({ servers: [server], timeoutMs: 10_000 })
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
