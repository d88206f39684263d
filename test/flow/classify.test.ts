import { generateKeyPair } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { type Agent, type AgentOptions, createAgent, serveCertificates } from '../../agent/index.ts'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import type { SmtpClient, TlsProof } from '../../mailbox/index.ts'
import { encodeName, issueCertificate, keyUsage, subjectAltName } from '../../trust-anchors/issue/issue.ts'
import { type Literal, literalZone } from '../dns/literal-zone.ts'
import { clinicConfig, der, fingerprint, issuer, pki, temporaryFolder } from './clinics.ts'

const LEE = 'dr.lee@hisp.example'
const B = 'dr.lee@clinic-b.example'

const PLACES = ['configured', 'dns-address', 'dns-domain', 'ldap-address', 'ldap-domain', 'cert-server']

/** Who asks for a directory, and for a cert server, where DNS holds no certificate (DISC-7, DISC-9). */
const directoryOf = (domain: string) => `SRV _ldap._tcp.${domain}`
const certdnsOf = (domain: string) => [`A certdns.${domain}`, `AAAA certdns.${domain}`]

/** Clinic A over a literal zone, and the questions that it asked. */
async function over(
  zone: Readonly<Record<string, Literal>>,
  options: { readonly config?: object; readonly parts?: AgentOptions } = {},
): Promise<{ readonly agent: Agent; readonly asked: readonly string[] }> {
  const resolver = literalZone(zone)
  const agent = await createAgent(
    { ...clinicConfig('a', await temporaryFolder()), ...options.config },
    { resolver, ...options.parts },
  )
  onTestFinished(() => agent[Symbol.asyncDispose]())
  return { agent, asked: resolver.asked }
}

/** No key of the fixtures is that long. */
async function rsa4096Certificate(): Promise<Buffer> {
  const { publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 4096 })
  const root = issuer('root-a')
  const certificate = issueCertificate({
    issuer: root.certificate.subject,
    subject: encodeName([['CN', 'hisp.example']]),
    notBefore: new Date('2026-01-01'),
    notAfter: new Date('2056-01-01'),
    spki: publicKey.export({ type: 'spki', format: 'der' }),
    extensions: [keyUsage('keyEncipherment'), subjectAltName('hisp.example')],
    signingKey: root.privateKey,
  })
  return Buffer.from(certificate)
}

async function routeOf(agent: Agent, address: string, from?: string) {
  const [recipient] = await agent.classify([address], from === undefined ? {} : { from })
  if (!recipient) throw new Error('classify gave no answer')
  return recipient
}

const codes = ({ why }: { readonly why: readonly { readonly code: string }[] }) => why.map(({ code }) => code)

/** One certificate for dr.lee@hisp.example or its domain, under the anchor of the fixtures. */
function minted(options: MintOptions): Buffer {
  return Buffer.from(mint({ issuer: issuer('root-a'), key: 'dr-lee', ...options }).certificate.der)
}

const EXPIRED = { from: '2024-01-01', to: '2025-01-01' }
const validDomain = minted({ san: ['hisp.example'] })
const expiredDomain = minted({ san: ['hisp.example'], ...EXPIRED })
const validAddress = minted({ san: [LEE] })
const expiredAddress = minted({ san: [LEE], ...EXPIRED })

test('D1: a valid certificate at the address decides, whatever the domain publishes (DISC-1)', async () => {
  const { agent, asked } = await over({
    'dr.lee.hisp.example': [validAddress],
    'hisp.example': [expiredDomain],
  })
  expect(await routeOf(agent, LEE)).toMatchObject({
    route: 'direct',
    directCapable: true,
    why: [],
    certificates: [{ sha256: fingerprint(validAddress), foundIn: 'dns-address', boundTo: 'address' }],
  })
  expect(asked).toEqual(['CERT dr.lee.hisp.example'])
})

test('D2: of one valid and one expired certificate at the domain the valid one is chosen', async () => {
  const { agent, asked } = await over({ 'hisp.example': [expiredDomain, validDomain] })
  const recipient = await routeOf(agent, LEE)
  expect(recipient).toMatchObject({
    route: 'direct',
    certificates: [{ sha256: fingerprint(validDomain), foundIn: 'dns-domain', boundTo: 'domain' }],
  })
  const domain = recipient.evidence.find(({ place }) => place === 'dns-domain')
  expect(domain?.certificates.map(({ sha256, usable }) => [sha256, usable])).toEqual([
    [fingerprint(expiredDomain), false],
    [fingerprint(validDomain), true],
  ])
  expect(asked).toEqual(['CERT dr.lee.hisp.example', 'CERT hisp.example'])
})

