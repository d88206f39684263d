import { createPrivateKey } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { type Agent, createAgent, type ImportedCertificate } from '../../agent/index.ts'
import { unknownCritical } from '../../fixtures/extensions.ts'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { all, clinicConfig, issuer, pki, temporaryFolder } from '../flow/clinics.ts'
import { answered, asP7b, verified } from './authority.ts'

const NOW = new Date('2026-11-22T12:00:00Z')
const A = 'clinic-a.example'

interface Set extends AsyncDisposable {
  readonly agent: Agent
  readonly dir: string
  readonly dataDir: string
}

/** An agent whose only identity has its key (of the pool) and waits for its certificate. */
async function waiting(key = 'clinic-a', more: object = {}): Promise<Set & { readonly certificate: string }> {
  const dir = await temporaryFolder()
  const certificate = join(dir, 'a.pem')
  const identities = [{ for: A, certificate, privateKey: pki(`${key}.key`) }]
  return { ...(await agentIn(dir, { identities, ...more })), certificate }
}

async function agentIn(dir: string, config: object): Promise<Set> {
  const dataDir = join(dir, 'data')
  const agent = await createAgent(
    { ...clinicConfig('a', dataDir), identities: [], ...config },
    { resolver: literalZone({}), now: () => NOW },
  )
  onTestFinished(() => agent[Symbol.asyncDispose]())
  return { agent, dir, dataDir, [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose]() }
}

const leaf = (more: MintOptions = {}) =>
  mint({ issuer: issuer('root-a'), san: [A], key: 'clinic-a', from: '2026-11-01', ...more })
const kim = { actor: 'kim' }
const taken = (agent: Agent, pem: string | Uint8Array) =>
  agent.identities.import(typeof pem === 'string' ? Buffer.from(pem) : pem, kim)
const codes = (results: readonly ImportedCertificate[]) =>
  results.flatMap((one) => (one.outcome === 'refused' ? one.why.map(({ code }) => code) : [one.outcome]))

test('the answer to the request of direct init goes into the very file that the configuration names, 0600', async () => {
  const { agent, certificate } = await waiting()
  const { request } = await agent.identities.request(A, kim)
  const said = await verified(request)
  for (const part of [
    'verify OK',
    'Digital Signature, Key Encipherment',
    'E-mail Protection',
    'DNS:clinic-a.example',
  ])
    expect(said).toContain(part)
  const { pem } = await answered(request)
  expect(await taken(agent, pem)).toMatchObject([
    {
      outcome: 'imported',
      for: A,
      boundTo: 'domain',
      use: ['sign', 'encrypt'],
      file: certificate,
      leadsToAnchor: true,
    },
  ])
  expect(await readFile(certificate, 'utf8')).toBe(pem)
  expect((await stat(certificate)).mode & 0o777).toBe(0o600)
  expect(codes(await taken(agent, pem))).toEqual(['known'])
})

test.each<[why: string, code: string, options: MintOptions]>([
  ['for another key', 'KEY_MISMATCH', { key: 'clinic-b' }],
  ['for another name', 'CERT_NOT_BOUND', { san: ['clinic-b.example'] }],
  ['for the parent domain', 'CERT_NOT_BOUND', { san: ['example'] }],
  ['that has ended', 'CERT_EXPIRED', { from: '2024-01-01', to: '2025-01-01' }],
  ['that begins in a year', 'CERT_NOT_YET_VALID', { from: '2027-11-22' }],
  [
    "that is a CA's",
    'CERT_IS_CA',
    { ca: true, keyUsage: ['digitalSignature', 'keyEncipherment', 'keyCertSign'] },
  ],
  ['that is signed with SHA-1', 'SIGNATURE_WEAK', { digest: 'sha1' }],
  ['that may do neither', 'KEY_USAGE', { keyUsage: ['dataEncipherment'] }],
  ['for TLS servers', 'EXT_KEY_USAGE', { extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] }],
  ['that no partner may accept (CERT-5)', 'UNKNOWN_CRITICAL_EXTENSION', { extensions: [unknownCritical] }],
])('a certificate %s is refused as %s, and nothing is changed', async (_, code, options) => {
  const { agent, dataDir, certificate } = await waiting()
  const [result, ...others] = await taken(agent, leaf(options).pem)
  expect(others).toEqual([])
  expect(codes([result])).toContain(code)
  await expect(stat(certificate)).rejects.toMatchObject({ code: 'ENOENT' })
  expect(await readdir(join(dataDir, 'identities'))).toEqual([])
  expect(await all(agent.audit())).toEqual([])
})

