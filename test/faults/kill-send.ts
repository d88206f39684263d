import { startTcpProxy } from '../services/tcp-proxy.ts'
import { cliMessage } from './cli-message.ts'
import { smtpAt } from './dialogue.ts'
import { whileSending } from './directions.ts'
import { type FaultRun, Seen } from './fault-run.ts'
import type { Injected } from './inject.ts'

const BYTES = 300
/** From one command to the next. */
const STEP = { short: 2, full: 1 }

/**
 * `kill -9` of `direct send` when it is about to say its first command to SMTP, its second, … until it has said all of
 * them; then the same again, with the same idempotency key. A daemon carries on with what was left.
 */
export const killSendAtNthCommand: FaultRun = (world, { scale, seed, tell }) => {
  const { a, mail } = world
  return whileSending(world, 'kill-send', async () => {
    await using proxy = await startTcpProxy(mail.smtp)
    const config = await smtpAt(a, world, proxy.port, 'kill-send.yaml')
    const seen = new Seen(['SIGKILL'])
    const injected: Injected[] = []
    for (let nth = 1; ; nth += STEP[scale]) {
      tell(`SIGKILL at command ${nth}`)
      const { words, sent } = await cliMessage(a, { n: nth, seed, bytes: BYTES, config })
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
      injected.push(sent(await a.run(words)))
      if (killed === null) return { injected, faults: seen.faults }
    }
  })
}