test('D5: an expired certificate at the address stops the search; the valid one of the domain is never asked for', async () => {
  const { agent, asked } = await over({
    'dr.lee.hisp.example': [expiredAddress],
    'hisp.example': [validDomain],
  })
  const recipient = await routeOf(agent, LEE)
  expect(recipient).toMatchObject({ route: 'insecure', directCapable: false, certificates: [] })
  expect(codes(recipient)[0]).toBe('CERT_EXPIRED')
  expect(asked).toEqual(['CERT dr.lee.hisp.example'])
  expect(recipient.evidence.map(({ place, status }) => [place, status])).toEqual(
    PLACES.map((place, index) => [place, ['absent', 'found'][index] ?? 'not-asked']),
  )
})

test('D6: only an expired certificate at the domain: nothing goes', async () => {
  const { agent } = await over({ 'hisp.example': [expiredDomain] })
  const recipient = await routeOf(agent, LEE)
  expect(recipient).toMatchObject({ route: 'insecure', directCapable: false })
  expect(codes(recipient)[0]).toBe('CERT_EXPIRED')
})

test('D9: of one valid and one expired certificate at the address the valid one is chosen', async () => {
  const { agent } = await over({ 'dr.lee.hisp.example': [validAddress, expiredAddress] })
  expect(await routeOf(agent, LEE)).toMatchObject({
    route: 'direct',
    certificates: [{ sha256: fingerprint(validAddress) }],
  })
})

test('D14: a certificate of 4096 bits is as good as any', async () => {
  const large = await rsa4096Certificate()
  const { agent } = await over({ 'hisp.example': [large] })
  expect(await routeOf(agent, LEE)).toMatchObject({
    route: 'direct',
    certificates: [{ sha256: fingerprint(large) }],
  })
})

test('nothing anywhere is insecure, with every place that was asked in order and once (DISC-1)', async () => {
  const { agent, asked } = await over({})
  const recipient = await routeOf(agent, LEE)
  expect(recipient).toMatchObject({ route: 'insecure', directCapable: false })
  expect(codes(recipient)).toEqual(['NO_CERTIFICATE'])
  expect(asked).toEqual([
    ...['CERT dr.lee.hisp.example', 'CERT hisp.example'],
    ...[directoryOf('hisp.example'), ...certdnsOf('hisp.example')],
  ])
  expect(recipient.evidence.map(({ place, status }) => [place, status])).toEqual(
    PLACES.map((place) => [place, 'absent']),
  )
})

test("a SERVFAIL at the address is undetermined: never the domain's certificate (DISC-6)", async () => {
  const { agent, asked } = await over({
    'dr.lee.hisp.example': 'SERVFAIL',
    'hisp.example': [validDomain],
  })
  const recipient = await routeOf(agent, LEE)
  expect(recipient).toMatchObject({ route: 'undetermined', directCapable: null, certificates: [] })
  expect(codes(recipient)).toEqual(['LOOKUP_FAILED'])
  expect(asked).toEqual(['CERT dr.lee.hisp.example'])
})

test('a SERVFAIL at the domain is undetermined, and no other route stands in for it (DISC-6)', async () => {
  const { agent } = await over(
    { 'hisp.example': 'SERVFAIL' },
    { config: TLS_HISP, parts: { smtp: tlsProof(PROVED) } },
  )
  expect(await routeOf(agent, LEE)).toMatchObject({ route: 'undetermined', directCapable: null })
})

test('where every server refuses, it is dns.servers to look at, and it may pass (DISC-6)', async () => {
  const tries = [{ server: '192.0.2.1:53', code: 'REFUSED' as const, text: 'answered REFUSED (UDP)' }]
  const resolver = { resolve: async () => ({ status: 'failed' as const, tries }) }
  const { agent } = await over({}, { parts: { resolver } })
  expect((await routeOf(agent, LEE)).why).toEqual([
    {
      code: 'LOOKUP_FAILED',
      text: expect.stringMatching(
        /every server refused the question: 192\.0\.2\.1:53: REFUSED.*; see whether dns\.servers /,
      ),
      temporary: true,
    },
  ])
})

