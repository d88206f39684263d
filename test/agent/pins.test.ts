import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { settingsOf } from '../../agent/config/load.ts'
import { type Agent, createAgent, type PinRequest } from '../../agent/index.ts'
import { requireIncomingAnchors } from '../../agent/trust/current.ts'
import { mint } from '../../fixtures/pki.ts'
import { AnchorSets } from '../../trust-anchors/index.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { all, clinicConfig, der, fingerprint, issuer, pki, temporaryFolder } from '../flow/clinics.ts'
import { CLINIC_A, type ForeignMail, foreignMail } from '../flow/foreign-mail.ts'

const NOW = new Date('2026-11-21T12:00:00Z')
const LEE = 'dr.lee@clinic-b.example'
/** clinic-b.example, by a CA that is no anchor here; the key is that of the fixture clinic-b. */
const UNTRUSTED = pki('CERT6_ClinicB_UnderRootB.pem')
const SHA256 = fingerprint(der('CERT6_ClinicB_UnderRootB.pem'))
const SIGNER = { certificate: UNTRUSTED, privateKey: pki('clinic-b.key') }

async function clinicA(dir?: string, config: object = {}): Promise<Agent> {
  const agent = await createAgent(
    { ...clinicConfig('a', dir ?? (await temporaryFolder())), revocation: 'off', ...config },
    { resolver: literalZone({}), now: () => NOW },
  )
  onTestFinished(() => agent[Symbol.asyncDispose]())
  return agent
}

function request(path: string, over: Partial<PinRequest> = {}): PinRequest {
  return {
    path,
    address: LEE,
    actor: 'kim',
    why: 'fingerprint read out by phone',
    until: new Date('2027-06-01T00:00:00Z'),
    ...over,
  }
}

async function mail(over: ForeignMail): Promise<string> {
  const inner = { From: LEE, To: 'dr.kim@clinic-a.example', ...over.inner }
  const path = join(await temporaryFolder(), 'mail.eml')
  await writeFile(path, await foreignMail({ signers: [SIGNER], outer: inner, ...over, inner }))
  return path
}

const routesOf = async (agent: Agent, ...addresses: readonly string[]) =>
  (await agent.classify(addresses, { from: 'dr.kim@clinic-a.example' })).map(({ route }) => route)

test('an answer that rests on a pin holds no longer than the pin (DISC-11)', async () => {
  const agent = await clinicA(undefined, { certificates: [UNTRUSTED] })
  const until = new Date('2026-11-21T12:30:00Z')
  await agent.pins.add(request(UNTRUSTED, { until }))
  const [recipient] = await agent.classify([LEE], { from: 'dr.kim@clinic-a.example' })
  expect(recipient).toMatchObject({ route: 'direct', validUntil: until })
})

test('a pinned certificate is believed for its one address, and for no other of the same domain (TR-5)', async () => {
  const dir = await temporaryFolder()
  const [one, two] = [await clinicA(dir), await clinicA(dir)]
  expect(await routesOf(two, LEE)).toEqual(['insecure'])
  const pin = await one.pins.add(request(UNTRUSTED))
  expect(pin).toEqual({
    ...{ address: LEE, sha256: SHA256, actor: 'kim', why: 'fingerprint read out by phone' },
    ...{ until: new Date('2027-06-01T00:00:00Z'), at: NOW, state: 'in-force' },
    notes: [
      expect.stringMatching(/whether it is revoked will not be asked; "direct cert unpin .*" ends that/),
    ],
  })
  expect(await routesOf(two, LEE, 'other@clinic-b.example')).toEqual(['direct', 'insecure'])
  expect(await one.pins.remove(LEE, { actor: 'kim' })).toBe(1)
  expect(await routesOf(two, LEE)).toEqual(['insecure'])
  const rows = await all(one.audit())
  expect(rows.map(({ event, actor, address, certificate }) => [event, actor, address, certificate])).toEqual([
    ['certificate-pinned', 'kim', LEE, SHA256],
    ['certificate-unpinned', 'kim', LEE, SHA256],
  ])
  expect(rows[0]?.why[0]?.text).toBe('until 2027-06-01T00:00:00.000Z: fingerprint read out by phone')
})

test('a pin alone, without any anchor, is trust in its one address, to write to and to hear from; others have none (TR-5, DISC-10)', async () => {
  const agent = await clinicA(undefined, { trust: [] })
  await expect(routesOf(agent, LEE)).rejects.toMatchObject({ code: 'NO_ANCHORS' })
  await agent.pins.add(request(UNTRUSTED))
  expect(await routesOf(agent, LEE)).toEqual(['direct'])
  expect(await routesOf(agent, LEE, 'other@clinic-b.example')).toEqual(['direct', 'insecure'])
  await expect(routesOf(agent, 'other@clinic-b.example')).rejects.toMatchObject({ code: 'NO_ANCHORS' })
  const opened = async (from: string) => {
    const path = await mail({ inner: { From: from }, encryptTo: [pki('clinic-a.pem')] })
    return agent.open({ path, to: ['dr.kim@clinic-a.example'] })
  }
  expect(await opened(LEE)).toMatchObject({ verdict: 'accept' })
  expect(await opened('other@clinic-b.example')).toMatchObject({
    verdict: 'reject',
    code: 'SIGNER_UNTRUSTED',
  })
  await agent.pins.remove(LEE, { actor: 'kim' })
  await expect(routesOf(agent, LEE)).rejects.toMatchObject({ code: 'NO_ANCHORS' })
})