test('a certificate for a weak key is refused (ALG)', async () => {
  const { agent } = await waiting('rsa-1024')
  expect(codes(await taken(agent, leaf({ key: 'rsa-1024' }).pem))).toEqual(['KEY_WEAK'])
})

test('certificatePolicy.own decides here too', async () => {
  const { agent } = await waiting('clinic-a', { certificatePolicy: { own: { minRsaBits: 4096 } } })
  expect(codes(await taken(agent, leaf().pem))).toEqual(['KEY_WEAK'])
})

test('KEY_MISMATCH says which keys were looked at, those that cannot be read too', async () => {
  const { agent, dir } = await waiting()
  await agent.identities.request('dr.kim@clinic-a.example', { ...kim, keyType: 'rsa-2048' })
  const [result] = await taken(agent, leaf({ key: 'clinic-b' }).pem)
  const text = result.outcome === 'refused' ? result.why[0].text : ''
  expect(text).toContain('dr.kim@clinic-a.example, waits for its certificate')
  expect(text).toContain('clinic-a.key')
  const broken = join(dir, 'broken.key')
  await writeFile(broken, 'no key')
  const other = await agentIn(dir, { identities: [{ for: A, certificate: 'x.pem', privateKey: broken }] })
  const [second] = await taken(other.agent, leaf({ key: 'clinic-b' }).pem)
  expect(second.outcome === 'refused' && second.why[0].text).toMatch(
    /broken\.key \(clinic-a\.example, cannot be read\)/,
  )
})

test('a chain in any order, as PEM or p7b: intermediates are kept, the issuer first, and the root is left out', async () => {
  const { agent, certificate, dir } = await waiting()
  const own = leaf({ issuer: issuer('intermediate') })
  const [leafFile, intermediate, root] = [join(dir, 'leaf.pem'), pki('intermediate.pem'), pki('root-a.pem')]
  await writeFile(leafFile, own.pem)
  const p7b = await asP7b(root, intermediate, leafFile)
  const [result] = await taken(agent, p7b)
  expect(result).toMatchObject({
    outcome: 'imported',
    intermediates: [expect.any(String)],
    leadsToAnchor: true,
  })
  const intermediatePem = await readFile(intermediate, 'utf8')
  expect((await readFile(certificate, 'utf8')).match(/BEGIN/g)).toHaveLength(2)
  expect(await readFile(certificate, 'utf8')).toBe(
    own.pem + intermediatePem.slice(intermediatePem.indexOf('-----BEGIN')),
  )

  const again = await waiting()
  const reversed = `${await readFile(root, 'utf8')}${intermediatePem}some text\n${own.pem}`
  const [second] = await taken(again.agent, reversed)
  expect(second).toMatchObject({ outcome: 'imported', intermediates: [expect.any(String)] })
  const der = await waiting()
  expect(codes(await taken(der.agent, own.certificate.der))).toEqual(['imported'])
})

test('a renewal with the same key goes beside the old certificate, which is never overwritten (ALG-5)', async () => {
  const { agent, certificate, dataDir } = await waiting()
  const old = leaf({ from: '2026-01-01' })
  await taken(agent, old.pem)
  const [result] = await taken(agent, leaf().pem)
  expect(result).toMatchObject({ outcome: 'imported', for: A })
  expect(await readFile(certificate, 'utf8')).toBe(old.pem)
  const [folder] = await readdir(join(dataDir, 'identities'))
  expect((await readdir(join(dataDir, 'identities', folder as string))).sort()).toEqual([
    'certificate.pem',
    'identity.json',
  ])
  expect(await agent.identities.list()).toMatchObject([
    { state: 'reading-only', use: [] },
    { state: 'in-use', use: ['sign', 'encrypt'] },
  ])
})