test('of several usable certificates the address-bound one is taken, then the newest (MSG-9)', async () => {
  const { agent } = await over({
    'dr.lee.hisp.example': [
      minted({ san: ['hisp.example'], from: '2026-09-01' }),
      der('MSG9_Address_New.pem'),
      der('MSG9_Address_Old.pem'),
      der('intermediate.pem'),
    ],
  })
  expect(await routeOf(agent, LEE)).toMatchObject({
    certificates: [{ sha256: fingerprint(der('MSG9_Address_New.pem')), boundTo: 'address' }],
  })
})

test('a tagged address is asked for as written, then without its tag, before the domain (MSG-13)', async () => {
  const { agent, asked } = await over({
    'dr.lee.hisp.example': [validAddress],
    'hisp.example': [validDomain],
  })
  expect(await routeOf(agent, 'dr.lee+ward3@hisp.example')).toMatchObject({
    address: 'dr.lee+ward3@hisp.example',
    route: 'direct',
    certificates: [{ sha256: fingerprint(validAddress), foundIn: 'dns-address' }],
  })
  expect(asked).toEqual(['CERT dr.lee+ward3.hisp.example', 'CERT dr.lee.hisp.example'])
})

test('a certificate bound to the tagged address itself will do as well (MSG-13)', async () => {
  const tagged = minted({ san: ['dr.lee+ward3@hisp.example'] })
  const { agent } = await over({ 'dr.lee+ward3.hisp.example': [tagged] })
  expect(await routeOf(agent, 'dr.lee+ward3@hisp.example')).toMatchObject({
    route: 'direct',
    certificates: [{ sha256: fingerprint(tagged), boundTo: 'address' }],
  })
})

test('a host that shares the DNS name of an address is not bound to it: CERT_NOT_BOUND (CERT-1)', async () => {
  const { agent } = await over({ 'dr.lee.hisp.example': [minted({ san: ['dr.lee.hisp.example'] })] })
  const recipient = await routeOf(agent, LEE)
  expect(recipient).toMatchObject({ route: 'insecure', directCapable: false })
  expect(codes(recipient)).toEqual(['CERT_NOT_BOUND'])
})

test('a configured certificate comes first and is judged like any other (DISC-1)', async () => {
  const { agent, asked } = await over({}, { config: { certificates: [pki('clinic-b.pem')] } })
  expect(await routeOf(agent, B)).toMatchObject({
    route: 'direct',
    certificates: [{ sha256: fingerprint(der('clinic-b.pem')), foundIn: 'configured' }],
  })
  expect(asked).toEqual([])

  const bad = await over(
    { 'clinic-b.example': [der('clinic-b.pem')] },
    { config: { certificates: [pki('CERT2_Expired.pem')] } },
  )
  const recipient = await routeOf(bad.agent, B)
  expect(recipient).toMatchObject({ route: 'insecure', directCapable: false })
  expect(codes(recipient)).toEqual(['CERT_EXPIRED'])
  expect(bad.asked).toEqual([])
})

test("a configured certificate of another domain says nothing about the recipient's", async () => {
  const { agent, asked } = await over({}, { config: { certificates: [pki('CERT1_OtherDomain.pem')] } })
  expect(codes(await routeOf(agent, B))).toEqual(['NO_CERTIFICATE'])
  expect(asked.slice(0, 2)).toEqual(['CERT dr.lee.clinic-b.example', 'CERT clinic-b.example'])
})

test('the hosted cert server is asked last, and one that is away leaves it open (DISC-9, DISC-6)', async () => {
  // Nobody listens on port 1 of loopback.
  const { agent, asked } = await over(
    {},
    {
      config: {
        certServers: { 'clinic-b.example': 'dns://127.0.0.1:1' },
        dns: { servers: ['127.0.0.1:1'], timeoutMs: 200 },
      },
    },
  )
  const recipient = await routeOf(agent, B)
  expect(recipient).toMatchObject({ route: 'undetermined', directCapable: null })
  expect(recipient.evidence.at(-1)).toMatchObject({ place: 'cert-server', status: 'failed' })
  // The one that is configured stands in for certdns.<domain>.
  expect(asked).toEqual([
    ...['CERT dr.lee.clinic-b.example', 'CERT clinic-b.example'],
    directoryOf('clinic-b.example'),
  ])
})

