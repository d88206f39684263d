import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createAgent, type SmtpClient } from '../../agent/index.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { BOTH_PUBLISHED, canaryDraft, clinicConfig, temporaryFolder } from '../flow/clinics.ts'
import { memoryStore } from '../store/places.ts'

const CLOSED = {
  name: 'DirectError',
  code: 'USAGE',
  message: 'this agent has been closed',
  hint: expect.stringContaining('make another one'),
}

test('an agent that was disposed of says so to whoever asks it for what is stored, and makes no store', async () => {
  const dataDir = await temporaryFolder()
  const agent = await createAgent(clinicConfig('a', dataDir), { resolver: literalZone(BOTH_PUBLISHED) })
  await agent[Symbol.asyncDispose]()
  await expect(agent.send(canaryDraft())).rejects.toMatchObject(CLOSED)
  await expect(agent.status()).rejects.toMatchObject(CLOSED)
  await expect(Array.fromAsync(agent.events())).rejects.toMatchObject(CLOSED)
  await expect(Array.fromAsync(agent.audit())).rejects.toMatchObject(CLOSED)
  expect(existsSync(join(dataDir, 'direct.db'))).toBe(false)
})

test('the same where it had its store open, or was given one, which stays open for whoever made it', async () => {
  await using given = await memoryStore()
  for (const parts of [{}, { store: given }]) {
    const dataDir = await temporaryFolder()
    const agent = await createAgent(clinicConfig('a', dataDir), { network: false, ...parts })
    expect(await Array.fromAsync(agent.events({ signal: AbortSignal.abort() }))).toEqual([])
    await agent[Symbol.asyncDispose]()
    await expect(agent.status()).rejects.toMatchObject(CLOSED)
  }
  expect(await given.tracking.status()).toEqual([])
})

test('an agent that is disposed of ends its run, and what that had under way is in the store before it is closed', async () => {
  const [dataDir, resolver] = [await temporaryFolder(), literalZone(BOTH_PUBLISHED)]
  const smtpOf = (submit: SmtpClient['submit']): SmtpClient => ({
    submit,
    proveTls: async () => ({ proved: false, temporary: true, text: 'not asked' }),
  })
  const { mailboxes: _, ...config } = clinicConfig('a', dataDir)
  const away = smtpOf(async (_server, { to }) =>
    to.map((address) => ({ address, outcome: 'temporary', reply: 'away' })),
  )
  {
    await using agent = await createAgent(config, { resolver, smtp: away })
    expect(await agent.send(canaryDraft())).toMatchObject({ recipients: [{ result: 'queued' }] })
  }
  const begun = Promise.withResolvers<void>()
  const slow = smtpOf(async (_server, { to }, signal) => {
    begun.resolve()
    if (signal) await once(signal, 'abort')
    return to.map((address) => ({ address, outcome: 'accepted', reply: '250 OK' }))
  })
  const later = () => new Date(Date.now() + 60_000)
  const agent = await createAgent(config, { resolver, smtp: slow, now: later })
  const running = agent.run({ signal: new AbortController().signal })
  await begun.promise
  await agent[Symbol.asyncDispose]()
  expect(await running).toBeUndefined()
  await expect(agent.run({ signal: new AbortController().signal })).rejects.toMatchObject(CLOSED)
  await using after = await createAgent(config, { network: false })
  expect(await after.status()).toMatchObject([{ recipients: [{ state: 'sent' }] }])
})
