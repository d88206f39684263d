import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { direct, type Transcript } from '../cli/direct.ts'
import { seeded } from '../fuzz/mutate.ts'
import { type CliClinic, jsonLines, KIM, LEE } from '../interop/cli-clinic.ts'
import { agentOf, running } from './agents.ts'
import { ANSWERED_WITHIN_MS, arrived, emptied, IN_DOUBT_MS, pass } from './dialogue.ts'
import { type Calls, type Code, callsOf, type Tampered } from './disk-calls.ts'
import { digest, Ehr } from './ehr.ts'
import { type FaultReport, type FaultRun, type Faults, type Scale, Seen } from './fault-run.ts'
import { type Injected, injectOne, reconcile, settled, withFindings } from './ledger.ts'
import type { World } from './world.ts'

const BYTES = 300
const CODES: readonly Code[] = ['EIO', 'ENOSPC', 'SIGKILL']
/** How a command may end whose disk failed: done all the same, or not now. Null: it was killed. */
const MAY_END: readonly (number | null)[] = [0, 75, null]
const UNDISTURBED: Tampered = { through: [], env: {} }

/** The disk fails `direct receive --once` at its first write, its second, …; the next pass is undisturbed. */
export const nthCallIn: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const { a, b } = world
  await using ehr = await Ehr.start(b.dir, 'nth-call-in')
  await using sender = running(await agentOf(a, world))
  await using receiver = await agentOf(b, world)
  await using folder = await b.folder('INBOX')
  const injected: Injected[] = []
  const act = async (tampered: Tampered) => {
    injected.push(await injectOne(sender.agent, { n: injected.length, seed, bytes: BYTES }))
    await arrived(folder)
    const said = await command(b, world, tampered, ['receive', '--once', '--out', ehr.dir])
    await pass(receiver, ehr)
    await emptied(folder)
    return said
  }
  const { sqlite, sync, folders, files } = callsOf(b)
  const { faults, notes, bugs } = await atEveryCall([sqlite, sync, folders, files], scale, act, tell)
  await using _last = running(await agentOf(b, world), ehr.dir)
  await settled(sender.agent, injected)
  const reconciled = withFindings(await reconcile(world, sender.agent, ehr, injected), bugs)
  return { messages: injected.length, faults, reconciled, notes, late: [] }
}

/** The same for `direct send`, which is repeated with the same idempotency key until it says what became of the message. */
export const nthCallOut: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const { a, b } = world
  await using ehr = await Ehr.start(b.dir, 'nth-call-out')
  let ahead = 0
  const now = () => new Date(Date.now() + ahead)
  await using _b = running(await agentOf(b, world), ehr.dir)
  await using daemon = running(await agentOf(a, world, { now }))
  const injected: Injected[] = []
  const act = async (tampered: Tampered) => {
    const n = injected.length
    const content = randomContent(seed + n)
    await writeFile(join(a.dir, `${n}.bin`), content)
    const words = [
      ...['send', '--from', KIM, '--to', LEE, '--text', 'Please see attached.', '--attach', `${n}.bin`],
      ...['--idempotency-key', `${seed}-${n}`, '--json'],
    ]
    const said = await command(a, world, tampered, words)
    const first = jsonLines(said.stdout)[0]?.messageId
    const again = await command(a, world, UNDISTURBED, words)
    const messageId = jsonLines(again.stdout)[0]?.messageId
    if (typeof messageId !== 'string') throw new Error(`send ended with ${again.code}: ${again.stderr}`)
    if (first !== undefined && first !== messageId)
      throw new Error(`${first} was said to be sent, then ${messageId}`)
    injected.push({ n, messageId, attachmentSha256: digest(content), bytes: BYTES })
    return said
  }
  const { sqlite, sync, folders } = callsOf(a)
  const { faults, notes, bugs } = await atEveryCall([sqlite, sync, folders], scale, act, tell)
  await settled(daemon.agent, injected, ANSWERED_WITHIN_MS)
  ahead = IN_DOUBT_MS
  await settled(daemon.agent, injected)
  const reconciled = withFindings(await reconcile(world, daemon.agent, ehr, injected), bugs)
  return { messages: injected.length, faults, reconciled, notes, late: [] }
}

function randomContent(seed: number): Buffer {
  const random = seeded(seed)
  return Buffer.from(Array.from({ length: BYTES }, () => random(256)))
}

/** Until none happens any more: each code at each call, or, in the short form, one after the other at some. */
async function atEveryCall(
  kinds: readonly Calls[],
  scale: Scale,
  act: (tampered: Tampered) => Promise<Transcript>,
  tell: (progress: string) => void,
): Promise<{ faults: Faults; notes: string[]; bugs: string[] }> {
  const seen = new Seen<string>(CODES)
  const notes: string[] = []
  const bugs: string[] = []
  let turn = 0
  for (const { name, shortStep, fault } of kinds)
    for (const codes of scale === 'full' ? CODES.map((code) => [code]) : [CODES]) {
      const ends = new Map<string, number>()
      const step = scale === 'full' ? 1 : shortStep
      for (let nth = 1; ; nth += step) {
        const comesTo = codes[turn++ % codes.length] as Code
        tell(`${comesTo} at ${name} ${nth}`)
        const { tampered, happened } = await fault(nth, comesTo)
        const { code, stderr } = await act(tampered)
        if (!(await happened())) {
          notes.push(`${name}, ${codes.join('/')} at ${everyOne(step)} of ${nth - 1}: ${list(ends)}`)
          break
        }
        seen.add(comesTo)
        const end = code === null ? 'SIGKILL' : String(code)
        ends.set(end, (ends.get(end) ?? 0) + 1)
        if (!MAY_END.includes(code)) bugs.push(`${comesTo} at ${name} ${nth} ends with ${code}: ${stderr}`)
      }
    }
  return { faults: seen.faults, notes, bugs }
}

const everyOne = (step: number) => (step === 1 ? 'each' : `every ${step}th`)

function list(ends: ReadonlyMap<string, number>): string {
  if (ends.size === 0) return 'there is none'
  return [...ends].map(([end, times]) => `${times} ended with ${end}`).join(', ')
}

function command(
  { dir, domain }: CliClinic,
  { mail }: World,
  { through, env }: Tampered,
  args: readonly string[],
): Promise<Transcript> {
  return direct(args, {
    cwd: dir,
    env: { DIRECT_PASSWORD: mail.mailboxes[domain]?.password, ...env },
    through,
  })
}
