/** Hosted cert servers (DISC-9): BIND and slapd that are asked directly, since DNS as everyone sees it has nothing. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createAgent, type Recipient } from '../../agent/index.ts'
import type { HostPort } from '../../dns/index.ts'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import { certLine, startBind, wholeZone } from '../services/bind.ts'
import { freePorts } from '../services/process.ts'
import { startSlapd } from '../services/slapd.ts'
import { questionsIn } from './dcdt/expected.ts'
import { type Front, startFront } from './dcdt/name-server.ts'
import { listenAt, mayTakePort53, ownHost } from './hosts.ts'

const D = 'hisp.example'
const LEE = `dr.lee@${D}`
const KIM = `dr.kim@${D}`

const [VENDOR, NOBODY] = [ownHost(56, 1), ownHost(56, 2)]
const MAY_TAKE_PORT_53 = await mayTakePort53(VENDOR)
if (!MAY_TAKE_PORT_53)
  console.warn(`certdns is not tested: port 53 of ${VENDOR} is not ours to take; run as root`)

const anchor = mint({ ca: true, key: 'root-a', subject: 'Test Root' })
const der = (options: MintOptions) => mint({ issuer: anchor, key: 'dr-lee', ...options }).certificate.der
const ofLee = mint({ issuer: anchor, key: 'dr-lee', san: [LEE] }).certificate
const ofDomain = mint({ issuer: anchor, key: 'clinic-b', san: [D] }).certificate
const expired = der({ san: [KIM], from: '2024-01-01', to: '2025-01-01' })
const HELD = [certLine(`dr.lee.${D}`, ofLee.der), certLine(`dr.kim.${D}`, expired), certLine(D, ofDomain.der)]

let dir: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'direct-cert-server-'))
  await writeFile(join(dir, 'anchor.pem'), anchor.pem)
})

afterAll(() => rm(dir, { recursive: true, force: true }))

/** The domain's own DNS, which has no certificate, with these records beside. */
function domainDns(...records: readonly string[]): Promise<Front> {
  return nameServer(wholeZone(D, records))
}

/** A real BIND with the zone of one domain, and what counts before it. */
async function nameServer(
  zone: string,
  { at, name = D }: { at?: HostPort; name?: string } = {},
): Promise<Front> {
  const bind = await startBind({ zones: { [name]: zone } })
  onTestFinished(() => bind[Symbol.asyncDispose]())
  const front = await startFront(bind, at && { at })
  onTestFinished(() => front[Symbol.asyncDispose]())
  return front
}

/** The vendor's name server, which nobody is led to but by `certdns`. */
const AT_VENDOR = { at: { host: VENDOR, port: 53 } }
const CERTDNS = `certdns.${D}. 600 IN A ${VENDOR}`
const ALLOWED = { network: { allowPrivate: true } }

async function classified(address: string, dns: Front, config: object = {}): Promise<Recipient> {
  await using agent = await createAgent({
    dataDir: join(dir, 'data'),
    trust: [{ for: '*', direction: 'both', anchors: [join(dir, 'anchor.pem')] }],
    dns: { servers: [dns.server], timeoutMs: 5000 },
    ...config,
  })
  const [recipient] = await agent.classify([address])
  if (recipient === undefined) throw new Error('classify gave no answer')
  return recipient
}

const statuses = ({ evidence }: Recipient) => evidence.map(({ status }) => status)
const FOUND_LAST = [...Array(5).fill('absent'), 'found']

