import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'

test('SIGTERM to npm ends the mail servers that it was asked for', async ({ signal }) => {
  // A group of their own: what the signal leaves running goes with the test.
  const npm = spawn('npm', ['run', '--silent', 'mail-servers', 'north.example'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const port = await smtpPort(npm.stdout)
    expect(await isListening(port)).toBe(true)
    npm.kill('SIGTERM')
    while (await isListening(port)) await sleep(50, undefined, { signal })
  } finally {
    endGroup(npm.pid as number)
  }
})

async function smtpPort(said: NodeJS.ReadableStream): Promise<number> {
  for await (const line of createInterface(said)) {
    const [, port] = /^export SMTP=127\.0\.0\.1:(\d+)/.exec(line) ?? []
    if (port !== undefined) return Number(port)
  }
  throw new Error('the mail servers did not start')
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(socket.destroy() !== null))
    socket.once('error', () => resolve(false))
  })
}

function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
