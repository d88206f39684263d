import { startTcpProxy, type TcpProxy } from '../services/tcp-proxy.ts'
import { agentOf } from './agents.ts'
import { emptied, pass, smtpAt } from './dialogue.ts'
import { type Inflicted, whileReceiving, whileSending } from './directions.ts'
import { type FaultRun, type Scale, Seen } from './fault-run.ts'
import { type Injected, injectOne } from './inject.ts'
import { Supply } from './supply.ts'
import type { World } from './world.ts'

/** The text and the attachment; with its headers the message has less than 4 KB. */
const BYTES = 300
/** From one byte at which the connection breaks to the next. */
const STEP: Readonly<Record<Scale, number>> = { short: 291, full: 1 }
/** So many bytes pass from one stop to the next in one dialogue, … */
const BETWEEN_STOPS = 97
/** … and each further dialogue has all its stops one byte later. */
const STOPS_SHIFTED: Readonly<Record<Scale, number>> = { short: 1, full: BETWEEN_STOPS }
const STOP_MS = 10
const MANY_MDNS = 'notifications:\n  perCorrespondentPerHour: 1000000\n'
/** Dialogues side by side, each through a proxy of its own. */
const LANES: Readonly<Record<Scale, number>> = { short: 1, full: 4 }

/**
 * The connection that hands a message to SMTP breaks after its first byte, its second, … in either direction, by an end
 * and by a reset, until the dialogue is over before that. Then it stops for a moment at each byte, and comes byte by byte.
 * Each message is another one.
 */
export const everyByteOut: FaultRun = (world, { scale, seed, tell }) =>
  whileSending(world, 'every-byte-out', async (now) => {
    const { a, mail } = world
    await using open = new AsyncDisposableStack()
    const injected: Injected[] = []
    const lanes: Lane[] = []
    for (let lane = 0; lane < LANES[scale]; lane++) {
      const proxy = open.use(await startTcpProxy(mail.smtp))
      const config = await smtpAt(a, world, proxy.port, `every-byte-${lane}.yaml`)
      const sender = open.use(await agentOf(a, world, { config, now }))
      let n = lane
      const act = async () => {
        n += LANES[scale]
        injected.push(await injectOne(sender, { n, seed, bytes: BYTES }))
      }
      lanes.push({ proxy, act, after: async () => undefined })
    }
    return { injected, ...(await atEveryByte(lanes, scale, tell)) }
  })

/** The same for the connection that fetches a message by IMAP, files it and flags it; the next pass is undisturbed. */
export const everyByteIn: FaultRun = (world, { scale, seed, tell }) =>
  whileReceiving(world, 'every-byte-in', async (ehr, sender) => {
    const { b, mail } = world
    await using open = new AsyncDisposableStack()
    // All come from one correspondent within an hour, more of them than are answered so soon.
    await b.variant('direct.yaml', { 'identities:': `${MANY_MDNS}identities:` })
    await using inbox = await b.folder('INBOX')
    const supply = await Supply.start(sender, inbox, { seed, bytes: BYTES })
    const lanes: Lane[] = []
    for (let lane = 0; lane < LANES[scale]; lane++) {
      const proxy = open.use(await startTcpProxy({ host: mail.imap.host, port: mail.imap.imapPort }))
      const name = `Lane-${lane}`
      const config = await b.variant(`every-byte-${lane}.yaml`, {
        [`127.0.0.1:${mail.imap.imapPort}/INBOX`]: `127.0.0.1:${proxy.port}/${name}`,
      })
      const receiver = open.use(await agentOf(b, world, { config }))
      await made(world, name)
      const folder = open.use(await b.folder(name))
      lanes.push({
        proxy,
        act: async () => {
          await supply.moveOneTo(name)
          await pass(receiver, ehr)
        },
        after: async () => {
          await pass(receiver, ehr)
          await emptied(folder)
        },
      })
    }
    return { ...(await atEveryByte(lanes, scale, tell)), injected: supply.injected }
  })

async function made({ b, mail }: World, folder: string): Promise<void> {
  await mail.imap.doveadm('mailbox', 'create', '-u', mail.mailboxes[b.domain]?.user as string, folder)
}

interface Lane {
  readonly proxy: TcpProxy
  /** One dialogue. */
  readonly act: () => Promise<void>
  /** Without a fault. */
  readonly after: () => Promise<void>
}

const BREAKS = (['up', 'down'] as const).flatMap((way) =>
  (['cut', 'reset'] as const).map((how) => ({ way, how, name: `${how} ${way}` })),
)

async function atEveryByte(
  lanes: readonly Lane[],
  scale: Scale,
  tell: (progress: string) => void,
): Promise<Omit<Inflicted, 'injected'>> {
  const seen = new Seen([...BREAKS.map(({ name }) => name), 'stopped for a moment', 'sliced'])
  const notes: string[] = []
  for (const { way, how, name } of BREAKS) {
    // In the short form they break elsewhere, and still within the few bytes of SMTP's answers.
    let next = scale === 'short' && how === 'reset' ? 1 + BETWEEN_STOPS : 1
    let longest = 0
    await everyLane(lanes, async ({ proxy, act, after }) => {
      for (;;) {
        const afterBytes = next
        next += STEP[scale]
        tell(`${name} after ${afterBytes} bytes`)
        proxy.arm({ way, afterBytes, how })
        await act()
        const { fired } = proxy
        proxy.arm(null)
        await after()
        if (!fired) return
        seen.add(name)
        longest = Math.max(longest, afterBytes)
      }
    })
    notes.push(`${name}: after every ${STEP[scale] === 1 ? '' : `${STEP[scale]}th `}byte of ${longest}`)
  }
  await inPieces(lanes, scale, seen, tell)
  return { faults: seen.faults, notes }
}

/** In both directions at once. */
async function inPieces(
  lanes: readonly Lane[],
  scale: Scale,
  seen: Seen<string>,
  tell: (progress: string) => void,
): Promise<void> {
  const shapes = Array.from({ length: STOPS_SHIFTED[scale] }, (_, first) => ({
    name: 'stopped for a moment',
    slices: { bytes: BETWEEN_STOPS, first: first + 1, pauseMs: STOP_MS },
  }))
  const waiting = [{ name: 'sliced', slices: { bytes: 1, first: 1, pauseMs: 0 } }, ...shapes]
  await everyLane(lanes, async ({ proxy, act, after }) => {
    for (;;) {
      const shape = waiting.pop()
      if (shape === undefined) return
      tell(`${shape.name}, ${waiting.length} to come`)
      // The whole dialogue, from its greeting on.
      proxy.cutAll()
      proxy.slices = shape.slices
      await act()
      seen.add(shape.name, proxy.paused)
      proxy.slices = null
      await after()
    }
  })
}

async function everyLane(lanes: readonly Lane[], work: (lane: Lane) => Promise<void>): Promise<void> {
  await Promise.all(lanes.map(work))
}
