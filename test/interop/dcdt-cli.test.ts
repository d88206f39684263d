/** DCDT's cases D1 to D18 as a person asks: `direct discover`, `classify` and `send --dry-run`, each a process. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Discovery, Recipient, Sent } from '../../agent/index.ts'
import { direct } from '../cli/direct.ts'
import { pki } from '../flow/clinics.ts'
import type { Bind } from '../services/bind.ts'
import { addressOf, CASES, type DcdtCase } from './dcdt/cases.ts'
import { questionsIn, questionsOf, statusesOf, verdictsIn, verdictsOf } from './dcdt/expected.ts'
import { type Front, startFront } from './dcdt/name-server.ts'
import { strangerConfig } from './dcdt/stranger.ts'
import { startWorld, type World } from './dcdt/world.ts'

const KIM = 'dr.kim@clinic-a.example'

let world: World
let bind: Bind

beforeAll(async () => {
  world = await startWorld()
  bind = await world.bind({ denial: 'NXDOMAIN' })
})

afterAll(() => world[Symbol.asyncDispose]())

/** A clinic of its own, which knows nothing of anybody, and its name server. */
async function clinic(name: string): Promise<Front & { json<T>(...args: string[]): Promise<Said<T>> }> {
  const front = await startFront(bind)
  const dir = join(world.dir, name)
  await mkdir(dir)
  const identity = {
    for: 'clinic-a.example',
    certificate: pki('clinic-a.pem'),
    privateKey: pki('clinic-a.key'),
  }
  const config = {
    ...strangerConfig(world, front.server),
    identities: [identity],
    smtp: { url: 'smtp://127.0.0.1:1' },
  }
  await writeFile(join(dir, 'direct.yaml'), JSON.stringify(config))
  return {
    ...front,
    async json(...args) {
      const { code, stdout, stderr } = await direct([...args, '--json'], { cwd: dir })
      return { code, stderr, lines: stdout.split('\n').flatMap((line) => (line ? [JSON.parse(line)] : [])) }
    },
  }
}

interface Said<T> {
  readonly code: number | null
  readonly stderr: string
  readonly lines: readonly T[]
}

/** 0 found, 1 a final no, 75 not known yet. */
function exitOf({ finds, because }: DcdtCase): number {
  if (finds !== null) return 0
  return because === 'LOOKUP_FAILED' ? 75 : 1
}

const named = CASES.map((one) => [one.id, one] as const)

describe('direct discover', () => {
  test.concurrent.each(named)('%s', async (id, one) => {
    await using a = await clinic(`discover-${id}`)
    const { code, lines } = await a.json<Discovery>('discover', addressOf(one))
    expect(lines).toHaveLength(1)
    const { places, chosen, outcome } = lines[0] as Discovery
    expect(chosen).toBe(one.finds && world.certificates.get(one.finds).certificate.sha256)
    expect(outcome).toBe({ 0: 'direct', 1: 'none', 75: 'undetermined' }[exitOf(one)])
    expect(places.map(({ status }) => status)).toEqual(statusesOf(one))
    expect(verdictsIn(places)).toEqual(verdictsOf(one, world.certificates))
    expect(questionsIn(a.log)).toEqual(questionsOf(one))
    expect(code).toBe(exitOf(one))
  })
})

test('direct classify, of all addresses at once: one line each, in their order', async () => {
  await using a = await clinic('classify')
  const { code, lines } = await a.json<Recipient>('classify', ...CASES.map(addressOf))
  expect(
    lines.map(({ address, route, certificates, why }) => ({ address, route, certificates, why })),
  ).toEqual(
    CASES.map((one) => {
      if (one.finds === null)
        return {
          address: addressOf(one),
          route: exitOf(one) === 75 ? 'undetermined' : 'insecure',
          certificates: [],
          why: [expect.objectContaining({ code: one.because })],
        }
      const { sha256 } = world.certificates.get(one.finds).certificate
      const certificates = [expect.objectContaining({ sha256, foundIn: one.stopsAt })]
      return { address: addressOf(one), route: 'direct', certificates, why: [] }
    }),
  )
  // A final no outweighs what is not known yet.
  expect(code).toBe(1)
})

describe('direct send --dry-run', () => {
  const nothingSent = named.filter(([, { finds }]) => finds === null)

  test.concurrent.each(nothingSent)('%s: nothing is sent', async (id, one) => {
    await using a = await clinic(`send-${id}`)
    const { code, lines } = await a.json<Sent>(
      ...['send', '--dry-run', '--from', KIM, '--to', addressOf(one), '--text', 'Please see attached.'],
    )
    const isKnown = exitOf(one) === 1
    expect(lines).toMatchObject([
      {
        planned: true,
        recipients: [
          {
            address: addressOf(one),
            ...(isKnown
              ? { route: 'insecure', result: 'refused' }
              : { route: 'undetermined', result: 'undetermined' }),
            why: [{ code: one.because }],
          },
        ],
      },
    ])
    expect(questionsIn(a.log)).toEqual(questionsOf(one))
    expect(code).toBe(exitOf(one))
  })

  test('to all the others at once', async () => {
    await using a = await clinic('send-to-all')
    const sends = CASES.filter(({ finds }) => finds !== null).map(addressOf)
    const { code, lines } = await a.json<Sent>(
      ...['send', '--dry-run', '--from', KIM, '--to', ...sends, '--text', 'Please see attached.'],
    )
    expect(lines[0]?.recipients).toMatchObject(
      sends.map((address) => ({ address, route: 'direct', result: 'queued', why: [] })),
    )
    expect(code).toBe(0)
  })
})
