import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { ensurePackages } from './apt.ts'
import { privateFolder, startProcess } from './process.ts'

const HOLD = new URL('hold.ts', import.meta.url).pathname

function listening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(socket.destroy() !== null))
    socket.once('error', () => resolve(false))
  })
}

describe('a server that we started', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGKILL', 'throw'])(
    'ends with us, and its folder goes, after %s',
    async (end) => {
      const holder = spawn(process.execPath, [HOLD, end], { stdio: ['ignore', 'pipe', 'ignore'] })
      const said = await new Promise<string>((resolve) =>
        holder.stdout.once('data', (chunk) => resolve(String(chunk))),
      )
      const { folder, port }: { folder: string; port: number } = JSON.parse(said)
      if (end !== 'throw') {
        expect(await listening(port)).toBe(true)
        holder.kill(end as NodeJS.Signals)
      }
      while (existsSync(folder)) await sleep(20)
      expect(await listening(port)).toBe(false)
    },
  )

  it('says what it said when it does not start, and leaves no folder', async () => {
    const folder = await privateFolder('refusing')
    const started = startProcess({
      command: 'sh',
      args: ['-c', 'echo no configuration >&2; exit 3'],
      folder,
      logFile: join(folder, 'log'),
      ports: [1],
    })
    await expect(started).rejects.toThrow(/exit code 3\nno configuration/)
    expect(existsSync(folder)).toBe(false)
  })
})

describe('a program that is missing', () => {
  it('is named with the exact command that installs it where we may not', async () => {
    vi.stubEnv('DIRECT_AGENT_APT', 'never')
    await expect(ensurePackages({ sh: 'dash', 'no-such-program': 'some-package' })).rejects.toThrow(
      /some-package .*apt-get update && apt-get install --no-install-recommends -y some-package$/,
    )
    vi.unstubAllEnvs()
  })
})
