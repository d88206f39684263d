import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseAddress } from '../../agent/address.ts'
import { createOurs } from '../../agent/identities/certificates.ts'
import { LiveIdentities } from '../../agent/identities/live.ts'
import { onlyIdentity } from '../../agent/identities.ts'
import { createAgent } from '../../agent/index.ts'
import { mint } from '../../fixtures/pki.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { clinicConfig, issuer, pki, temporaryFolder } from '../flow/clinics.ts'

const AT = new Date('2026-11-22T12:00:00Z')
const ADDRESS = parseAddress('dr.kim@clinic-a.example')
if ('code' in ADDRESS) throw new Error(ADDRESS.text)
const KIM = ADDRESS

const minted = (from: string, more: object = {}) =>
  mint({ issuer: issuer('root-a'), san: ['clinic-a.example'], key: 'clinic-a', from, ...more })

/** A configured identity whose files may be changed, and what the log was told. */
async function setUp() {
  const dir = await temporaryFolder()
  const [certificate, privateKey] = [join(dir, 'a.pem'), join(dir, 'a.key')]
  const old = minted('2026-01-01')
  await writeFile(certificate, old.pem)
  await copyFile(pki('clinic-a.key'), privateKey)
  const lines: string[] = []
  const keep = (_facts: object, text: string) => void lines.push(text)
  const settings = {
    dataDir: join(dir, 'data'),
    identities: [{ for: 'clinic-a.example', certificate, privateKey, password: undefined }],
  }
  const log = { info: keep, warn: keep, error: keep }
  const live = new LiveIdentities({ settings, policy: {}, log })
  return { live, lines, settings, certificate, privateKey, old }
}

/** A managed identity as `cert import` leaves it. */
async function managed(dataDir: string, files: Readonly<Record<string, string>>, name = 'clinic-a.example') {
  const folder = join(dataDir, 'identities', 'one')
  await mkdir(folder, { recursive: true })
  const facts = { version: 1, for: name, made: '2026-11-20T00:00:00.000Z', by: 'kim', key: 'key.pem' }
  await writeFile(join(folder, 'identity.json'), JSON.stringify(facts))
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text, { mode: 0o600 })
  return folder
}

