import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { jsonLines, KIM, LEE } from '../interop/cli-clinic.ts'
import { startTcpProxy } from '../services/tcp-proxy.ts'
import { agentOf, running } from './agents.ts'
import { ANSWERED_WITHIN_MS, IN_DOUBT_MS } from './dialogue.ts'
import { digest, Ehr } from './ehr.ts'
import { type FaultReport, type FaultRun, Seen } from './fault-run.ts'
import { type Injected, reconcile, settled } from './ledger.ts'

/** From one command to the next. */
const STEP = { short: 2, full: 1 }

/**
 * `kill -9` of `direct send` when it is about to say its first command to SMTP, its second, … until it has said all of
 * them; then the same again, with the same idempotency key. A daemon carries on with what was left.
 */
export const killSendAtNthCommand: FaultRun = async (world, { scale, seed, tell }): Promise<FaultReport> => {
  const { a, b, mail } = world
  await using proxy = await startTcpProxy(mail.smtp)
  const relay = `smtp://127.0.0.1:${mail.smtp.port}`
  const config = await a.variant('kill-send.yaml', { [relay]: `smtp://127.0.0.1:${proxy.port}` })
  await using ehr = await Ehr.start(b.dir, 'kill-send')
  let ahead = 0
  const now = () => new Date(Date.now() + ahead)
  await using _b = running(await agentOf(b, world), ehr.dir)
  await using daemon = running(await agentOf(a, world, { now }))
  const seen = new Seen(['SIGKILL'])
  const injected: Injected[] = []
  for (let nth = 1; ; nth += STEP[scale]) {
    tell(`SIGKILL at command ${nth}`)
    const content = Buffer.from(`document ${seed} ${nth}`)
    await writeFile(join(a.dir, 'document.bin'), content)
    const words = [
      ...['send', '--config', config, '--from', KIM, '--to', LEE, '--text', 'Please see attached.'],
      ...['--attach', 'document.bin', '--idempotency-key', `kill-${seed}-${nth}`, '--json'],
    ]
    await using sending = a.start(...words)
    let count = 0
    let killed: Promise<number | null> | null = null
    proxy.onCommand = async () => {
      if (killed === null && ++count < nth) return 'pass'
      killed ??= sending.end('SIGKILL')
      await killed
      return 'cut'
    }
    await sending.ended
    proxy.onCommand = null
    if (killed !== null && (await killed) === null) seen.add('SIGKILL')
    const again = await a.run(words)
    const messageId = jsonLines(again.stdout)[0]?.messageId
    if (typeof messageId !== 'string') throw new Error(`send ended with ${again.code}: ${again.stderr}`)
    injected.push({ n: nth, messageId, attachmentSha256: digest(content), bytes: content.length })
    if (killed === null) break
  }
  // What the server has is answered in time; the rest is what it never had.
  await settled(daemon.agent, injected, ANSWERED_WITHIN_MS)
  ahead = IN_DOUBT_MS
  await settled(daemon.agent, injected)
  const reconciled = await reconcile(world, daemon.agent, ehr, injected)
  return { messages: injected.length, faults: seen.faults, reconciled, notes: [], late: [] }
}
