import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endsWithUs } from '../services/guard.ts'

const PUBLISHED = process.env.DIRECT_PUBLISHED
/** As it is published, where a run of tests has made that (published.ts); else from source. */
const MAIN = PUBLISHED ?? fileURLToPath(new URL('../../cli/main.ts', import.meta.url))
/** Each process would otherwise compile the same files again, and strip their types. */
const COMPILED = PUBLISHED
  ? join(dirname(PUBLISHED), 'compiled')
  : fileURLToPath(new URL('../../node_modules/.cache/direct-cli', import.meta.url))

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

/** In the environment of a command: it says `hears SIGHUP` on stderr as it begins to; before that the system ends it. */
export const SAYS_WHEN_IT_HEARS = {
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(
    "import { writeSync } from 'node:fs'; process.on('newListener', (name) => name === 'SIGHUP' && writeSync(2, 'hears SIGHUP\\n'))",
  )}`,
}

/** A folder that is removed when its test has ended. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'direct-cli-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 10 }) }
}