test('the hosted cert server answers where neither address nor domain publishes anything (DISC-9)', async () => {
  const stop = new AbortController()
  const { address, closed } = await serveCertificates(
    {
      ...clinicConfig('b', await temporaryFolder()),
    },
    { listen: { host: '127.0.0.1', port: 0 }, signal: stop.signal },
  )
  onTestFinished(async () => {
    stop.abort()
    await closed
  })
  const { agent, asked } = await over(
    {},
    { config: { certServers: { 'clinic-b.example': `dns://${address.host}:${address.port}` } } },
  )
  expect(await routeOf(agent, B)).toMatchObject({
    route: 'direct',
    certificates: [{ sha256: fingerprint(der('clinic-b.pem')), foundIn: 'cert-server' }],
  })
  expect(asked).toEqual([
    ...['CERT dr.lee.clinic-b.example', 'CERT clinic-b.example'],
    directoryOf('clinic-b.example'),
  ])
})

test('what the domain publishes keeps the hosted cert server from being asked (DISC-1)', async () => {
  const { agent } = await over(
    { 'clinic-b.example': [der('CERT2_Expired.pem')] },
    { config: { certServers: { 'clinic-b.example': 'dns://127.0.0.1:1' } } },
  )
  const recipient = await routeOf(agent, B)
  expect(recipient.route).toBe('insecure')
  expect(recipient.evidence.at(-1)).toMatchObject({ place: 'cert-server', status: 'not-asked' })
})

const TLS_HISP = { tlsDomains: [{ domain: 'hisp.example', server: 'smtp://mx.hisp.example:25' }] }
const PROVED: TlsProof = {
  proved: true,
  protocol: 'TLSv1.3',
  subject: 'mx.hisp.example',
  validTo: new Date('2056-01-01'),
}

/** An SMTP client that proves TLS as told, and is not meant to be handed any mail. */
function tlsProof(proof: TlsProof): SmtpClient & { readonly proofs: readonly string[] } {
  const proofs: string[] = []
  return {
    proofs,
    async submit() {
      throw new Error('nothing was to be sent')
    },
    async proveTls({ host, port }) {
      proofs.push(`${host}:${port}`)
      return proof
    },
  }
}

test('a secured domain that proves TLS now is reached by tls, and that is not Direct', async () => {
  const smtp = tlsProof(PROVED)
  const { agent } = await over({}, { config: TLS_HISP, parts: { smtp } })
  expect(await routeOf(agent, LEE)).toMatchObject({ route: 'tls', directCapable: false, certificates: [] })
  expect(smtp.proofs).toEqual(['mx.hisp.example:25'])
})

test('Direct wins over tls, and TLS is not even tried then', async () => {
  const smtp = tlsProof(PROVED)
  const { agent } = await over({ 'hisp.example': [validDomain] }, { config: TLS_HISP, parts: { smtp } })
  expect(await routeOf(agent, LEE)).toMatchObject({ route: 'direct' })
  expect(smtp.proofs).toEqual([])
})

test('a server that cannot be reached leaves the route open; one without TLS closes it (TLS_NOT_PROVED)', async () => {
  for (const [temporary, route] of [
    [true, 'undetermined'],
    [false, 'insecure'],
  ] as const) {
    const smtp = tlsProof({ proved: false, temporary, text: 'no' })
    const { agent } = await over({}, { config: TLS_HISP, parts: { smtp } })
    const recipient = await routeOf(agent, LEE)
    expect(recipient.route).toBe(route)
    expect(recipient.why[0]).toEqual({
      code: 'TLS_NOT_PROVED',
      text: expect.any(String),
      ...(temporary && { temporary }),
    })
    // That no certificate is published is known all the same.
    expect(recipient.directCapable).toBe(false)
  }
})

test('certificates that are published but unusable leave tls open to a secured domain (DISC-1)', async () => {
  const { agent } = await over(
    { 'hisp.example': [expiredDomain] },
    { config: TLS_HISP, parts: { smtp: tlsProof(PROVED) } },
  )
  const recipient = await routeOf(agent, LEE)
  expect(recipient).toMatchObject({ route: 'tls', directCapable: false })
  expect(codes(recipient)).toEqual(['CERT_EXPIRED'])
})

test('tls is for the domain that is listed alone, not for names below it', async () => {
  const { agent } = await over({}, { config: TLS_HISP, parts: { smtp: tlsProof(PROVED) } })
  expect(await routeOf(agent, 'x@sub.hisp.example')).toMatchObject({ route: 'insecure' })
})

