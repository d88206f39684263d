import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../cli/main.ts', import.meta.url))

/** One clinic: the folder of its `direct.yaml`, and its mailbox's password. */
export interface Clinic {
  readonly dir: string
  readonly password: string
  readonly signal: AbortSignal
}

function start({ dir, password, signal }: Clinic, args: readonly string[]) {
  return spawn(process.execPath, [MAIN, ...args], {
    cwd: dir,
    env: { ...process.env, DIRECT_PASSWORD: password },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  })
}

/** Runs one command in the clinic's folder and returns its output. Any exit code but those expected is an error. */
export async function direct(
  clinic: Clinic,
  args: readonly string[],
  expected: readonly number[] = [0],
): Promise<string> {
  const child = start(clinic, args)
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  if (!expected.includes(code as number))
    throw new Error(`direct ${args[0]} ended with ${code}:\n${err || out}`)
  return out
}

/** The same with `--json`: one object a line. */
export async function directJson(
  clinic: Clinic,
  args: readonly string[],
  expected: readonly number[] = [0],
): Promise<Record<string, unknown>[]> {
  const out = await direct(clinic, [...args, '--json'], expected)
  return out.split('\n').flatMap((line) => (line ? [JSON.parse(line) as Record<string, unknown>] : []))
}

/** Runs `direct certs serve` until disposed of; ready when fulfilled. */
export async function publish(clinic: Clinic, port: number): Promise<AsyncDisposable> {
  const child = start(clinic, ['certs', 'serve', '--listen', `127.0.0.1:${port}`])
  const closed = once(child, 'close').catch(() => undefined)
  const errors = text(child.stderr)
  const [ready] = await Promise.race([once(createInterface(child.stdout), 'line'), closed.then(() => [])])
  if (ready === undefined) throw new Error(`direct certs serve did not start: ${await errors}`)
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await closed
    },
  }
}