test('receiving without any anchor is a mistake in the configuration, unless somebody has a pin (TR-5)', () => {
  const settings = settingsOf({}, { origin: 'the test', dir: '/', env: {} })
  const trust = { anchors: new AnchorSets([]), pinned: () => [] }
  expect(() => requireIncomingAnchors(settings, { ...trust, hasPins: true })).not.toThrow()
  expect(() => requireIncomingAnchors(settings, { ...trust, hasPins: false })).toThrow(
    expect.objectContaining({ code: 'NO_ANCHORS' }),
  )
})

test('a pin ends when it said it would', async () => {
  const dir = await temporaryFolder()
  const agent = await clinicA(dir)
  await agent.pins.add(request(UNTRUSTED))
  const later = await createAgent(
    { ...clinicConfig('a', dir), revocation: 'off' },
    { resolver: literalZone({}), at: new Date('2027-06-01T00:00:00Z') },
  )
  onTestFinished(() => later[Symbol.asyncDispose]())
  expect(await routesOf(later, LEE)).toEqual(['insecure'])
  expect(await later.pins.list()).toMatchObject([{ state: 'ended' }])
})

test.each([
  ['that is sealed to us', { encryptTo: [CLINIC_A.certificate] }],
  ['that is only signed', { encryptTo: null }],
  [
    'whose outer header does not name us',
    { encryptTo: [CLINIC_A.certificate], outer: { To: 'list@x.example' } },
  ],
])('the signer of a mail %s is pinned (TR-5)', async (_, how) => {
  const agent = await clinicA()
  expect((await agent.pins.add(request(await mail(how)))).sha256).toBe(SHA256)
  expect(await routesOf(agent, LEE)).toEqual(['direct'])
})

test('the expected SHA-256 is compared, however it is written; another certificate is refused', async () => {
  const agent = await clinicA()
  const other = 'ab'.repeat(32)
  await expect(agent.pins.add(request(UNTRUSTED, { sha256: other }))).rejects.toMatchObject({
    code: 'MESSAGE_INVALID',
    message: expect.stringMatching(new RegExp(`another one than expected: its SHA-256 is ${SHA256}$`)),
  })
  for (const sha256 of ['3364e4188ea2c819', SHA256.slice(1), 'no fingerprint'])
    await expect(agent.pins.add(request(UNTRUSTED, { sha256 }))).rejects.toMatchObject({ code: 'USAGE' })
  expect(await agent.pins.list()).toEqual([])
  const written = SHA256.toUpperCase().match(/../g)?.join(':').replaceAll(':A', ' A')
  expect((await agent.pins.add(request(UNTRUSTED, { sha256: written }))).sha256).toBe(SHA256)
})

test('a pin is ended by the first 16 digits of its SHA-256, and by no fewer', async () => {
  const agent = await clinicA()
  await agent.pins.add(request(UNTRUSTED))
  const remove = (sha256: string) => agent.pins.remove(LEE, { sha256, actor: 'kim' })
  await expect(remove(SHA256.slice(0, 15))).rejects.toMatchObject({ code: 'USAGE' })
  expect(await remove('ab'.repeat(8))).toBe(0)
  expect(await remove(`${SHA256.slice(0, 16)}…`)).toBe(1)
})

test.each([
  ['signed alone', { encryptTo: null }, false],
  ['sealed to us', { encryptTo: [CLINIC_A.certificate] }, true],
])('who signed a mail that is %s is told before anybody is pinned', async (_, how, sealed) => {
  const agent = await clinicA()
  const signed = await agent.pins.signers(await mail(how))
  expect(signed).toEqual({
    sealed,
    signers: [{ sha256: SHA256, der: expect.any(Uint8Array), weak: false }],
    why: null,
  })
})

test('of a mail that is sealed to others, or that nobody signed, it is said why there is nobody', async () => {
  const agent = await clinicA()
  const signers = async (how: ForeignMail) => agent.pins.signers(await mail(how))
  expect(await signers({ encryptTo: [UNTRUSTED] })).toMatchObject({
    sealed: true,
    signers: [],
    why: { code: 'NOT_FOR_US' },
  })
  expect(await signers({ encryptTo: null, signers: [] })).toMatchObject({
    sealed: false,
    why: { code: 'NOT_SIGNED' },
  })
})

