import { chmod, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
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

test('a request whose key is gone, exposed or none can take no answer, and doctor says so before the CA has given it', async () => {
  const dataDir = await temporaryFolder()
  const agent = await createAgent({ dataDir }, { network: false, resolver: literalZone({}) })
  onTestFinished(() => agent[Symbol.asyncDispose]())
  const keyOf = async (name: string) => {
    const { file } = await agent.identities.request(name, { actor: 'kim', keyType: 'ec-p256' })
    return join(dirname(file as string), 'key.pem')
  }
  const [gone, exposed, none] = [
    await keyOf('gone.example'),
    await keyOf('exposed.example'),
    await keyOf('none.example'),
  ]
  await keyOf('sound.example')
  await rm(gone)
  await chmod(exposed, 0o644)
  await writeFile(none, 'no key')
  const said = (await all(agent.doctor())).filter(({ area }) => area === 'keys')
  // In JSON, too, one finding is as another.
  for (const finding of said)
    expect(Object.keys(finding)).toEqual(['area', 'level', 'code', 'about', 'text', 'do'])
  const told = said.map(({ level, code, about }) => [level, code, about])
  expect(told).toHaveLength(4)
  expect(told).toEqual(
    expect.arrayContaining([
      ['error', 'KEY_UNREADABLE', gone],
      ['error', 'KEY_EXPOSED', exposed],
      ['error', 'KEY_UNREADABLE', none],
      ['note', 'REQUESTED', 'sound.example'],
    ]),
  )
})
