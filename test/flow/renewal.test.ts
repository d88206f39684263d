import { X509Certificate } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createAgent } from '../../agent/index.ts'
import { answered } from '../agent/authority.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { all, clinicConfig, der, fingerprint, pki, temporaryFolder } from './clinics.ts'
import { PostOffice } from './post-office.ts'

const A = 'clinic-a.example'
const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const OLD = der('clinic-a.pem')

test('a certificate is renewed while an agent runs: mail to the new one and to the old one opens, and the new one signs (ALG-5)', async () => {
  const post = new PostOffice()
  const dirA = await temporaryFolder()
  const agentOf = async (letter: 'a' | 'b', dir: string, published: Buffer, more: object = {}) => {
    const zone = { [A]: [published], 'clinic-b.example': [der('clinic-b.pem')] }
    const parts = { resolver: literalZone(zone), smtp: post.smtp, imap: post.imap }
    const agent = await createAgent({ ...clinicConfig(letter, dir), ...more }, parts)
    onTestFinished(() => agent[Symbol.asyncDispose]())
    return agent
  }
  const mailboxes = [{ imap: `imap://${A}@127.0.0.1:10143/INBOX`, pollSeconds: 1 }]
  const a = await agentOf('a', dirA, OLD, { mailboxes })
  const ehr = await temporaryFolder()
  const delivered = async () => (await readdir(ehr)).filter((name) => !name.startsWith('.')).length
  const stop = new AbortController()
  const running = a.run({ deliverTo: ehr, signal: stop.signal })
  const toA = { from: LEE, to: [KIM], subject: 's', text: 't' }
  const toB = { from: KIM, to: [LEE], subject: 's', text: 't' }

  const before = await agentOf('b', await temporaryFolder(), OLD)
  await before.send({ ...toA, text: 'before the renewal' })
  await vi.waitFor(async () => expect(await delivered()).toBe(1), { timeout: 40_000 })
  await a.send(toB)
  expect((await all(before.receiveOnce())).filter((one) => 'signer' in one)).toMatchObject([
    { verdict: 'accept', signer: { sha256: fingerprint(OLD) } },
  ])

  // As another process would: "direct cert request", "direct cert import".
  const administrator = await agentOf('a', dirA, OLD)
  const { request } = await administrator.identities.request(A, { actor: 'kim', keyType: 'rsa-2048' })
  const { pem, file } = await answered(request)
  const [imported] = await administrator.identities.import(file, { actor: 'kim' })
  expect(imported).toMatchObject({ outcome: 'imported', for: A, leadsToAnchor: true })
  const renewed = Buffer.from(new X509Certificate(pem).raw)

  const after = await agentOf('b', await temporaryFolder(), renewed)
  await after.send({ ...toA, text: 'to the new certificate' })
  await before.send({ ...toA, text: 'to the old certificate' })
  await vi.waitFor(async () => expect(await delivered()).toBe(3), { timeout: 40_000 })
  await a.send(toB)
  const signers = (await all(after.receiveOnce())).flatMap((one) =>
    'signer' in one ? [one.signer?.sha256] : [],
  )
  expect(signers).toContain(fingerprint(renewed))
  expect(await a.identities.list()).toMatchObject([
    { sha256: fingerprint(renewed), state: 'in-use', use: ['sign', 'encrypt'] },
    { sha256: fingerprint(OLD), state: 'reading-only' },
  ])
  stop.abort()
  await running
})

test('a new name that is imported is received for by a mailbox that names no addresses', async () => {
  const post = new PostOffice()
  const dir = await temporaryFolder()
  const parts = (zone: Parameters<typeof literalZone>[0]) => ({
    resolver: literalZone(zone),
    smtp: post.smtp,
    imap: post.imap,
  })
  const mailboxes = [{ imap: `imap://${A}@127.0.0.1:10143/INBOX` }]
  const a = await createAgent({ ...clinicConfig('a', dir), identities: [], mailboxes }, parts({}))
  onTestFinished(() => a[Symbol.asyncDispose]())
  const { request } = await a.identities.request(A, { actor: 'kim', keyType: 'rsa-2048' })
  const { pem, file } = await answered(request)
  const zone = { [A]: [Buffer.from(new X509Certificate(pem).raw)], 'clinic-b.example': [der('clinic-b.pem')] }
  const b = await createAgent(clinicConfig('b', await temporaryFolder()), parts(zone))
  onTestFinished(() => b[Symbol.asyncDispose]())
  await b.send({ from: LEE, to: [KIM], subject: 's', text: 't' })
  await a.identities.import(file, { actor: 'kim' })
  expect(await all(a.receiveOnce())).toMatchObject([{ verdict: 'accept', to: [KIM] }])
  expect(await readFile(pki('clinic-a.pem'), 'utf8')).not.toContain(pem)
  expect(await readdir(join(dir, 'identities'))).toHaveLength(1)
})

test('mail to a certificate that was imported after a pass had begun opens: what is published can be read, always (ALG-5)', async () => {
  const post = new PostOffice()
  const dir = await temporaryFolder()
  const config = clinicConfig('a', dir)
  const administrator = await createAgent(config, { resolver: literalZone({}) })
  onTestFinished(() => administrator[Symbol.asyncDispose]())
  const { request } = await administrator.identities.request(A, { actor: 'kim', keyType: 'rsa-2048' })
  const { pem, file } = await answered(request)
  const zone = { [A]: [Buffer.from(new X509Certificate(pem).raw)], 'clinic-b.example': [der('clinic-b.pem')] }
  const parts = { resolver: literalZone(zone), smtp: post.smtp, imap: post.imap }
  const b = await createAgent(clinicConfig('b', await temporaryFolder()), parts)
  onTestFinished(() => b[Symbol.asyncDispose]())
  /** A login that takes long. */
  const open: typeof post.imap.open = async (...args) => {
    await administrator.identities.import(file, { actor: 'kim' })
    await b.send({ from: LEE, to: [KIM], subject: 's', text: 't' })
    return post.imap.open(...args)
  }
  const a = await createAgent(config, { ...parts, imap: { open } })
  onTestFinished(() => a[Symbol.asyncDispose]())
  expect(await all(a.receiveOnce({ deliverTo: await temporaryFolder() }))).toMatchObject([
    { verdict: 'accept', to: [KIM] },
  ])
})

test('after a renewal and a restart, mail to the certificate before opens, and mail to the new one (ALG-5)', async () => {
  const post = new PostOffice()
  const dir = await temporaryFolder()
  const config = { ...clinicConfig('a', dir), identities: [] }
  const parts = (...published: readonly Buffer[]) => ({
    resolver: literalZone({ [A]: [...published], 'clinic-b.example': [der('clinic-b.pem')] }),
    smtp: post.smtp,
    imap: post.imap,
  })
  const toA = { from: LEE, to: [KIM], subject: 's', text: 't' }
  const renew = async () => {
    await using administrator = await createAgent(config, parts())
    const { request } = await administrator.identities.request(A, { actor: 'kim', keyType: 'rsa-2048' })
    const { pem, file } = await answered(request)
    await administrator.identities.import(file, { actor: 'kim' })
    return Buffer.from(new X509Certificate(pem).raw)
  }
  for (let i = 0; i < 2; i++) {
    await using b = await createAgent(clinicConfig('b', await temporaryFolder()), parts(await renew()))
    await b.send({ ...toA, text: `to certificate ${i}` })
  }
  await using restarted = await createAgent(config, parts())
  const received = await all(restarted.receiveOnce({ deliverTo: await temporaryFolder() }))
  expect(received).toMatchObject([{ verdict: 'accept' }, { verdict: 'accept' }])
})