test('a certificate under an anchor of somebody else is not for us: UNKNOWN_ISSUER (TR-2)', async () => {
  const { agent } = await over({ 'clinic-b.example': [der('CERT6_ClinicB_UnderRootB.pem')] })
  expect(codes(await routeOf(agent, B))).toEqual(['UNKNOWN_ISSUER'])
})

test('without outgoing anchors nobody can be classified: NO_ANCHORS (DISC-10)', async () => {
  for (const trust of [[], [{ for: '*', direction: 'incoming', anchors: [pki('root-a.pem')] }]]) {
    const { agent, asked } = await over({ 'clinic-b.example': [der('clinic-b.pem')] }, { config: { trust } })
    await expect(agent.classify([B])).rejects.toMatchObject({ name: 'DirectError', code: 'NO_ANCHORS' })
    expect(asked).toEqual([])
  }
})

test('from chooses the anchors, and without it the only identity does (DISC-10)', async () => {
  const trust = [
    { for: 'clinic-a.example', direction: 'outgoing', anchors: [pki('root-a.pem')] },
    { for: '*', direction: 'outgoing', anchors: [pki('root-b.pem')] },
  ]
  const zone = {
    'clinic-b.example': [der('clinic-b.pem')],
    'stranger.example': [
      Buffer.from(
        mint({ issuer: issuer('root-b'), key: 'clinic-b', san: ['stranger.example'] }).certificate.der,
      ),
    ],
  }
  const { agent } = await over(zone, { config: { trust } })
  const routes = async (from?: string) =>
    (await agent.classify([B, 'x@stranger.example'], from === undefined ? {} : { from })).map(
      ({ route }) => route,
    )
  expect(await routes()).toEqual(['direct', 'insecure'])
  expect(await routes('dr.kim@clinic-a.example')).toEqual(['direct', 'insecure'])
  expect(await routes('someone@elsewhere.example')).toEqual(['insecure', 'direct'])
})

test.each([
  ['no at sign', 'dr.lee'],
  ['a line break', 'dr.lee@hisp.example\r\nBcc: eve@evil.example'],
  ['NUL', 'dr\u0000lee@hisp.example'],
  ['a display name', 'Lee <dr.lee@hisp.example>'],
  ['a quoted local part', '"dr lee"@hisp.example'],
  ['an address literal', 'dr.lee@[192.0.2.1]'],
  ['nothing at all', ''],
])('an address with %s is a result and asks nothing (MSG-13)', async (_, address) => {
  const { agent, asked } = await over({ 'clinic-b.example': [der('clinic-b.pem')] })
  const answers = await agent.classify([address, B])
  expect(answers).toMatchObject([
    { address, route: 'insecure', directCapable: false, why: [{ code: 'ADDRESS_INVALID' }] },
    { address: B, route: 'direct' },
  ])
  expect(asked).toEqual(['CERT dr.lee.clinic-b.example', 'CERT clinic-b.example'])
})

test('many addresses keep their order, each question once for each', async () => {
  const { agent } = await over({ 'clinic-b.example': [der('clinic-b.pem')] })
  const addresses = Array.from({ length: 30 }, (_, n) =>
    n % 3 === 0 ? `p${n}@none.example` : `p${n}@clinic-b.example`,
  )
  const answers = await agent.classify(addresses)
  expect(answers.map(({ address }) => address)).toEqual(addresses)
  expect(answers.map(({ route }) => route)).toEqual(
    addresses.map((address) => (address.endsWith('none.example') ? 'insecure' : 'direct')),
  )
})

test('--no-network asks the configured certificates alone; without one it is not known', async () => {
  const smtp = tlsProof(PROVED)
  const { agent, asked } = await over(
    { 'hisp.example': [validDomain] },
    {
      config: { certificates: [pki('clinic-b.pem')], ...TLS_HISP },
      parts: { network: false, smtp },
    },
  )
  const [configured, other] = await agent.classify([B, LEE])
  expect(configured).toMatchObject({ route: 'direct', certificates: [{ foundIn: 'configured' }] })
  expect(other).toMatchObject({ route: 'undetermined', directCapable: null })
  expect(other?.evidence.map(({ status }) => status)).toEqual(['absent', ...Array(5).fill('not-asked')])
  expect(asked).toEqual([])
  expect(smtp.proofs).toEqual([])
})

test('--no-network and an unusable configured certificate: known, and insecure (DISC-1)', async () => {
  const { agent } = await over(
    {},
    { config: { certificates: [pki('CERT2_Expired.pem')] }, parts: { network: false } },
  )
  expect(await routeOf(agent, B)).toMatchObject({ route: 'insecure', directCapable: false })
})

