import { execFile } from 'node:child_process'
import {
  appendFile,
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parseAddress } from '../../agent/address.ts'
import { LiveIdentities } from '../../agent/identities/live.ts'
import { type Agent, createAgent } from '../../agent/index.ts'
import { certificateFiles } from '../../agent/publish/source.ts'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { clinicConfig, issuer, pki, temporaryFolder } from '../flow/clinics.ts'
import { answered } from './authority.ts'

const A = 'clinic-a.example'
const NOW = new Date('2026-11-22T12:00:00Z')
const FACTS = { version: 1, for: A, made: '2026-11-20T00:00:00.000Z', by: 'kim', key: 'key.pem' }
const kim = { actor: 'kim' }

const leaf = (more: MintOptions = {}) =>
  mint({ issuer: issuer('root-a'), san: [A], key: 'clinic-a', from: '2026-11-01', ...more })

/** An agent whose only identity is a managed one, and where that lies. */
async function managed(config: object = {}) {
  const dir = await temporaryFolder()
  const folder = join(dir, 'identities', 'one')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const put = (name: string, text: string) => writeFile(join(folder, name), text, { mode: 0o600 })
  await put('identity.json', JSON.stringify(FACTS))
  await put('key.pem', await readFile(pki('clinic-a.key'), 'utf8'))
  await put('certificate.pem', leaf().pem)
  const agent = await createAgent(
    { ...clinicConfig('a', dir), identities: [], ...config },
    { resolver: literalZone({}), now: () => NOW },
  )
  onTestFinished(() => agent[Symbol.asyncDispose]())
  return { agent, dir, folder, put }
}

const states = async (agent: Agent) => (await agent.identities.list()).map(({ state }) => state)
const fifo = (path: string) => promisify(execFile)('mkfifo', [path])

