import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endsWithUs } from '../services/guard.ts'

const MAIN = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
/** Each process would otherwise strip the types of the same hundred files again. */
const COMPILED = fileURLToPath(new URL('../../node_modules/.cache/direct-cli', import.meta.url))

export interface Transcript {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd: string
  readonly input?: string
  readonly env?: NodeJS.ProcessEnv
  /** A command, and its words, that runs it in turn. */
  readonly through?: readonly string[]
}

/** Runs `direct …` as a process of its own, as a person would. */
export async function direct(args: readonly string[], options: RunOptions): Promise<Transcript> {
  const child = start(args, options)
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  const [stdout, stderr] = [child.stdout, child.stderr].map((stream) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    return () => Buffer.concat(chunks).toString()
  }) as [() => string, () => string]
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, stdout: stdout(), stderr: stderr() }
}

export function start(args: readonly string[], { cwd, env, through = [] }: RunOptions) {
  const [command = '', ...words] = [...through, process.execPath, MAIN, ...args]
  return endsWithUs(
    spawn(command, words, {
      cwd,
      env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: COMPILED, ...env },
    }),
  )
}

/** A folder that is removed when its test has ended. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'direct-cli-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