const KEY_B = () =>
  minted('2026-01-01', { key: 'clinic-b' }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const SECOND = () => minted('2026-06-01', { key: 'clinic-b' })
const sha256s = (list: readonly { readonly certificate: { readonly sha256: string } }[]) =>
  list.map(({ certificate }) => certificate.sha256)

test('a renewal that is put in the same files signs and is published at once; mail to the old one is still read (ALG-5)', async () => {
  const { live, lines, certificate, old } = await setUp()
  const first = await live.current()
  expect(first.signingFor(KIM, AT).certificate.sha256).toBe(old.certificate.sha256)
  const renewed = minted('2026-11-01')
  await writeFile(certificate, renewed.pem)
  const second = await live.current()
  expect(second.signingFor(KIM, AT).certificate.sha256).toBe(renewed.certificate.sha256)
  expect(sha256s(second.published(AT))).toEqual([renewed.certificate.sha256])
  expect(sha256s(second.readingFor(KIM))).toEqual([renewed.certificate.sha256, old.certificate.sha256])
  expect(lines).toEqual(['a new certificate of clinic-a.example counts from now on'])
  // Who works on a message keeps what it began with.
  expect(first.signingFor(KIM, AT).certificate.sha256).toBe(old.certificate.sha256)
})

test('a key that a renewal overwrites is told at once: after this process, mail to the old certificate opens no more (ALG-5)', async () => {
  const { live, lines, certificate, privateKey, old } = await setUp()
  await live.current()
  await copyFile(pki('clinic-b.key'), privateKey)
  await live.current()
  const renewed = SECOND()
  await writeFile(certificate, renewed.pem)
  const now = await live.current()
  expect(sha256s(now.readingFor(KIM))).toEqual([renewed.certificate.sha256, old.certificate.sha256])
  expect(lines).toEqual([
    expect.stringMatching(/is not the private key of .*what was read before still counts$/),
    expect.stringContaining('a new certificate of clinic-a.example counts'),
    expect.stringMatching(/a\.key held another key before: .*put the old key and certificate back/),
  ])
})

test('where nothing has changed nothing is read', async () => {
  const { live } = await setUp()
  expect(await live.current()).toBe(await live.current())
})

test.each([
  ['half-written', (path: string, pem: string) => writeFile(path, pem.slice(0, 300))],
  ['removed', (path: string) => rm(path)],
  ['of another key', (path: string) => copyFile(pki('clinic-b.pem'), path)],
])('a certificate file that is %s: the last good one stays, and the log is told once', async (_, spoil) => {
  const { live, lines, certificate, old } = await setUp()
  await live.current()
  await spoil(certificate, old.pem)
  for (let i = 0; i < 3; i++)
    expect((await live.current()).signingFor(KIM, AT).certificate.sha256).toBe(old.certificate.sha256)
  expect(lines).toEqual([expect.stringMatching(/^of our own: .*what was read before still counts$/)])
  await writeFile(certificate, old.pem)
  expect((await live.current()).signingFor(KIM, AT).certificate.sha256).toBe(old.certificate.sha256)
  await rm(certificate)
  await live.current()
  expect(lines).toHaveLength(2)
})

test('one of the configuration that was never read well is an error, each time', async () => {
  const { live, certificate } = await setUp()
  await rm(certificate)
  for (let i = 0; i < 2; i++) await expect(live.current()).rejects.toMatchObject({ code: 'CERT_UNREADABLE' })
})

test('a managed one counts beside the configured ones, and goes with its folder', async () => {
  const { live, settings, old } = await setUp()
  await live.current()
  const second = SECOND()
  const folder = await managed(settings.dataDir, { 'certificate.pem': second.pem, 'key.pem': KEY_B() })
  const now = await live.current()
  expect(now.signingFor(KIM, AT).certificate.sha256).toBe(second.certificate.sha256)
  expect(sha256s(now.readingFor(KIM))).toEqual([old.certificate.sha256, second.certificate.sha256])
  await writeFile(join(folder, 'identity.json'), '{"version":')
  expect(sha256s((await live.current()).readingFor(KIM))).toHaveLength(2)
  await rm(folder, { recursive: true })
  expect(sha256s((await live.current()).readingFor(KIM))).toEqual([old.certificate.sha256])
})

test.each([
  ['no key', {}],
  ['the key of another', { 'key.pem': '' }],
  ['a request alone', { 'key.pem': '', 'certificate.pem': '' }],
])(
  'a managed certificate with %s never counts (never a certificate without a usable key)',
  async (_, over) => {
    const { live, settings, old } = await setUp()
    const other = minted('2026-01-01').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    const files: Record<string, string> = { 'certificate.pem': SECOND().pem, ...over }
    if ('key.pem' in files) files['key.pem'] = other
    if (files['certificate.pem'] === '') delete files['certificate.pem']
    await managed(settings.dataDir, files)
    const now = await live.current()
    expect(sha256s(now.readingFor(KIM))).toEqual([old.certificate.sha256])
    expect(sha256s(now.published(AT))).toEqual([old.certificate.sha256])
  },
)

test('certificates of two CAs are published beside each other; of the same CA the newer alone', async () => {
  const { live, settings, old } = await setUp()
  const elsewhere = mint({
    issuer: issuer('root-b'),
    san: ['clinic-a.example'],
    key: 'clinic-b',
    from: '2026-06-01',
  })
  const folder = await managed(settings.dataDir, { 'certificate.pem': elsewhere.pem, 'key.pem': KEY_B() })
  expect(sha256s((await live.current()).published(AT))).toEqual([
    old.certificate.sha256,
    elsewhere.certificate.sha256,
  ])
  const second = SECOND()
  await writeFile(join(folder, 'certificate.pem'), second.pem)
  expect(sha256s((await live.current()).published(AT))).toEqual([second.certificate.sha256])
})

test('the only identity may be a managed one (DISC-10); a second one ends that', async () => {
  const { settings } = await setUp()
  const ours = createOurs({ ...settings, identities: [] })
  expect(onlyIdentity((await ours()).names)).toBeNull()
  await managed(settings.dataDir, { 'certificate.pem': SECOND().pem, 'key.pem': KEY_B() }, 'clinic-c.example')
  expect(onlyIdentity((await ours()).names)).toBe('clinic-c.example')
  const both = createOurs(settings)
  expect(onlyIdentity((await both()).names)).toBeNull()
})

test('an unfinished folder of a request that was stopped is nobody', async () => {
  const { live, lines, settings } = await setUp()
  await mkdir(join(settings.dataDir, 'identities', '.1234.unfinished'), { recursive: true })
  await live.current()
  expect(lines).toEqual([])
})

test('an agent without identities in its configuration signs with what it was given by import', async () => {
  const dir = await temporaryFolder()
  const agent = await createAgent(
    { ...clinicConfig('a', dir), identities: [] },
    { resolver: literalZone({}) },
  )
  const draft = { from: 'dr.kim@clinic-a.example', to: ['x@none.example'], subject: 's', text: 't' }
  await expect(agent.plan(draft)).rejects.toMatchObject({ code: 'IDENTITY_MISSING' })
  await managed(dir, { 'certificate.pem': SECOND().pem, 'key.pem': KEY_B() })
  expect((await agent.plan(draft)).recipients).toMatchObject([{ result: 'refused' }])
  expect(await readdir(join(dir, 'identities'))).toEqual(['one'])
  await agent[Symbol.asyncDispose]()
})