test('a same-key renewal reads an encrypted key of the configuration by its password', async () => {
  const dir = await temporaryFolder()
  const [certificate, privateKey] = [join(dir, 'a.pem'), join(dir, 'a.key')]
  const key = createPrivateKey(await readFile(pki('clinic-a.key')))
  await writeFile(
    privateKey,
    key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }),
    { mode: 0o600 },
  )
  await writeFile(certificate, leaf({ from: '2026-01-01' }).pem)
  const identities = [{ for: A, certificate, privateKey, passwordEnv: 'PASSWORD_OF_A' }]
  const config = { ...clinicConfig('a', join(dir, 'data')), identities }
  await using agent = await createAgent(config, {
    env: { PASSWORD_OF_A: 'secret' },
    resolver: literalZone({}),
  })
  expect(codes(await taken(agent, leaf().pem))).toEqual(['imported'])
  expect((await agent.identities.list()).map(({ state }) => state)).toEqual(['reading-only', 'in-use'])
})

test('one for each use is allowed, and said; together they serve (CERT-4)', async () => {
  const { agent } = await waiting()
  const pair = leaf({ keyUsage: ['digitalSignature'] }).pem + leaf({ keyUsage: ['keyEncipherment'] }).pem
  const results = await taken(agent, pair)
  expect(results).toMatchObject([
    { outcome: 'imported', use: ['sign'], notes: [expect.stringContaining('can only sign')] },
    { outcome: 'imported', use: ['encrypt'] },
  ])
  expect((await agent.identities.list()).map(({ use }) => use)).toEqual([['sign'], ['encrypt']])
})

test('one for an EC key with keyEncipherment in the place of keyAgreement is told what it lacks (RFC 5753)', async () => {
  const { agent } = await agentIn(await temporaryFolder(), {})
  const { request } = await agent.identities.request(A, { ...kim, keyType: 'ec-p256' })
  const extensions = `subjectAltName=DNS:${A}\nkeyUsage=digitalSignature,keyEncipherment\n`
  const { pem } = await answered(request, { extensions })
  expect(await taken(agent, pem)).toMatchObject([
    {
      outcome: 'imported',
      use: ['sign'],
      notes: [expect.stringMatching(/only sign, .*not keyAgreement \(RFC 5753\): another certificate/)],
    },
  ])
})

test('of several, one that is refused takes the others with it', async () => {
  const { agent, certificate } = await waiting()
  expect(codes(await taken(agent, leaf().pem + leaf({ to: '2026-11-10' }).pem))).toEqual(['CERT_EXPIRED'])
  await expect(stat(certificate)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('one that begins soon is taken, and used from then on', async () => {
  const { agent } = await waiting()
  const [result] = await taken(agent, leaf({ from: '2026-12-10' }).pem)
  expect(result).toMatchObject({
    outcome: 'imported',
    notes: [expect.stringContaining('not valid before 2026-12-10')],
  })
  expect(await agent.identities.list()).toMatchObject([{ state: 'not-yet-valid', use: [] }])
})

test('a CA that is nobody to us is worth a note, no more', async () => {
  const { agent } = await waiting()
  const [result] = await taken(agent, leaf({ issuer: issuer('root-b') }).pem)
  expect(result).toMatchObject({ outcome: 'imported', leadsToAnchor: false })
})

test('requests and imports are audited with who did it; the key is nowhere in it', async () => {
  const { agent } = await agentIn(await temporaryFolder(), {})
  const { request } = await agent.identities.request('dr.kim@clinic-a.example', {
    ...kim,
    keyType: 'rsa-2048',
  })
  await taken(agent, (await answered(request)).pem)
  expect(await all(agent.audit())).toMatchObject([
    { event: 'certificate-requested', actor: 'kim', address: 'dr.kim@clinic-a.example', certificate: null },
    { event: 'certificate-imported', actor: 'kim', certificate: expect.stringMatching(/^[0-9a-f]{64}$/) },
  ])
})

test('two requests for one name at once are one; --new makes another, and either answer is taken', async () => {
  const { agent, dataDir } = await agentIn(await temporaryFolder(), {})
  const ask = (more = {}) => agent.identities.request(A, { ...kim, keyType: 'rsa-2048', ...more })
  const [one, two] = await Promise.all([ask(), ask()])
  expect(one.request).toBe(two.request)
  expect([one.outcome, two.outcome].sort()).toEqual(['made', 'open'])
  const other = await ask({ anew: true })
  expect(other.key).not.toBe(one.key)
  expect(codes(await taken(agent, (await answered(one.request)).pem))).toEqual(['imported'])
  expect(codes(await taken(agent, (await answered(other.request)).pem))).toEqual(['imported'])
  for (const name of await readdir(join(dataDir, 'identities'))) {
    const folder = join(dataDir, 'identities', name)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
    for (const file of await readdir(folder))
      expect((await stat(join(folder, file))).mode & 0o777).toBe(0o600)
  }
})

test('a request with the key that is there already copies no key', async () => {
  const { agent, dataDir } = await waiting()
  await taken(agent, leaf().pem)
  const { request, key } = await agent.identities.request(A, { ...kim, reuseKey: true })
  expect(key).toBe(leaf().certificate.spkiSha256)
  const [folder = ''] = await readdir(join(dataDir, 'identities'))
  expect((await readdir(join(dataDir, 'identities', folder))).sort()).toEqual([
    'identity.json',
    'request.pem',
  ])
  expect(codes(await taken(agent, (await answered(request)).pem))).toEqual(['imported'])
  await expect(
    agent.identities.request('clinic-z.example', { ...kim, reuseKey: true }),
  ).rejects.toMatchObject({ code: 'USAGE' })
})

test('a certificate is asked for with an EC key, and asked for again; with one too weak for partners it is not (ALG)', async () => {
  const { agent, certificate } = await waiting('ec-p256')
  expect(await agent.identities.request(A, kim)).toMatchObject({ outcome: 'open', keyType: 'ec-p256' })
  await writeFile(certificate, leaf({ key: 'ec-p256' }).pem)
  const again = await agent.identities.request(A, { ...kim, reuseKey: true })
  expect(again).toMatchObject({ outcome: 'made', keyType: 'ec-p256' })
  expect(again.key).toBe(leaf({ key: 'ec-p256' }).certificate.spkiSha256)
  const { agent: weak } = await waiting('rsa-1024')
  await expect(weak.identities.request(A, kim)).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('neither an RSA key of 2048 bits or more nor an EC key'),
  })
})

test('a folder in which something was spoilt is listed as unusable, and told', async () => {
  const { agent, dataDir } = await agentIn(await temporaryFolder(), {})
  const folder = join(dataDir, 'identities', 'spoilt')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'identity.json'), '{"for":')
  expect(await agent.identities.list()).toMatchObject([{ kind: 'own', for: 'spoilt', state: 'unusable' }])
  expect((await agent.notices()).join()).toContain('spoilt')
})

