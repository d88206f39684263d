import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ifWeEnd, quoted } from './guard.ts'

/**
 * A private folder below `parent` (default: the system's folder for temporary files) that other users may pass
 * through, since servers give up root for users of their own.
 */
export async function privateFolder(name: string, parent = tmpdir()): Promise<string> {
  const folder = await mkdtemp(join(parent, `direct-${name}-`))
  await chmod(folder, 0o755)
  return folder
}

/** Nobody gets one of these by chance: the ports that Linux gives out by itself, to listen at or to connect from, lie above. */
const [LOWEST_PORT, HIGHEST_PORT] = [16_384, 32_767]

/** `count` TCP ports that were free on 127.0.0.1 a moment ago, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT + 1)
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false
    throw error
  } finally {
    await new Promise((resolve) => server.close(resolve))
  }
}

export interface ServerProcess {
  readonly command: string
  readonly args: readonly string[]
  /** Removed when the server is stopped. */
  readonly folder: string
  /** What the server writes about itself; quoted when it does not start. */
  readonly logFile: string
  /** An address of loopback; 127.0.0.1 by default. */
  readonly host?: string
  /** The server is ready when it greets on each of these ports of `host`. */
  readonly ports: readonly number[]
  /** What asks it to end; SIGTERM by default. */
  readonly stopBy?: NodeJS.Signals
}

/**
 * Starts a server that stays in the foreground, and resolves when it greets. Disposing of it stops it by its process id
 * and removes its folder. Should this process end in any other way, Ctrl-C and SIGKILL included, a guard does that.
 */
export async function startProcess(server: ServerProcess): Promise<AsyncDisposable> {
  const child = spawn(server.command, server.args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const output: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk))
  const ended = new Promise<string>((resolve) => {
    child.once('error', (cause) => resolve(cause.message))
    child.once('exit', (code, signal) => resolve(`ended with ${signal ?? `exit code ${code}`}`))
  })
  const guarded = child.pid === undefined ? null : ifWeEnd(stopped(child.pid, server.folder))
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(server.stopBy ?? 'SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(late)
    await rm(server.folder, { recursive: true, force: true, maxRetries: 5 })
    guarded?.[Symbol.dispose]()
  }
  const failed = await Promise.race([ended, greeted(server.ports, server.host ?? '127.0.0.1')])
  if (failed === null) return { [Symbol.asyncDispose]: stop }
  const log = await readFile(server.logFile, 'utf8').catch(() => 'no log was written')
  await stop()
  throw new Error(
    `${server.command} did not start: ${failed}\n${Buffer.concat(output)}\n${log.split('\n').slice(-20).join('\n')}`,
  )
}

/** Words of the shell that stop a process, by force if need be, and clear its folder away. */
function stopped(pid: number, folder: string): string {
  const alive = `kill -0 ${pid} 2>/dev/null`
  const waited = `i=0; while ${alive} && [ $i -lt 30 ]; do i=$((i+1)); sleep 0.1; done`
  return `kill -TERM ${pid}; ${waited}; kill -KILL ${pid} 2>/dev/null; rm -rf ${quoted(folder)}`
}

const STARTING_MS = 30_000

/** Null when every port has greeted, else which did not. */
async function greeted(ports: readonly number[], host: string): Promise<string | null> {
  const deadline = Date.now() + STARTING_MS
  for (const port of ports) {
    while (!(await greets(port, host))) {
      if (Date.now() > deadline) return `no greeting on port ${port} within ${STARTING_MS / 1000} s`
      await sleep(50)
    }
  }
  return null
}

/** Whether someone takes a connection on this port. */
function greets(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
