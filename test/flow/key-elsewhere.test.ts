import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createAgent, DirectError } from '../../agent/index.ts'
import { type KeyName, type MintOptions, mint, poolKey } from '../../fixtures/pki.ts'
import { FakeHsm } from '../agent/keys/fake-hsm.ts'
import { all, canaryDraft, clinicConfig, der, issuer, temporaryFolder, twoClinics } from './clinics.ts'

const TO = 'dr.lee@clinic-b.example'

/** Clinic A's identity with its key in a module, and what its DNS publishes. */
async function elsewhere(name: KeyName, options: MintOptions & { readonly held?: KeyName } = {}) {
  const { held = name, ...more } = options
  const { certificate, pem } = mint({
    issuer: issuer('root-a'),
    san: ['clinic-a.example'],
    key: name,
    ...more,
  })
  const file = join(await temporaryFolder(), 'a.pem')
  await writeFile(file, pem)
  const hsm = new FakeHsm(poolKey(held))
  const identities = [{ for: 'clinic-a.example', certificate: file, key: hsm }]
  return { hsm, file, identities, published: Buffer.from(certificate.der) }
}

async function clinicsWith(name: KeyName, more: Record<string, unknown> = {}, options: MintOptions = {}) {
  const own = await elsewhere(name, options)
  const clinics = await twoClinics({
    a: { identities: own.identities, ...more },
    zone: { 'clinic-a.example': [own.published], 'clinic-b.example': [der('clinic-b.pem')] },
  })
  return { ...own, ...clinics }
}

describe('a key that lives in another process signs what is sent and decrypts what comes in', () => {
  test.each<[KeyName, Record<string, unknown>]>([
    ['clinic-a', {}],
    ['clinic-a', { algorithms: { signature: 'rsa-pss' } }],
    ['ec-p256', {}],
    ['ec-p384', {}],
  ])('%s %j: a message out, its receipt in, and an answer in', async (name, config) => {
    const encrypts = name.startsWith('ec-') ? 'keyAgreement' : 'keyEncipherment'
    const { a, b, hsm } = await clinicsWith(name, config, { keyUsage: ['digitalSignature', encrypts] })
    const sent = await a.send(canaryDraft())
    expect(sent.recipients).toMatchObject([{ address: TO, result: 'accepted' }])
    expect(await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))).toMatchObject([
      { verdict: 'accept', from: 'dr.kim@clinic-a.example' },
    ])
    expect(await all(a.receiveOnce())).toMatchObject([{ notification: 'processed', about: sent.messageId }])

    await b.send(canaryDraft({ from: TO, to: ['dr.kim@clinic-a.example'] }))
    const received = await all(a.receiveOnce({ deliverTo: await temporaryFolder() }))
    expect(received).toContainEqual(expect.objectContaining({ verdict: 'accept', from: TO }))
    expect(hsm.asked.sign).toBeGreaterThanOrEqual(2)
    expect(hsm.asked.decrypt).toBeGreaterThanOrEqual(2)
  })
})

describe('while what holds the key is away', () => {
  const AWAY = new Error('no session')

  test('a message that came in waits, is refused by nobody and answered by nobody, and opens when it is back', async () => {
    const { a, b, hsm, post } = await clinicsWith('clinic-a')
    // A process that has proved the key already.
    await a.plan(canaryDraft())
    await b.send(canaryDraft({ from: TO, to: ['dr.kim@clinic-a.example'] }))
    hsm.away = AWAY
    const handed = post.handed.length
    for (let pass = 0; pass < 8; pass++)
      expect(await all(a.receiveOnce({ deliverTo: await temporaryFolder() }))).toMatchObject([
        { verdict: 'undetermined', code: 'KEY_UNREACHABLE', deliveredTo: null },
      ])
    expect(post.handed).toHaveLength(handed)
    hsm.away = null
    expect(await all(a.receiveOnce({ deliverTo: await temporaryFolder() }))).toMatchObject([
      { verdict: 'accept', from: TO },
    ])
  })

  test('nothing that would have to be signed leaves, and the error has what it said as its cause', async () => {
    const { a, hsm, post } = await clinicsWith('clinic-a')
    await a.plan(canaryDraft())
    hsm.away = AWAY
    const error = await a.send(canaryDraft()).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(DirectError)
    expect(error).toMatchObject({ code: 'KEY_UNREACHABLE', temporary: true, cause: AWAY })
    expect(post.handed).toEqual([])
    expect(await a.status()).toEqual([])
    hsm.away = null
    expect((await a.send(canaryDraft())).recipients).toMatchObject([{ result: 'accepted' }])
  })

  test('a process that begins then says so, and has its identity once it is back', async () => {
    const { a, hsm } = await clinicsWith('clinic-a')
    hsm.away = AWAY
    await expect(a.send(canaryDraft())).rejects.toMatchObject({ code: 'KEY_UNREACHABLE', temporary: true })
    expect(await a.identities.list()).toMatchObject([
      { state: 'unusable', why: [{ code: 'KEY_UNREACHABLE' }] },
    ])
    hsm.away = null
    expect((await a.send(canaryDraft())).recipients).toMatchObject([{ result: 'accepted' }])
  })
})