test('garbled records alone are something published, and unusable: the search stops (DISC-4)', async () => {
  const { agent, asked } = await over({
    'dr.lee.hisp.example': [Buffer.from('no certificate')],
    'hisp.example': [validDomain],
  })
  const recipient = await routeOf(agent, LEE)
  expect(recipient).toMatchObject({ route: 'insecure', directCapable: false })
  expect(codes(recipient)).toEqual(['CERT_MALFORMED'])
  expect(asked).toEqual(['CERT dr.lee.hisp.example'])
})

test('a garbled record beside a good one is a note, and harms nobody (DISC-4)', async () => {
  const { agent } = await over({ 'hisp.example': [Buffer.from('no certificate'), validDomain] })
  const recipient = await routeOf(agent, LEE)
  expect(recipient.route).toBe('direct')
  expect(recipient.evidence.find(({ place }) => place === 'dns-domain')?.notes).toHaveLength(1)
})

test('an intermediate that is published beside the leaf, or configured, completes the path (CERT-5)', async () => {
  const leaf = readFileSync(pki('dr-lee.pem'), 'latin1')
  const alone = await over({ 'dr.lee.hisp.example': [der('dr-lee.pem')] })
  expect(codes(await routeOf(alone.agent, LEE))).toEqual(['UNKNOWN_ISSUER'])
  const beside = await over({ 'dr.lee.hisp.example': [der('dr-lee.pem'), der('intermediate.pem')] })
  expect(await routeOf(beside.agent, LEE)).toMatchObject({ route: 'direct' })
  const file = join(await temporaryFolder(), 'intermediate.pem')
  await writeFile(file, leaf.slice(leaf.lastIndexOf('-----BEGIN')))
  const configured = await over(
    { 'dr.lee.hisp.example': [der('dr-lee.pem')] },
    { config: { certificates: [file] } },
  )
  expect(await routeOf(configured.agent, LEE)).toMatchObject({ route: 'direct' })
})

test("an answer lasts as long as the zone says, never beyond the certificate's end; not known is asked again soon", async () => {
  const now = new Date('2026-11-21T12:00:00Z')
  const soon = minted({ san: ['hisp.example'], from: '2026-01-01', to: '2026-11-21T12:05:00Z' })
  const { agent } = await over(
    {
      'clinic-b.example': [der('clinic-b.pem')],
      'hisp.example': [soon],
      'broken.example': 'SERVFAIL',
    },
    { parts: { now: () => now } },
  )
  const answers = await agent.classify([B, LEE, 'x@broken.example', 'x@none.example'])
  const seconds = answers.map(({ validUntil }) => (validUntil.getTime() - now.getTime()) / 1000)
  // 120 s is the negative answer of the address, 600 s the positive one of the domain.
  expect(seconds).toEqual([120, 120, 60, 120])
})

test('the certificate of the wrong purpose is not encrypted to: KEY_USAGE (CERT-4)', async () => {
  const { agent } = await over({ 'clinic-b.example': [der('CERT4_KeyUsage_SignOnly.pem')] })
  expect(codes(await routeOf(agent, B))).toEqual(['KEY_USAGE'])
})

test('discover lists every certificate of the deciding place with its verdict', async () => {
  const { agent } = await over({ 'hisp.example': [expiredDomain, validDomain] })
  expect(await agent.discover(LEE)).toMatchObject({
    address: LEE,
    outcome: 'direct',
    chosen: fingerprint(validDomain),
    places: [
      { place: 'configured', status: 'absent' },
      { place: 'dns-address', status: 'absent', owner: 'dr.lee.hisp.example' },
      {
        place: 'dns-domain',
        status: 'found',
        certificates: [
          { sha256: fingerprint(expiredDomain), usable: false, why: [{ code: 'CERT_EXPIRED' }] },
          { sha256: fingerprint(validDomain), usable: true, why: [] },
        ],
      },
      { place: 'ldap-address', status: 'not-asked' },
      { place: 'ldap-domain', status: 'not-asked' },
      { place: 'cert-server', status: 'not-asked' },
    ],
  })
  expect(await agent.discover('nobody')).toMatchObject({
    ...{ address: 'nobody', places: [], chosen: null, outcome: 'none' },
    why: [{ code: 'ADDRESS_INVALID' }],
  })
})
