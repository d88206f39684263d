import { type ByteFault, startTcpProxy, type TcpProxy } from '../services/tcp-proxy.ts'
import { agentOf, running } from './agents.ts'
import { ANSWERED_WITHIN_MS, arrived, emptied, IN_DOUBT_MS, pass } from './dialogue.ts'
import { Ehr } from './ehr.ts'
import type { FaultReport, FaultRun } from './fault-run.ts'
import { type Injected, injectOne, reconcile, settled } from './ledger.ts'

/** From one byte at which the connection breaks to the next; the whole message has 4 KB at most. */
const STEP = { short: 97, full: 1 }
const BYTES = 300

/**
 * The connection that hands a message to SMTP breaks after its first byte, its second, … in either direction, until
 * the dialogue is over before that; then it comes byte by byte. Each message is another one.
 */
export const everyByteOut: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const { a, b, mail } = world
  await using proxy = await startTcpProxy(mail.smtp)
  const relay = `smtp://127.0.0.1:${mail.smtp.port}`
  const config = await a.variant('proxied-smtp.yaml', { [relay]: `smtp://127.0.0.1:${proxy.port}` })
  await using ehr = await Ehr.start(b.dir, 'every-byte-out')
  let ahead = 0
  const now = () => new Date(Date.now() + ahead)
  await using _b = running(await agentOf(b, world), ehr.dir)
  // Two processes' worth of clinic A: one meets the faults, the other one goes on with what was left.
  await using daemon = running(await agentOf(a, world, { now }))
  await using sender = await agentOf(a, world, { config, now })
  const injected: Injected[] = []
  const send = async () => {
    injected.push(await injectOne(sender, { n: injected.length, seed, bytes: BYTES }))
  }
  const { faults, notes } = await atEveryByte(proxy, STEP[scale], send, tell)
  // What the server has is answered in time; the rest is what it never had.
  await settled(daemon.agent, injected, ANSWERED_WITHIN_MS)
  ahead = IN_DOUBT_MS
  await settled(daemon.agent, injected)
  const reconciled = await reconcile(world, daemon.agent, ehr, injected)
  return { messages: injected.length, faults, reconciled, notes, late: [] }
}

/** The same for the connection that fetches a message by IMAP, files it and flags it; the next pass is undisturbed. */
export const everyByteIn: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const { a, b, mail } = world
  await using proxy = await startTcpProxy({ host: mail.imap.host, port: mail.imap.imapPort })
  const server = `127.0.0.1:${mail.imap.imapPort}`
  const config = await b.variant('proxied-imap.yaml', { [server]: `127.0.0.1:${proxy.port}` })
  await using ehr = await Ehr.start(b.dir, 'every-byte-in')
  await using sender = running(await agentOf(a, world))
  await using receiver = await agentOf(b, world, { config })
  await using folder = await b.folder('INBOX')
  const injected: Injected[] = []
  const receive = async () => {
    injected.push(await injectOne(sender.agent, { n: injected.length, seed, bytes: BYTES }))
    await arrived(folder)
    await pass(receiver, ehr)
  }
  const after = async () => {
    await pass(receiver, ehr)
    await emptied(folder)
  }
  const { faults, notes } = await atEveryByte(proxy, STEP[scale], receive, tell, after)
  await settled(sender.agent, injected)
  const reconciled = await reconcile(world, sender.agent, ehr, injected)
  return { messages: injected.length, faults, reconciled, notes, late: [] }
}

/** Until none happens in either direction: cut and reset in turns. */
async function atEveryByte(
  proxy: TcpProxy,
  step: number,
  act: () => Promise<void>,
  tell: (progress: string) => void,
  after: () => Promise<void> = async () => {},
): Promise<{ faults: number; notes: string[] }> {
  let faults = 0
  const notes: string[] = []
  for (const way of ['up', 'down'] as const) {
    let fault: ByteFault = { way, afterBytes: 1, how: 'cut' }
    for (;;) {
      tell(`${fault.how} after ${fault.afterBytes} bytes ${way}`)
      proxy.arm(fault)
      await act()
      const { fired } = proxy
      proxy.arm(null)
      await after()
      if (!fired) break
      faults++
      fault = { ...fault, afterBytes: fault.afterBytes + step, how: faults % 2 === 0 ? 'cut' : 'reset' }
    }
    notes.push(`${way}: broken after every ${step === 1 ? '' : `${step}th `}byte of ${fault.afterBytes - 1}`)
  }
  proxy.sliced = true
  await act()
  await after()
  proxy.sliced = false
  return { faults: faults + 1, notes }
}
