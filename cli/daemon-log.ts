import type { Log } from '../agent/index.ts'
import { LogLines } from './log-lines.ts'
import type { Output } from './output.ts'
import { printable } from './printable.ts'

/**
 * The daemon's log on stderr: sentences for whoever watches a terminal, otherwise JSON lines (pino). Disposed of, it has handed
 * over what is taken.
 */
export async function daemonLog(out: Output): Promise<Log & AsyncDisposable> {
  if (process.stderr.isTTY) {
    const say = (_facts: object, text: string) => out.talk(`direct: ${printable(text)}`)
    return { info: say, warn: say, error: say, async [Symbol.asyncDispose]() {} }
  }
  const { default: pino } = await import('pino')
  // To have looked at process.stderr is what makes a pipe one that does not block.
  const lines = new LogLines(process.stderr.fd, lossLine)
  const log: Log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, lines)
  return {
    info: (facts, text) => log.info(facts, text),
    warn: (facts, text) => log.warn(facts, text),
    error: (facts, text) => log.error(facts, text),
    [Symbol.asyncDispose]: () => lines[Symbol.asyncDispose](),
  }
}

function lossLine(lost: number): string {
  const line = {
    level: 40,
    time: new Date().toISOString(),
    lost,
    msg: `${lost} lines of this log are lost: nobody took them`,
  }
  return `${JSON.stringify(line)}\n`
}
