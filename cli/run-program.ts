import { EXIT } from './exit.ts'
import { tellFailure } from './failure.ts'
import { Output } from './output.ts'

/** How long a command may take to wind down after a signal, in milliseconds: SIGTERM ends it within 10 s. */
const WIND_DOWN_MS = 9_000

/** Runs one command line and ends the process with its exit code (exit.ts). */
export async function main(args: readonly string[]): Promise<void> {
  const out = new Output()
  const stop = new AbortController()
  const codes = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated as number }
  process.on('SIGINT', end)
  process.on('SIGTERM', end)
  process.on('SIGHUP', hangUp)
  process.on('uncaughtException', fail)
  /** Null: it is not known yet which command this is. */
  let rereads: boolean | null = null
  let hungUp = false

  /** Whoever reads the configuration again does so by itself; all others end as by default. */
  function hangUp(): void {
    hungUp = true
    if (rereads === false) process.exit(EXIT.hungUp)
  }

  function end(signal: 'SIGINT' | 'SIGTERM'): void {
    // A second signal does not wait.
    if (stop.signal.aborted) process.exit(codes[signal])
    stop.abort(signal)
    setTimeout(() => process.exit(codes[signal]), WIND_DOWN_MS).unref()
  }

  async function fail(error: unknown): Promise<never> {
    return await leave(tellFailure(error, out))
  }

  /** Ends even if something is still open: whatever matters is durable by now. */
  async function leave(code: number): Promise<never> {
    const unwritten = await out.flush()
    process.exit(unwritten === null ? code : tellFailure(unwritten, out))
  }

  try {
    const { parse } = await import('./program.ts')
    const call = await parse(args)
    if (call === null) return await leave(EXIT.done)
    if (call.entry.daemon) codes.SIGTERM = EXIT.done
    rereads = call.entry.rereads ?? false
    if (hungUp) hangUp()
    if (call.entry.messages) (await import('./memory.ts')).freeBuffersEarly()
    const { config, at, network, json } = call.globals
    const session = { config, at, network, json: json === true, signal: stop.signal, out }
    const code = await call.module.run(session, call.command)
    return await leave(stop.signal.reason === 'SIGINT' ? EXIT.interrupted : code)
  } catch (error) {
    // What a stopped command throws on its way out is no news.
    const signal: unknown = stop.signal.reason
    return signal === 'SIGINT' || signal === 'SIGTERM' ? await leave(codes[signal]) : await fail(error)
  }
}
