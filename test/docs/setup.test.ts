import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { startMailServers } from '../services/mail-servers.ts'
import { freePorts } from '../services/process.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** The README's commands for the second terminal, as they stand, but for ports that may be taken here. */
async function commands(): Promise<string> {
  const [, rest = ''] = readFileSync(`${ROOT}README.md`, 'utf8').split('\n## Setting up a clinic\n')
  const [setup = ''] = rest.split('\n## ')
  const [, ...blocks] = [...setup.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block)
  const [north = 0, south = 0] = await freePorts(2)
  return blocks
    .join('')
    .replaceAll('127.0.0.1:10053', `127.0.0.1:${north}`)
    .replaceAll('127.0.0.1:10054', `127.0.0.1:${south}`)
}

test("the README's two clinics are set up by its commands alone, and a message goes each way", async () => {
  await using mail = await startMailServers({ domains: ['north.example', 'south.example'] })
  const folder = await mkdtemp(join(tmpdir(), 'direct-setup-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const env = {
    ...process.env,
    // For the commands' own mktemp.
    TMPDIR: folder,
    SMTP: `${mail.smtp.host}:${mail.smtp.port}`,
    IMAP: `${mail.imap.host}:${mail.imap.imapPort}`,
    DIRECT_PASSWORD: mail.mailboxes['north.example']?.password,
  }
  // As in a terminal: each job is a group of its own, so that `kill %1` reaches what the function started.
  const script = `set -em\ntrap 'kill %1 %2' EXIT\n${await commands()}`
  const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: ROOT, env })
  expect(stdout).toMatch(/^lock +dr\.lee@south\.example/m)
  expect(stdout).toMatch(/^\d\d-summary-of-care\.xml$/m)
  const processed = stdout
    .match(/^ {2}processed +\S+ +direct +(\S+)/gm)
    ?.map((line) => line.split(/ +/).at(-1))
  expect(processed).toEqual(['dr.lee@south.example', 'dr.kim@north.example'])
}, 120_000)
