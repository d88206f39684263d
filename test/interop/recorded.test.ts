/** Recordings of discovery through real directories and cert servers: replayed with no socket, they give the same answer. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import {
  type AgentOptions,
  createAgent,
  createRecording,
  readTrace,
  replay,
  writeTrace,
} from '../../agent/index.ts'
import { mint } from '../../fixtures/pki.ts'
import { type Literal, literalZone } from '../dns/literal-zone.ts'
import { withoutSockets } from '../flow/without-sockets.ts'
import { certLine, startBind, wholeZone } from '../services/bind.ts'
import { serverCertificate } from '../services/certificates.ts'
import { type SlapdOptions, startSlapd } from '../services/slapd.ts'
import { startFront } from './dcdt/name-server.ts'
import { mayTakePort53, ownHost } from './hosts.ts'

const D = 'hisp.example'
const LEE = `dr.lee@${D}`
const VENDOR = ownHost(58, 1)
const MAY_TAKE_PORT_53 = await mayTakePort53(VENDOR)
if (!MAY_TAKE_PORT_53)
  console.warn(`certdns is not recorded: port 53 of ${VENDOR} is not ours to take; run as root`)

const anchor = mint({ ca: true, key: 'root-a', subject: 'Test Root' })
const ofLee = mint({ issuer: anchor, key: 'dr-lee', san: [LEE] }).certificate
const ofDomain = mint({ issuer: anchor, key: 'clinic-b', san: [D] }).certificate
const ENTRIES = [{ mail: LEE, userCertificate: [ofLee.der] }]

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'direct-recorded-'))
  await writeFile(join(dir, 'anchor.pem'), anchor.pem)
})
afterAll(() => rm(dir, { recursive: true, force: true }))

async function slapd(options: SlapdOptions) {
  const server = await startSlapd(options)
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server
}

/** The domain's DNS, in which these ports are its directory. */
const directoryAt = (...ports: readonly (number | null)[]): Readonly<Record<string, Literal>> => ({
  [`_ldap._tcp.${D}`]: {
    srv: ports.map((port, priority) => ({ target: `ldap.${D}`, port: port ?? 0, priority })),
  },
  [`ldap.${D}`]: { a: ['127.0.0.1'] },
})

/** What discovery and classification come to, and, from the files of their traces, without a socket, come to again. */
async function recorded(config: object, parts: AgentOptions) {
  const record = createRecording()
  const agent = await createAgent(
    {
      dataDir: join(dir, 'data'),
      trust: [{ for: '*', direction: 'both', anchors: [join(dir, 'anchor.pem')] }],
      network: { allowPrivate: true },
      revocation: 'off',
      ...config,
    },
    { ...parts, record },
  )
  const found = await agent.discover(LEE)
  const classified = await agent.classify([LEE])
  await agent[Symbol.asyncDispose]()
  const files = record.traces.map((_, index) => join(dir, `trace-${index}.json`)) as [string, string]
  for (const [index, trace] of record.traces.entries()) await writeTrace(files[index] as string, trace)
  await withoutSockets(async () => {
    const [one, other] = await Promise.all(files.map(async (file) => replay(await readTrace(file))))
    expect(await one?.discover()).toEqual(found)
    expect(await other?.classify()).toEqual(classified)
  })
  const place = found.places.find(({ status }) => status === 'found' || status === 'failed')
  return { found, place, seams: record.traces[0]?.exchanges.map(({ seam }) => seam) }
}

test('a certificate in OpenLDAP, past a context that denies and a directory that is empty', async () => {
  const empty = await slapd({ contexts: [{ suffix: 'o=empty' }] })
  const full = await slapd({
    contexts: [
      { suffix: 'o=secret', denied: true },
      { suffix: 'o=d', entries: ENTRIES },
    ],
  })
  const resolver = literalZone(directoryAt(empty.port, full.port))
  const { found, place, seams } = await recorded({}, { resolver })
  expect(found).toMatchObject({ outcome: 'direct', chosen: ofLee.sha256 })
  expect(place).toMatchObject({ place: 'ldap-address', status: 'found' })
  expect(place?.notes).toContainEqual(expect.stringContaining('insufficientAccessRights (50)'))
  expect(seams?.filter((seam) => seam === 'ldap')).toHaveLength(2)
})

test('a certificate behind StartTLS, which alone may read it', async () => {
  const tls = await serverCertificate(['DNS:nobody.test'])
  onTestFinished(() => tls[Symbol.asyncDispose]())
  const server = await slapd({ contexts: [{ suffix: 'o=d', entries: ENTRIES, onlyUnderTls: true }], tls })
  const { found, place } = await recorded({}, { resolver: literalZone(directoryAt(server.port)) })
  expect(await server.operations('STARTTLS')).toBeGreaterThan(0)
  expect(found.chosen).toBe(ofLee.sha256)
  expect(place?.place).toBe('ldap-address')
})

test('a directory that is away', async () => {
  const server = await startSlapd({ contexts: [{ suffix: 'o=d' }] })
  await server[Symbol.asyncDispose]()
  const { found, place } = await recorded({}, { resolver: literalZone(directoryAt(server.port)) })
  expect(found).toMatchObject({ outcome: 'undetermined', why: [{ code: 'LOOKUP_FAILED' }] })
  expect(place).toMatchObject({ place: 'ldap-address', status: 'failed' })
})

test.each(['ldap', 'ldaps'])(
  'a cert server that the configuration names as %s:// (DISC-9)',
  async (protocol) => {
    const tls = await serverCertificate(['DNS:nobody.test'])
    onTestFinished(() => tls[Symbol.asyncDispose]())
    const server = await slapd({ contexts: [{ suffix: 'o=d', entries: ENTRIES }], tls })
    const port = protocol === 'ldap' ? server.port : server.securePort
    const certServers = { [D]: `${protocol}://127.0.0.1:${port}` }
    const { found, place } = await recorded({ certServers }, { resolver: literalZone({}) })
    expect([found.chosen, place?.place]).toEqual([ofLee.sha256, 'cert-server'])
  },
)

test('BIND as the name server, a cert server beside it as dns:// (DISC-9)', async () => {
  const [own, vendor] = await Promise.all([
    startBind({ zones: { [D]: wholeZone(D, []) } }),
    startBind({ zones: { [D]: wholeZone(D, [certLine(`dr.lee.${D}`, ofLee.der)]) } }),
  ])
  onTestFinished(async () => {
    await own[Symbol.asyncDispose]()
    await vendor[Symbol.asyncDispose]()
  })
  const dns = { servers: [own.server], timeoutMs: 5000 }
  const certServers = { [D]: `dns://${vendor.server}` }
  const { found, place } = await recorded({ dns, certServers }, {})
  expect([found.chosen, place?.place]).toEqual([ofLee.sha256, 'cert-server'])
})

test.skipIf(!MAY_TAKE_PORT_53)(
  'BIND at certdns.<domain>, port 53 (which is for root alone; DISC-9)',
  async () => {
    const bind = await startBind({ zones: { [D]: wholeZone(D, [certLine(D, ofDomain.der)]) } })
    onTestFinished(() => bind[Symbol.asyncDispose]())
    const front = await startFront(bind, { at: { host: VENDOR, port: 53 } })
    onTestFinished(() => front[Symbol.asyncDispose]())
    const { found, place } = await recorded(
      {},
      { resolver: literalZone({ [`certdns.${D}`]: { a: [VENDOR] } }) },
    )
    expect([found.chosen, place?.place, place?.owner]).toEqual([
      ofDomain.sha256,
      'cert-server',
      `certdns.${D}`,
    ])
  },
)
