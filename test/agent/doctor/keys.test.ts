import { expect, onTestFinished, test } from 'vitest'
import { createAgent } from '../../../agent/index.ts'
import { literalZone } from '../../dns/literal-zone.ts'
import { all, mintedIdentity, temporaryFolder } from '../../flow/clinics.ts'

const A = 'clinic-a.example'

test('doctor says of each certificate of ours what it is good for now, and of what is asked for that it waits', async () => {
  const entry = (from: string, to: string, more: object = {}) =>
    mintedIdentity(A, { key: 'clinic-a', from, to, ...more })
  const identities = [
    await entry('2023-01-01', '2025-01-01'),
    await entry('2026-01-01', '2028-01-01'),
    await entry('2026-06-01', '2029-01-01'),
    await entry('2027-01-01', '2030-01-01'),
    await entry('2026-02-01', '2029-01-01', { keyUsage: ['cRLSign'] }),
  ]
  const agent = await createAgent(
    { dataDir: await temporaryFolder(), identities },
    { network: false, resolver: literalZone({}), now: () => new Date('2026-11-22T12:00:00Z') },
  )
  onTestFinished(() => agent[Symbol.asyncDispose]())
  await agent.identities.request('new.example', { actor: 'kim' })
  const said = (await all(agent.doctor())).filter(({ area }) => area === 'keys')
  expect(said.map(({ level, about, text }) => [level, about, text])).toEqual([
    ['ok', identities[0]?.certificate, 'its key belongs to it; it ended on 2025-01-01, and opens older mail'],
    [
      'ok',
      identities[1]?.certificate,
      `its key belongs to it; another one of ${A} took its place, and it opens older mail`,
    ],
    [
      'ok',
      identities[2]?.certificate,
      `its key belongs to it; ${A} signs and is encrypted to by it until 2029-01-01`,
    ],
    ['ok', identities[3]?.certificate, 'its key belongs to it; it is of use from 2027-01-01 on'],
    ['ok', identities[4]?.certificate, expect.stringMatching(/; it is used for nothing \(.+\), and opens/)],
    ['note', 'new.example', expect.stringContaining("the CA's answer is not there yet")],
  ])
})
