import type { Log } from '../agent/index.ts'
import type { Output } from './output.ts'
import { printable } from './printable.ts'

/** The daemon's log on stderr: sentences for whoever watches a terminal, otherwise JSON lines (pino). */
export async function daemonLog(out: Output): Promise<Log> {
  if (process.stderr.isTTY) {
    const say = (_facts: object, text: string) => out.talk(`direct: ${printable(text)}`)
    return { info: say, warn: say, error: say }
  }
  const { default: pino } = await import('pino')
  const log: Log = pino(
    { base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: process.stderr.fd, sync: true }),
  )
  return log
}