describe('what is no ordinary file is told, and holds nobody up', () => {
  test.each(['identity.json', 'certificate.pem', 'key.pem'])('a named pipe as %s', async (name) => {
    const { agent, folder } = await managed()
    await rm(join(folder, name))
    await fifo(join(folder, name))
    expect(await agent.identities.list()).toMatchObject([
      { state: 'unusable', why: [{ text: expect.stringContaining(`${name} is not an ordinary file`) }] },
    ])
    expect(await agent.zone.generate().catch(({ code }) => code)).toBe('IDENTITY_MISSING')
  })

  test.each(['identity.json', 'certificate.pem', 'key.pem'])('a device without end as %s', async (name) => {
    const { agent, folder } = await managed()
    await rm(join(folder, name))
    await symlink('/dev/zero', join(folder, name))
    expect(await states(agent)).toEqual(['unusable'])
  })

  test('an answer, or a request that was kept, that is a pipe', async () => {
    const { agent, dir } = await managed()
    const pipe = join(dir, 'pipe')
    await fifo(pipe)
    await expect(agent.identities.import(pipe, kim)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
    const ask = () => agent.identities.request('clinic-z.example', { ...kim, keyType: 'rsa-2048' })
    const { file } = await ask()
    await rm(file as string)
    await fifo(file as string)
    await expect(ask()).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
  })
})

test('links of an administrator are followed; a folder that leads nowhere is no empty one', async () => {
  const { agent, dir, folder } = await managed()
  await rename(join(folder, 'key.pem'), join(dir, 'elsewhere.key'))
  await symlink(join(dir, 'elsewhere.key'), join(folder, 'key.pem'))
  await rename(join(dir, 'identities'), join(dir, 'volume'))
  await symlink(join(dir, 'volume'), join(dir, 'identities'))
  expect(await states(agent)).toEqual(['in-use'])
  await rename(join(dir, 'volume'), join(dir, 'gone'))
  await expect(agent.identities.list()).rejects.toMatchObject({ code: 'CERT_UNREADABLE' })
})

test.each<[what: string, text: string]>([
  ['of other types', JSON.stringify({ ...FACTS, version: '1', for: [A] })],
  ['a list', '[]'],
  ['nothing', ''],
  ['of a name that was never written so', JSON.stringify({ ...FACTS, for: 'Clinic-A.Example' })],
  ['of a name with controls', JSON.stringify({ ...FACTS, for: 'a\u001b[31m.example' })],
  ['of everything only by its prototype', `{"__proto__":${JSON.stringify(FACTS)}}`],
  ['nested without end', '['.repeat(60_000)],
  ['far too long', JSON.stringify({ ...FACTS, by: 'x'.repeat(100_000) })],
])('an identity.json that is %s makes its folder unusable, and no other', async (_, text) => {
  const { agent, dir, put } = await managed()
  await agent.identities.request('clinic-z.example', { ...kim, keyType: 'rsa-2048' })
  await put('identity.json', text)
  expect(await states(agent)).toEqual(['unusable', 'waiting'])
  expect(await readdir(join(dir, 'identities'))).toHaveLength(2)
})

test.each([
  ['NUL', 'key\u0000.pem'],
  ['a file that is no key', '../../../../../../../../etc/passwd'],
  ['a device', '/dev/zero'],
])('a key path of %s is told as unreadable', async (_, key) => {
  const { agent, put } = await managed()
  await put('identity.json', JSON.stringify({ ...FACTS, key }))
  expect(await agent.identities.list()).toMatchObject([
    { state: 'unusable', why: [{ code: 'KEY_UNREADABLE' }] },
  ])
})

test('an answer of 10,000 certificates is refused at once (CERT-8)', async () => {
  const { agent, dir } = await managed()
  const file = join(dir, 'answer.pem')
  await writeFile(file, leaf().pem.repeat(10_000))
  await expect(agent.identities.import(file, kim)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' })
  await expect(agent.identities.import(await readFile(file), kim)).rejects.toMatchObject({
    code: 'CERT_UNREADABLE',
  })
})

describe('a key that others may read', () => {
  test('is told with every command, and is no identity for a process that begins', async () => {
    const { agent, folder } = await managed()
    const key = join(folder, 'key.pem')
    expect((await agent.notices()).join()).not.toContain('key.pem')
    await chmod(key, 0o644)
    expect(await agent.notices()).toContain(
      `of our own: the mode of the private key ${key} lets others read it: "chmod 600 ${key}"`,
    )
    expect(await agent.identities.list()).toMatchObject([
      {
        state: 'unusable',
        why: [{ code: 'KEY_EXPOSED', text: `the mode of the private key ${key} lets others read it` }],
      },
    ])
    await chmod(key, 0o600)
    expect(await states(agent)).toEqual(['in-use'])
  })

  test('is no key to take a certificate for, as nobody has encrypted to it yet', async () => {
    const { agent, dir } = await managed()
    const { request, file } = await agent.identities.request('clinic-z.example', {
      ...kim,
      keyType: 'rsa-2048',
    })
    const folder = join(file as string, '..')
    await chmod(join(folder, 'key.pem'), 0o640)
    const answer = await answered(request)
    expect(await agent.identities.import(answer.file, kim)).toMatchObject([
      { outcome: 'refused', why: [{ code: 'KEY_EXPOSED', text: expect.stringContaining('key.pem') }] },
    ])
    await expect(stat(join(folder, 'certificate.pem'))).rejects.toMatchObject({ code: 'ENOENT' })
    await chmod(join(folder, 'key.pem'), 0o600)
    expect(await agent.identities.import(answer.file, kim)).toMatchObject([{ outcome: 'imported' }])
    expect(await readdir(join(dir, 'identities'))).toHaveLength(2)
  })
})

describe('a certificate whose key is lost is not published: whoever encrypted to it wrote to nobody (ALG-5)', () => {
  test.each<[string, (key: string) => Promise<void>]>([
    ['gone', (key) => rm(key)],
    ['garbled', (key) => writeFile(key, 'no key')],
    ['empty', (key) => writeFile(key, '')],
  ])('%s', async (_, lose) => {
    const { agent, folder } = await managed()
    expect((await agent.zone.generate()).records).toHaveLength(1)
    await lose(join(folder, 'key.pem'))
    await expect(agent.zone.generate()).rejects.toMatchObject({
      code: 'IDENTITY_MISSING',
      message: expect.stringContaining('key.pem'),
    })
  })

  test('while it is served it is withdrawn, though another that cannot be read for a moment stays', async () => {
    const { dir, folder, put } = await managed()
    const source = certificateFiles({ identities: [], dataDir: dir }, {})
    const served = async () => (await source(NOW)).certificates.length
    expect(await served()).toBe(1)
    await put('certificate.pem', leaf().pem.slice(0, 300))
    expect(await served()).toBe(1)
    await put('certificate.pem', leaf().pem)
    await rm(join(folder, 'key.pem'))
    expect(await served()).toBe(0)
    await put('key.pem', await readFile(pki('clinic-a.key'), 'utf8'))
    expect(await served()).toBe(1)
  })

  test('its notice says what to do, and it stands in for no certificate that ends', async () => {
    const { agent, dir, folder } = await managed()
    const old = join(dir, 'identities', 'old')
    await mkdir(old)
    await copyFile(pki('clinic-b.key'), join(old, 'key.pem'))
    await writeFile(join(old, 'identity.json'), JSON.stringify(FACTS))
    await writeFile(
      join(old, 'certificate.pem'),
      leaf({ key: 'clinic-b', from: '2026-01-01', to: '2026-12-01' }).pem,
    )
    const ends = async () => (await agent.notices()).filter((text) => text.includes('ends in'))
    expect(await ends()).toEqual([])
    await rm(join(folder, 'key.pem'))
    expect(await ends()).toEqual([expect.stringContaining('ends in 8 days')])
    expect(await agent.notices()).toContainEqual(
      expect.stringMatching(/key\.pem, is gone: it is not published.*backup.*new certificate$/),
    )
  })

  test('a key that the configuration names may lie elsewhere: a machine that only publishes has none', async () => {
    const dir = await temporaryFolder()
    const certificate = join(dir, 'a.pem')
    await writeFile(certificate, leaf({ from: '2026-01-01' }).pem)
    const identities = [{ for: A, certificate, privateKey: join(dir, 'a.key') }]
    const { agent, put, folder } = await managed({ identities })
    const renewed = leaf()
    await rm(join(folder, 'key.pem'))
    await put('certificate.pem', renewed.pem)
    await put('identity.json', JSON.stringify({ ...FACTS, key: join(dir, 'a.key') }))
    const { records, notes } = await agent.zone.generate()
    expect(records).toMatchObject([{ sha256: renewed.certificate.sha256 }])
    expect(notes.join()).toMatch(
      /one\/certificate\.pem is published, and its private key is not to be had here/,
    )
  })
})

test('files that are swapped while they are read, in one step or in pieces: one of the two counts at every moment, in the end the last', async () => {
  const { dir, folder, put } = await managed()
  const [one, two] = [leaf(), leaf({ from: '2026-10-01' })]
  const told: string[] = []
  const log = { info() {}, warn: (_: object, text: string) => void told.push(text), error() {} }
  const live = new LiveIdentities({ settings: { identities: [], dataDir: dir }, policy: {}, log })
  const address = parseAddress(`dr.kim@${A}`)
  if ('code' in address) throw new Error(address.text)
  const signing = async () => (await live.current()).signingFor(address, NOW).certificate.sha256
  const path = join(folder, 'certificate.pem')
  await put('certificate.pem', one.pem)
  await signing()
  let writing = true
  const seen = new Set<string>()
  const reader = async () => {
    while (writing) seen.add(await signing())
  }
  const writer = async () => {
    for (let i = 0; i < 100; i++) {
      const { pem } = i % 2 === 0 ? two : one
      if (i % 3 === 0) {
        await put('.new', pem)
        await rename(join(folder, '.new'), path)
      } else {
        await writeFile(path, pem.slice(0, 400))
        await appendFile(path, pem.slice(400))
      }
    }
    writing = false
  }
  await Promise.all([writer(), reader(), reader()])
  expect(
    [...seen].filter((sha256) => ![one, two].some(({ certificate }) => certificate.sha256 === sha256)),
  ).toEqual([])
  expect(await signing()).toBe(one.certificate.sha256)
  const reading = (await live.current()).readingFor(address).map(({ certificate }) => certificate.sha256)
  expect(reading.toSorted()).toEqual([...seen.add(one.certificate.sha256)].sort())
  for (const text of told) expect(text).toMatch(/what was read before still counts$/)
})