describe('a key has to prove that it is its certificate’s', () => {
  const SIGN = { keyUsage: ['digitalSignature'] as const }

  test.each<[string, KeyName, KeyName, MintOptions]>([
    ['RSA that signs', 'clinic-a', 'clinic-b', {}],
    ['RSA of a certificate for signing alone', 'clinic-a', 'clinic-b', SIGN],
    ['RSA of a certificate for encryption alone', 'clinic-a', 'clinic-b', { keyUsage: ['keyEncipherment'] }],
    ['EC that signs', 'ec-p256', 'ec-p384', {}],
  ])('%s', async (_, name, held, options) => {
    const { identities, hsm } = await elsewhere(name, { ...options, held })
    const config = { ...clinicConfig('a', await temporaryFolder()), identities }
    await using agent = await createAgent(config, { network: false })
    await expect(agent.plan(canaryDraft())).rejects.toMatchObject({ code: expect.stringMatching(/^KEY_/) })
    expect(hsm.asked.sign + hsm.asked.decrypt).toBe(1)
  })

  test.each<[KeyName, MintOptions]>([
    ['clinic-a', { keyUsage: ['keyEncipherment'] }],
    ['ec-p256', { keyUsage: ['keyAgreement'] }],
  ])(
    '%s for encryption alone proves it by decryption, as a key service that signs nothing can',
    async (name, options) => {
      const { identities, hsm } = await elsewhere(name, options)
      const config = { ...clinicConfig('a', await temporaryFolder()), identities }
      await using agent = await createAgent(config, { network: false })
      expect(await agent.identities.list()).toMatchObject([{ state: 'in-use', use: ['encrypt'] }])
      expect(hsm.asked).toEqual({ sign: 0, decrypt: 1 })
    },
  )

  test('each signature is looked at before it leaves', async () => {
    const { a, hsm, post } = await clinicsWith('clinic-a')
    await a.plan(canaryDraft())
    hsm.sign = async () => new Uint8Array(256)
    await expect(a.send(canaryDraft())).rejects.toMatchObject({ code: 'KEY_MISMATCH' })
    expect(post.handed).toEqual([])
  })
})

describe('administration of a certificate whose key lives elsewhere', () => {
  const kim = { actor: 'kim' }

  test('a request for it is refused, as it must be made there; one with a key of its own is not', async () => {
    const { a, file } = await clinicsWith('clinic-a')
    await expect(a.identities.request('clinic-a.example', { ...kim, reuseKey: true })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('lives elsewhere'),
    })
    await rm(file)
    await expect(a.identities.request('clinic-a.example', kim)).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining('--new'),
    })
    const anew = await a.identities.request('clinic-a.example', { ...kim, keyType: 'rsa-2048', anew: true })
    expect(anew.outcome).toBe('made')
  })

  test('a renewal of it belongs beside it, and import says so', async () => {
    const { a } = await clinicsWith('clinic-a', {}, { from: '2026-01-01' })
    const own = (options: MintOptions) =>
      mint({ issuer: issuer('root-a'), san: ['clinic-a.example'], key: 'clinic-a', ...options })
    await expect(
      a.identities.import(Buffer.from(own({ from: '2026-11-01' }).pem), kim),
    ).rejects.toMatchObject({
      code: 'USAGE',
    })
    expect((await a.identities.list()).map(({ state }) => state)).toEqual(['in-use'])
  })
})
