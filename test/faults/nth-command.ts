import { setTimeout as pause } from 'node:timers/promises'
import { startTcpProxy, type TcpProxy } from '../services/tcp-proxy.ts'
import { agentOf, running } from './agents.ts'
import { Daemon } from './daemon.ts'
import { arrived, emptied, HELD_MS, pass, smtpAt } from './dialogue.ts'
import { type Inflicted, whileReceiving, whileSending } from './directions.ts'
import { Ehr } from './ehr.ts'
import { type FaultReport, type FaultRun, Seen } from './fault-run.ts'
import { type Injected, injectOne } from './inject.ts'
import { finished, reconcile, stateOf, withFindings } from './ledger.ts'
import { WallClock } from './wall-clock.ts'

const BYTES = 300
/** From one command to the next. */
const STEP = { short: 3, full: 1 }

/** What goes wrong at a command: it does not arrive, its answer is lost, or the server says that it must go. */
const WRONGS = ['unheard', 'unanswered', 'goodbye'] as const
type Wrong = (typeof WRONGS)[number]

/** SMTP fails at its first command, its second, … until none is left, in each of these ways. */
export const nthCommandOut: FaultRun = (world, { scale, seed, tell }) =>
  whileSending(world, 'nth-command-out', async (now) => {
    const { a, mail } = world
    await using proxy = await startTcpProxy(mail.smtp)
    const config = await smtpAt(a, world, proxy.port, 'nth-smtp.yaml')
    await using sender = await agentOf(a, world, { config, now })
    const injected: Injected[] = []
    const send = async () => {
      injected.push(await injectOne(sender, { n: injected.length, seed, bytes: BYTES }))
    }
    const goodbye = '421 4.3.2 not now\r\n'
    return { injected, ...(await atEveryCommand(proxy, STEP[scale], goodbye, send, tell)) }
  })

/** The same for IMAP; the next pass is undisturbed. */
export const nthCommandIn: FaultRun = (world, { scale, seed, tell }) =>
  whileReceiving(world, 'nth-command-in', async (ehr, sender) => {
    const { b, mail } = world
    await using proxy = await startTcpProxy({ host: mail.imap.host, port: mail.imap.imapPort })
    const server = `127.0.0.1:${mail.imap.imapPort}`
    const config = await b.variant('nth-imap.yaml', { [server]: `127.0.0.1:${proxy.port}` })
    await using receiver = await agentOf(b, world, { config })
    await using folder = await b.folder('INBOX')
    const injected: Injected[] = []
    const receive = async () => {
      injected.push(await injectOne(sender, { n: injected.length, seed, bytes: BYTES }))
      await arrived(folder)
      await pass(receiver, ehr)
    }
    const after = async () => {
      await pass(receiver, ehr)
      await emptied(folder)
    }
    const goodbye = '* BYE shutting down\r\n'
    return { injected, ...(await atEveryCommand(proxy, STEP[scale], goodbye, receive, tell, after)) }
  })

async function atEveryCommand(
  proxy: TcpProxy,
  step: number,
  goodbye: string,
  act: () => Promise<void>,
  tell: (progress: string) => void,
  after: () => Promise<void> = async () => {},
): Promise<Omit<Inflicted, 'injected'>> {
  const seen = new Seen(WRONGS)
  const notes: string[] = []
  for (const wrong of WRONGS)
    for (let nth = 1; ; nth += step) {
      let failed: string | null = null
      let count = 0
      proxy.onCommand = (line) => {
        if (++count !== nth) return 'pass'
        failed = line
        return spoil(proxy, wrong, goodbye)
      }
      tell(`${wrong}: command ${nth}`)
      await act()
      proxy.onCommand = null
      await after()
      if (failed === null) {
        notes.push(`${wrong}: ${step === 1 ? 'each' : `every ${step}rd`} of ${nth - 1} commands`)
        break
      }
      seen.add(wrong)
    }
  return { faults: seen.faults, notes }
}

function spoil(proxy: TcpProxy, wrong: Wrong, goodbye: string): 'pass' | 'cut' | string {
  if (wrong === 'unheard') return 'cut'
  if (wrong === 'goodbye') return goodbye
  proxy.arm({ way: 'down', afterBytes: 0, how: 'cut' })
  return 'pass'
}

/**
 * `kill -9` of the daemon when it is about to say its first command to IMAP or SMTP, its second, … until a message is
 * filed and answered before.
 */
export const killAtNthCommand: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const { a, b, mail } = world
  await using smtp = await startTcpProxy(mail.smtp)
  await using imap = await startTcpProxy({ host: mail.imap.host, port: mail.imap.imapPort })
  const config = await b.variant('nth-kill.yaml', {
    [`smtp://127.0.0.1:${mail.smtp.port}`]: `smtp://127.0.0.1:${smtp.port}`,
    [`127.0.0.1:${mail.imap.imapPort}`]: `127.0.0.1:${imap.port}`,
  })
  await using ehr = await Ehr.start(b.dir, 'kill-at-nth-command')
  await using sender = running(await agentOf(a, world))
  const injected: Injected[] = []
  const findings: string[] = []
  let kills = 0
  for (let nth = 1; ; nth += STEP[scale]) {
    const message = await injectOne(sender.agent, { n: injected.length, seed, bytes: BYTES })
    injected.push(message)
    await using daemon = Daemon.start(b, ehr.dir, { config })
    let count = 0
    let killed = false
    smtp.onCommand = imap.onCommand = async () => {
      if (killed || ++count === nth) {
        killed = true
        await daemon.kill()
        return 'cut'
      }
      return 'pass'
    }
    tell(`SIGKILL at command ${nth}`)
    while (!daemon.hasEnded && (await stateOf(sender.agent, message.messageId)) !== 'processed')
      await pause(20)
    smtp.onCommand = imap.onCommand = null
    const { endedByItself } = await daemon.kill()
    if (endedByItself !== null) findings.push(endedByItself)
    if (!killed) break
    if (endedByItself === null) kills++
  }
  // By the same configuration: another port would be another mailbox.
  const later = await WallClock.in(world.dir, HELD_MS)
  await using _last = Daemon.start(b, ehr.dir, { config, env: later.env })
  await finished(sender.agent, ehr, injected)
  const reconciled = withFindings(await reconcile(world, sender.agent, ehr, injected), findings)
  return { messages: injected.length, faults: { SIGKILL: kills }, reconciled, notes: [], late: [] }
}
