import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { direct, type Transcript } from '../cli/direct.ts'
import { seeded } from '../fuzz/mutate.ts'
import { type CliClinic, jsonLines, KIM, LEE } from '../interop/cli-clinic.ts'
import { hasFired, type SystemCallFault, strace } from '../services/strace.ts'
import { agentOf, running } from './agents.ts'
import { ANSWERED_WITHIN_MS, arrived, emptied, IN_DOUBT_MS, pass } from './dialogue.ts'
import { digest, Ehr } from './ehr.ts'
import type { FaultReport, FaultRun, Scale } from './fault-run.ts'
import { type Injected, injectOne, reconcile, settled } from './ledger.ts'
import type { World } from './world.ts'

const BYTES = 300
/** From one call to the next, in the short form: a message takes a hundred and fifty writes, and few of the others. */
const SHORT_STEPS = { write: 29, sync: 4, folder: 1 }
const COMES_TO: Readonly<Record<Scale, readonly SystemCallFault['comesTo'][]>> = {
  short: ['EIO', 'SIGKILL'],
  full: ['EIO', 'ENOSPC', 'SIGKILL'],
}
/** What the disk is asked for: by SQLite, and for the EHR's folder. */
const calls = ({
  dir,
}: CliClinic): Readonly<Record<keyof typeof SHORT_STEPS, Pick<SystemCallFault, 'calls' | 'files'>>> => ({
  write: {
    calls: ['pwrite64', 'ftruncate'],
    files: ['', '-wal', '-shm'].map((end) => join(dir, 'data', `direct.db${end}`)),
  },
  sync: { calls: ['fsync', 'fdatasync'] },
  folder: { calls: ['mkdir', 'rename'] },
})
/** How a command may end whose disk failed: done all the same, or not now. Null: it was killed. */
const MAY_END: readonly (number | null)[] = [0, 75, null]

/** The disk fails `direct receive --once` at its first write, its second, …; the next pass is undisturbed. */
export const nthCallIn: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const { a, b } = world
  await using ehr = await Ehr.start(b.dir, 'nth-call-in')
  await using sender = running(await agentOf(a, world))
  await using receiver = await agentOf(b, world)
  await using folder = await b.folder('INBOX')
  const injected: Injected[] = []
  const act = async (through: readonly string[]) => {
    injected.push(await injectOne(sender.agent, { n: injected.length, seed, bytes: BYTES }))
    await arrived(folder)
    const said = await traced(b, world, through, ['receive', '--once', '--out', ehr.dir])
    await pass(receiver, ehr)
    await emptied(folder)
    return said
  }
  const { faults, notes, bugs } = await atEveryCall(b, scale, act, tell)
  await using _last = running(await agentOf(b, world), ehr.dir)
  await settled(sender.agent, injected)
  const reconciled = await reconcile(world, sender.agent, ehr, injected)
  return { messages: injected.length, faults, reconciled: withBugs(reconciled, bugs), notes, late: [] }
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
  const act = async (through: readonly string[]) => {
    const n = injected.length
    const content = randomContent(seed + n)
    await writeFile(join(a.dir, `${n}.bin`), content)
    const command = [
      ...['send', '--from', KIM, '--to', LEE, '--text', 'Please see attached.', '--attach', `${n}.bin`],
      ...['--idempotency-key', `${seed}-${n}`, '--json'],
    ]
    const said = await traced(a, world, through, command)
    const first = jsonLines(said.stdout)[0]?.messageId
    const again = await traced(a, world, [], command)
    const messageId = jsonLines(again.stdout)[0]?.messageId
    if (typeof messageId !== 'string') throw new Error(`send ended with ${again.code}: ${again.stderr}`)
    if (first !== undefined && first !== messageId)
      throw new Error(`${first} was said to be sent, then ${messageId}`)
    injected.push({ n, messageId, attachmentSha256: digest(content), bytes: BYTES })
    return said
  }
  const { faults, notes, bugs } = await atEveryCall(a, scale, act, tell)
  await settled(daemon.agent, injected, ANSWERED_WITHIN_MS)
  ahead = IN_DOUBT_MS
  await settled(daemon.agent, injected)
  const reconciled = await reconcile(world, daemon.agent, ehr, injected)
  return { messages: injected.length, faults, reconciled: withBugs(reconciled, bugs), notes, late: [] }
}

function randomContent(seed: number): Buffer {
  const random = seeded(seed)
  return Buffer.from(Array.from({ length: BYTES }, () => random(256)))
}

async function atEveryCall(
  clinic: CliClinic,
  scale: Scale,
  act: (through: readonly string[]) => Promise<Transcript>,
  tell: (progress: string) => void,
): Promise<{ faults: number; notes: string[]; bugs: string[] }> {
  let faults = 0
  const notes: string[] = []
  const bugs: string[] = []
  const log = join(clinic.dir, 'strace.log')
  for (const [name, which] of Object.entries(calls(clinic))) {
    const step = scale === 'full' ? 1 : SHORT_STEPS[name as keyof typeof SHORT_STEPS]
    for (const comesTo of COMES_TO[scale]) {
      const codes = new Map<string, number>()
      for (let nth = 1; ; nth += step) {
        const fault: SystemCallFault = { ...which, nth, comesTo }
        tell(`${comesTo} at ${name} ${nth}`)
        const { code, stderr } = await act(await strace(fault, log))
        if (!(await hasFired(fault, log))) {
          const ends = [...codes].map(([end, times]) => `${times} ended with ${end}`).join(', ')
          notes.push(`${name}: ${comesTo} at every ${step}. of ${nth - 1}: ${ends}`)
          break
        }
        faults++
        const end = code === null ? 'SIGKILL' : String(code)
        codes.set(end, (codes.get(end) ?? 0) + 1)
        if (!MAY_END.includes(code)) bugs.push(`${comesTo} at ${name} ${nth} ends with ${code}: ${stderr}`)
      }
    }
  }
  return { faults, notes, bugs }
}

function withBugs<T extends { readonly findings: readonly string[] }>(
  reconciled: T,
  bugs: readonly string[],
): T {
  return { ...reconciled, findings: [...reconciled.findings, ...bugs] }
}

/**
 * A command of the clinic. One thread does all of its file work, for calls are counted for each; and Node writes no cache
 * of compiled code meanwhile, which would be among them.
 */
function traced(
  { dir, domain }: CliClinic,
  { mail }: World,
  through: readonly string[],
  args: readonly string[],
): Promise<Transcript> {
  const env = {
    DIRECT_PASSWORD: mail.mailboxes[domain]?.password,
    UV_THREADPOOL_SIZE: '1',
    NODE_DISABLE_COMPILE_CACHE: '1',
  }
  return direct(args, { cwd: dir, env, through })
}
