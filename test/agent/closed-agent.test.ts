import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createAgent } from '../../agent/index.ts'
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