test('a certificate that a mail quotes is not its signer, and is not pinned for it (TR-5)', async () => {
  const agent = await clinicA()
  const path = await mail({ encryptTo: null, signers: [CLINIC_A] })
  const text = await readFile(path, 'latin1')
  await writeFile(
    path,
    text.replace(/\r?\n\r?\n/, (blank) => `${blank}${mint({ san: [LEE] }).pem}${blank}`),
    'latin1',
  )
  await expect(agent.pins.add(request(path))).rejects.toMatchObject({
    code: 'MESSAGE_INVALID',
    message: expect.stringContaining('CERT_NOT_BOUND'),
  })
})

test('the signer of mail whose signed part was changed is not pinned', async () => {
  const agent = await clinicA()
  const path = await mail({ encryptTo: null })
  const changed = (await foreignMail({ signers: [SIGNER], encryptTo: null }))
    .toString('latin1')
    .replace('see her', 'see him')
  await writeFile(path, changed, 'latin1')
  await expect(agent.pins.add(request(path))).rejects.toMatchObject({
    code: 'MESSAGE_INVALID',
    message: expect.stringContaining('SIGNATURE_INVALID'),
  })
  expect(await agent.pins.list()).toEqual([])
})

test.each([
  ['a mail that is sealed to somebody else', { encryptTo: [UNTRUSTED] }, 'NOT_FOR_US'],
  ['a mail that nobody signed', { encryptTo: null, signers: [] }, 'NOT_SIGNED'],
  ['a mail signed by SHA-1', { encryptTo: null, digest: 'sha1' as const }, 'ALGORITHM_REFUSED'],
  [
    'a mail signed by somebody who is not bound to the address',
    { encryptTo: null, signers: [CLINIC_A] },
    'CERT_NOT_BOUND',
  ],
])('%s pins nothing', async (_, how, code) => {
  const agent = await clinicA()
  await expect(agent.pins.add(request(await mail(how)))).rejects.toMatchObject({
    code: 'MESSAGE_INVALID',
    message: expect.stringContaining(code),
  })
  expect(await agent.pins.list()).toEqual([])
})

test.each([
  ['of another domain', 'CERT1_OtherDomain.pem', 'CERT_NOT_BOUND'],
  ['that has ended', 'CERT2_Expired.pem', 'CERT_EXPIRED'],
  ['that is not valid yet', 'CERT2_NotYetValid.pem', 'CERT_NOT_YET_VALID'],
  ['of a CA', 'CERT3_CaLeaf.pem', 'CERT_IS_CA'],
  ['of a weak key', 'ALG_Rsa1024.pem', 'KEY_WEAK'],
  ['for web servers', 'CERT4_Eku_ServerAuthOnly.pem', 'EXT_KEY_USAGE'],
])('a certificate %s pins nothing', async (_, file, code) => {
  const agent = await clinicA()
  await expect(agent.pins.add(request(pki(file)))).rejects.toMatchObject({
    code: 'MESSAGE_INVALID',
    message: expect.stringContaining(code),
  })
})

test.each([
  ['who', { actor: '' }],
  ['why', { why: '  ' }],
  ['why, on one line', { why: 'a\nb' }],
  ['an end that is to come', { until: NOW }],
  ['an end that is a time', { until: new Date('nonsense') }],
  ['an end within the certificate’s own', { until: new Date('2099-01-01') }],
])('a pin says %s, or is none', async (_, over) => {
  const agent = await clinicA()
  await expect(agent.pins.add(request(UNTRUSTED, over))).rejects.toMatchObject({ code: 'USAGE' })
  expect(await agent.pins.list()).toEqual([])
})

test('a certificate for signing alone may be pinned: partners may have one for each use', async () => {
  const signing = mint({
    issuer: issuer('root-b'),
    san: [LEE],
    key: 'dr-lee',
    keyUsage: ['digitalSignature'],
  })
  const path = join(await temporaryFolder(), 'signing.pem')
  await writeFile(path, signing.pem)
  const agent = await clinicA()
  expect((await agent.pins.add(request(path))).sha256).toBe(signing.certificate.sha256)
  expect(await routesOf(agent, LEE)).toEqual(['insecure'])
})

test('mail of a pinned partner is believed when it comes, and is not once the pin is ended', async () => {
  const agent = await clinicA()
  const path = await mail({ encryptTo: [CLINIC_A.certificate] })
  const opening = { path, to: ['dr.kim@clinic-a.example'], mailFrom: LEE }
  expect((await agent.open(opening)).code).toBe('SIGNER_UNTRUSTED')
  await agent.pins.add(request(path))
  expect((await agent.open(opening)).verdict).toBe('accept')
  await agent.pins.remove(LEE, { actor: 'kim', sha256: SHA256 })
  expect((await agent.open(opening)).code).toBe('SIGNER_UNTRUSTED')
})
