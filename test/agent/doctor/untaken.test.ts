import { mkdir, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { deliveryName } from '../../../agent/deliver/leftovers.ts'
import { createAgent, type Finding, type Reason } from '../../../agent/index.ts'
import { openStore } from '../../../store/index.ts'
import { clinicConfig, temporaryFolder } from '../../flow/clinics.ts'
import { accepted, bytes } from '../../store/scenario.ts'

const MINUTE_MS = 60_000
const SHUT = [{ code: 'EHR_DENIED', text: 'ehr.example answers 401' }]

/** A message that was accepted so many minutes ago, and tried if there is a `why`. */
async function waiting(dataDir: string, minutes: number, why: readonly Reason[]): Promise<void> {
  await using store = await openStore({ file: join(dataDir, 'direct.db') })
  const { id } = await store.inbox.begin(
    'clinic/INBOX',
    '1',
    7,
    await store.bodies.write(bytes('as it came')),
  )
  const at = new Date(Date.now() - minutes * MINUTE_MS)
  await store.inbox.judged(id, accepted(['dr.kim@clinic-a.example']), [], at)
  const claimed = await store.deliveries.claim(at, new Date(at.getTime() + 1000))
  if (claimed === null) throw new Error('nothing is due')
  await store.deliveries.putOff(claimed, { at, retryAt: at, failed: why.length > 0, why })
}

async function ofEhr(dataDir: string): Promise<Finding[]> {
  await using agent = await createAgent(clinicConfig('a', dataDir), { network: false })
  const findings = await Array.fromAsync(agent.doctor({ deliverTo: dataDir }))
  return findings.filter(({ area }) => area === 'ehr')
}

test.each<[string, number, readonly Reason[], Partial<Record<keyof Finding, unknown>>]>([
  ['what has just come is on its way', 1, [], { level: 'ok', code: 'EHR_NEXT', do: null }],
  [
    'what nobody has tried for five minutes',
    6,
    [],
    { level: 'warning', code: 'EHR_WAITS', do: expect.stringContaining('whether the daemon runs') },
  ],
  [
    'what the EHR did not take',
    1,
    SHUT,
    {
      level: 'warning',
      code: 'EHR_WAITS',
      text: expect.stringMatching(
        /^1 message\(s\) that were received wait for the EHR, the oldest since 2\S+Z: ehr\.example answers 401$/,
      ),
      do: expect.stringMatching(/direct status --waiting.*has the secret that deliver\.webhook names/),
    },
  ],
  [
    'what could not be filed',
    1,
    [{ code: 'FILE_UNWRITABLE', text: 'cannot file a message in ehr: ENOSPC' }],
    {
      level: 'warning',
      code: 'EHR_WAITS',
      do: expect.stringMatching(
        /"direct run" tries it again .* else the next "direct receive --once --out" does/,
      ),
    },
  ],
  ['what the EHR has not taken for an hour', 61, SHUT, { level: 'error', code: 'EHR_WAITS' }],
])(
  'doctor tells how many messages wait for the EHR, since when and why: %s',
  async (_, minutes, why, found) => {
    const dataDir = await temporaryFolder()
    await waiting(dataDir, minutes, why)
    expect(await ofEhr(dataDir)).toEqual([expect.objectContaining({ about: null, ...found })])
  },
)

test('where nothing waits for the EHR, doctor says so', async () => {
  const dataDir = await temporaryFolder()
  await (await openStore({ file: join(dataDir, 'direct.db') }))[Symbol.asyncDispose]()
  expect(await ofEhr(dataDir)).toMatchObject([{ level: 'ok', code: 'EHR_HAS_ALL' }])
})

test('what was left in the folder of the EHR for more than a day, and is of nothing that waits, is named; it may be of another store', async () => {
  const dataDir = await temporaryFolder()
  await waiting(dataDir, 1, [])
  await using store = await openStore({ file: join(dataDir, 'direct.db') })
  const [untaken] = await store.deliveries.untaken(new Date())
  if (untaken === undefined) throw new Error('one waits')
  const leave = async (key: string, hours: number) => {
    const name = `.${untaken.innerSha256}.${deliveryName(key)}.claim`
    await mkdir(join(dataDir, name))
    const then = new Date(Date.now() - hours * 60 * MINUTE_MS)
    await utimes(join(dataDir, name), then, then)
    return name
  }
  await leave(untaken.key, 48)
  await leave('on its way', 1)
  const left = await leave('nobody knows', 48)
  expect(await ofEhr(dataDir)).toMatchObject([
    { code: 'EHR_NEXT' },
    { level: 'warning', code: 'DELIVER_LEFT', about: dataDir, text: expect.stringContaining(left) },
  ])
  await rm(join(dataDir, left), { recursive: true })
  expect(await ofEhr(dataDir)).toMatchObject([{ code: 'EHR_NEXT' }])
})
