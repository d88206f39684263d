import { direct, type Transcript } from '../cli/direct.ts'
import type { CliClinic } from '../interop/cli-clinic.ts'
import { agentOf } from './agents.ts'
import { cliMessage, messageIdIn } from './cli-message.ts'
import { arrived, emptied, pass } from './dialogue.ts'
import { type Inflicted, whileReceiving, whileSending } from './directions.ts'
import { type Calls, type Code, callsOf, type Tampered } from './disk-calls.ts'
import { type FaultRun, type Scale, Seen } from './fault-run.ts'
import { type Injected, injectOne } from './inject.ts'
import type { World } from './world.ts'

const BYTES = 300
const CODES: readonly Code[] = ['EIO', 'ENOSPC', 'SIGKILL']
/** How a command may end whose disk failed: done all the same, or not now. Null: it was killed. */
const MAY_END: readonly (number | null)[] = [0, 75, null]
const UNDISTURBED: Tampered = { through: [], env: {} }

/** The disk fails `direct receive --once` at its first write, its second, …; the next pass is undisturbed. */
export const nthCallIn: FaultRun = (world, { scale, seed, tell }) => {
  const { b } = world
  return whileReceiving(world, 'nth-call-in', async (ehr, sender) => {
    await using receiver = await agentOf(b, world)
    await using folder = await b.folder('INBOX')
    const injected: Injected[] = []
    const act = async (tampered: Tampered) => {
      injected.push(await injectOne(sender, { n: injected.length, seed, bytes: BYTES }))
      await arrived(folder)
      const said = await command(b, world, tampered, ['receive', '--once', '--out', ehr.dir])
      await pass(receiver, ehr)
      await emptied(folder)
      return said
    }
    const { sqlite, sync, folders, files } = callsOf(b)
    return { injected, ...(await atEveryCall([sqlite, sync, folders, files], scale, act, tell)) }
  })
}

/** The same for `direct send`, which is repeated with the same idempotency key until it says what became of the message. */
export const nthCallOut: FaultRun = (world, { scale, seed, tell }) => {
  const { a } = world
  return whileSending(world, 'nth-call-out', async () => {
    const injected: Injected[] = []
    const act = async (tampered: Tampered) => {
      const { words, sent } = await cliMessage(a, { n: injected.length, seed, bytes: BYTES })
      const said = await command(a, world, tampered, words)
      const [first, message] = [messageIdIn(said.stdout), sent(await command(a, world, UNDISTURBED, words))]
      if (first !== null && first !== message.messageId)
        throw new Error(`${first} was said to be sent, then ${message.messageId}`)
      injected.push(message)
      return said
    }
    const { sqlite, sync, folders } = callsOf(a)
    return { injected, ...(await atEveryCall([sqlite, sync, folders], scale, act, tell)) }
  })
}

/** Until none happens any more: each code at each call, or, in the short form, one after the other at some. */
async function atEveryCall(
  kinds: readonly Calls[],
  scale: Scale,
  act: (tampered: Tampered) => Promise<Transcript>,
  tell: (progress: string) => void,
): Promise<Omit<Inflicted, 'injected'>> {
  const seen = new Seen<string>(CODES)
  const notes: string[] = []
  const findings: string[] = []
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
        if (!MAY_END.includes(code))
          findings.push(`${comesTo} at ${name} ${nth} ends with ${code}: ${stderr}`)
      }
    }
  return { faults: seen.faults, notes, findings }
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
