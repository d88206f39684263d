/**
 * Sealing and opening a file: compose, classify, sign, encrypt; decrypt, verify, judge, against the least that anyone has
 * to do with the bytes, against pkijs doing the whole (without judging anybody), and against `openssl cms`.
 */
import { join } from 'node:path'
import { type Agent, createAgent } from '../agent/index.ts'
import { clinic, FROM, folder, messageFile, TO } from './clinics.ts'
import { contest, print, ratios } from './contest.ts'
import { floorOpen, floorSeal } from './seal-floor.ts'
import { opensslOpen, opensslSeal } from './seal-openssl.ts'
import { pkijsOpen, pkijsSeal } from './seal-pkijs.ts'

const SIZES = [
  { name: '10 KB', bytes: 10_000, rounds: 21 },
  { name: '1 MB', bytes: 1_000_000, rounds: 11 },
  { name: '25 MB', bytes: 25_000_000, rounds: 5 },
]

await using dir = await folder()
await using a = await createAgent(clinic('a', dir.path), { network: false })
await using b = await createAgent(clinic('b', dir.path), { network: false })
const rows = [['', 'floor', 'direct-agent', 'pkijs', 'openssl cms']]
for (const { name, bytes, rounds } of SIZES) {
  const message = await messageFile(dir.path, bytes)
  const file = (who: string) => join(dir.path, `${who}.sealed`)
  const out = join(dir.path, 'opened')
  const seal = [
    { name: 'floor', run: () => floorSeal(message, file('floor')) },
    { name: 'ours', run: () => oursSeal(a, message, file('ours')) },
    { name: 'pkijs', run: () => pkijsSeal(message, file('pkijs')) },
    { name: 'openssl', run: () => opensslSeal(message, file('openssl')) },
  ]
  const open = [
    { name: 'floor', run: () => floorOpen(file('floor'), out) },
    { name: 'ours', run: () => oursOpen(b, file('ours'), out) },
    { name: 'pkijs', run: () => pkijsOpen(file('pkijs'), out) },
    { name: 'openssl', run: () => opensslOpen(file('openssl'), out) },
  ]
  rows.push([`seal ${name}`, ...ratios(await contest(seal, rounds))])
  rows.push([`open ${name}`, ...ratios(await contest(open, rounds))])
}
print(
  'Seal and open, from file to file: time, as a multiple of the floor (SHA-256, AES-256-CBC, base64)',
  rows,
)

async function oursSeal(agent: Agent, path: string, out: string): Promise<void> {
  const { copies } = await agent.seal({ from: FROM, to: [TO], message: { path }, out })
  if (copies.length !== 1) throw new Error('not sealed')
}

async function oursOpen(agent: Agent, path: string, out: string): Promise<void> {
  const { verdict, why } = await agent.open({ path, to: [TO], mailFrom: FROM, out })
  if (verdict !== 'accept') throw new Error(`not accepted: ${why[0]?.text}`)
}