describe.skipIf(!MAY_TAKE_PORT_53)('certdns.<domain>, at port 53 (which is for root alone)', () => {
  test.each([
    ['the address', LEE, ofLee.sha256, [`CERT dr.lee.${D}`]],
    ['the domain', `anyone@${D}`, ofDomain.sha256, [`CERT anyone.${D}`, `CERT ${D}`]],
  ])('has the certificate of %s, and each question is put once', async (_, address, sha256, questions) => {
    const dns = await domainDns(CERTDNS)
    const certdns = await nameServer(wholeZone(D, HELD), AT_VENDOR)
    const recipient = await classified(address, dns, ALLOWED)
    expect(recipient).toMatchObject({
      route: 'direct',
      certificates: [{ sha256, foundIn: 'cert-server' }],
    })
    expect(statuses(recipient)).toEqual(FOUND_LAST)
    expect(recipient.evidence[5]?.owner).toBe(`certdns.${D}`)
    expect(questionsIn(certdns.log)).toEqual(questions)
  })

  test('decides: what is expired there is not passed over for the domain’s (DISC-1)', async () => {
    const dns = await domainDns(CERTDNS)
    const certdns = await nameServer(wholeZone(D, HELD), AT_VENDOR)
    const recipient = await classified(KIM, dns, ALLOWED)
    expect(recipient).toMatchObject({
      route: 'insecure',
      directCapable: false,
      why: [{ code: 'CERT_EXPIRED' }],
    })
    expect(questionsIn(certdns.log)).toEqual([`CERT dr.kim.${D}`])
  })

  test('is not asked where DNS has the certificate', async () => {
    const dns = await domainDns(CERTDNS, certLine(`dr.lee.${D}`, ofLee.der))
    const certdns = await nameServer(wholeZone(D, HELD), AT_VENDOR)
    expect(await classified(LEE, dns, ALLOWED)).toMatchObject({ certificates: [{ foundIn: 'dns-address' }] })
    expect(certdns.log).toEqual([])
  })

  test('that knows nothing of the address has nothing, and that is a no', async () => {
    const dns = await domainDns(CERTDNS)
    await nameServer(wholeZone(D, []), AT_VENDOR)
    const recipient = await classified(LEE, dns, ALLOWED)
    expect(recipient).toMatchObject({
      route: 'insecure',
      directCapable: false,
      why: [{ code: 'NO_CERTIFICATE' }],
    })
    expect(statuses(recipient)).toEqual(Array(6).fill('absent'))
  })

  test('that will not answer for the domain leaves it open: undetermined (DISC-6)', async () => {
    const dns = await domainDns(CERTDNS)
    await nameServer(wholeZone('elsewhere.example', []), { ...AT_VENDOR, name: 'elsewhere.example' })
    const recipient = await classified(LEE, dns, ALLOWED)
    expect(recipient).toMatchObject({
      route: 'undetermined',
      directCapable: null,
      why: [{ code: 'LOOKUP_FAILED' }],
    })
    expect(recipient.evidence[5]).toMatchObject({ status: 'failed', refusedBy: 'servers' })
  })

  test('without anybody at port 53 it is undetermined; where every name has that address, it is none', async () => {
    const own = await domainDns(`certdns.${D}. 600 IN A ${NOBODY}`)
    expect(await classified(LEE, own, ALLOWED)).toMatchObject({ route: 'undetermined' })
    const wildcard = await domainDns(`*.${D}. 600 IN A ${NOBODY}`)
    const recipient = await classified(LEE, wildcard, ALLOWED)
    expect(recipient).toMatchObject({ route: 'insecure', why: [{ code: 'NO_CERTIFICATE' }] })
    expect(recipient.evidence[5]?.notes).toContainEqual(expect.stringContaining('no cert server'))
  })

  test('in a private network is contacted where that is allowed, and else by nobody (NET)', async () => {
    await using listener = await listenAt(NOBODY, 53)
    const dns = await domainDns(`certdns.${D}. 600 IN A ${NOBODY}`)
    const recipient = await classified(LEE, dns)
    expect(recipient).toMatchObject({
      ...{ route: 'insecure', directCapable: null, certificates: [] },
      why: [{ code: 'URL_REFUSED', text: expect.stringContaining(`certdns.${D}`) }],
    })
    expect(recipient.evidence[5]).toMatchObject({ status: 'failed', refusedBy: 'guard' })
    expect(listener.contacts).toBe(0)
    await classified(LEE, dns, { ...ALLOWED, dns: { servers: [dns.server], timeoutMs: 300 } })
    expect(listener.contacts).toBeGreaterThan(0)
  })
})

test('a directory that SRV names in a private network is contacted where that is allowed, and else by nobody (NET)', async () => {
  await using listener = await listenAt('127.0.0.1', 0)
  const dns = await domainDns(
    `_ldap._tcp.${D}. 600 IN SRV 0 0 ${listener.port} ldap.${D}.`,
    `ldap.${D}. 600 IN A 127.0.0.1`,
  )
  expect(await classified(LEE, dns)).toMatchObject({
    ...{ route: 'insecure', directCapable: null },
    why: [{ code: 'URL_REFUSED', text: expect.stringContaining(`ldap.${D}`) }],
  })
  expect(listener.contacts).toBe(0)
  expect(await classified(LEE, dns, ALLOWED)).toMatchObject({ route: 'undetermined' })
  expect(listener.contacts).toBeGreaterThan(0)
})

describe('a cert server of the configuration: its host is its owner’s choice, private or not', () => {
  test.each([
    ['the address', LEE, ofLee.sha256],
    ['the domain', `anyone@${D}`, ofDomain.sha256],
  ])('dns:// has the certificate of %s, and certdns is nobody’s question', async (_, address, sha256) => {
    const dns = await domainDns(CERTDNS)
    const { server } = await nameServer(wholeZone(D, HELD))
    const recipient = await classified(address, dns, { certServers: { [D]: `dns://${server}` } })
    expect(recipient).toMatchObject({ route: 'direct', certificates: [{ sha256, foundIn: 'cert-server' }] })
    expect(statuses(recipient)).toEqual(FOUND_LAST)
    expect(recipient.evidence[5]?.owner).toBe(server)
    expect(questionsIn(dns.log).filter((question) => question.includes('certdns'))).toEqual([])
  })

  test.each([
    ['the address', LEE, ofLee.sha256],
    ['the domain', `anyone@${D}`, ofDomain.sha256],
  ])('ldap:// has the certificate of %s', async (_, address, sha256) => {
    const dns = await domainDns()
    const entries = [
      { mail: LEE, userCertificate: [ofLee.der] },
      { mail: D, userSMIMECertificate: [ofDomain.der] },
    ]
    await using slapd = await startSlapd({ contexts: [{ suffix: 'o=vendor', entries }] })
    const server = `127.0.0.1:${slapd.port}`
    const recipient = await classified(address, dns, { certServers: { [D]: `ldap://${server}` } })
    expect(recipient).toMatchObject({ route: 'direct', certificates: [{ sha256, foundIn: 'cert-server' }] })
    expect(statuses(recipient)).toEqual(FOUND_LAST)
  })

  test.each(['dns', 'ldap'])('%s://, where nobody answers: undetermined (DISC-6)', async (protocol) => {
    const dns = await domainDns()
    const [port] = await freePorts(1)
    const certServers = { [D]: `${protocol}://127.0.0.1:${port}` }
    expect(await classified(LEE, dns, { certServers })).toMatchObject({
      ...{ route: 'undetermined', directCapable: null },
      why: [{ code: 'LOOKUP_FAILED', text: expect.stringContaining('cert-server') }],
    })
  })
})