test.each(['*', 'clinic', 'a b@clinic-a.example', 'x'.repeat(300)])(
  '%j is nobody to ask for',
  async (name) => {
    const { agent } = await agentIn(await temporaryFolder(), {})
    await expect(agent.identities.request(name, kim)).rejects.toMatchObject({ code: 'USAGE' })
  },
)

test.each([
  ['nothing', ''],
  ['a key', 'clinic-a.key'],
])('%s in the place of an answer is CERT_UNREADABLE', async (_, file) => {
  const { agent } = await waiting()
  const bytes = file === '' ? Buffer.alloc(0) : await readFile(pki(file))
  await expect(agent.identities.import(bytes, kim)).rejects.toMatchObject({ code: 'CERT_UNREADABLE' })
})

test('what cannot be audited does not happen: no request and no certificate is there that no row speaks of', async () => {
  const { agent, dir, dataDir, certificate } = await waiting()
  await agent.identities.request('first.example', kim)
  const database = new DatabaseSync(join(dataDir, 'direct.db'))
  onTestFinished(() => database.close())
  database.exec("create trigger full before insert on audit begin select raise(abort, 'full'); end")
  const files = async () =>
    (await readdir(dir, { recursive: true })).filter((name) => !/direct\.db/.test(name))
  const before = await files()
  const { pem } = leaf()
  const failed = { code: 'STORE_FAILED' }
  await expect(agent.identities.request('second.example', kim)).rejects.toMatchObject(failed)
  await expect(taken(agent, pem)).rejects.toMatchObject(failed)
  await expect(readFile(certificate)).rejects.toMatchObject({ code: 'ENOENT' })
  expect(await files()).toEqual(before)
  database.exec('drop trigger full')
  expect(codes(await taken(agent, pem))).toEqual(['imported'])
  await agent.identities.request('second.example', kim)
  expect((await all(agent.audit())).map(({ event, address }) => [event, address])).toEqual([
    ['certificate-requested', 'first.example'],
    ['certificate-imported', A],
    ['certificate-requested', 'second.example'],
  ])
})
