import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { mayTakePort53, ownHost } from '../interop/hosts.ts'
import { ensurePackages } from '../services/apt.ts'
import { startMailServers } from '../services/mail-servers.ts'
import { freePorts } from '../services/process.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** The commands of one section of the README, as they stand. */
function commandsOf(section: string): readonly string[] {
  const [, rest = ''] = readFileSync(`${ROOT}README.md`, 'utf8').split(`\n## ${section}\n`)
  const [text = ''] = rest.split('\n## ')
  return [...text.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block = '']) => block)
}

/** Runs them as the README's second terminal would, but for ports and addresses that may be taken here. */
async function inSecondTerminal(commands: string, replaced: Readonly<Record<string, string>> = {}) {
  await using mail = await startMailServers({ domains: ['north.example', 'south.example', 'west.example'] })
  const folder = await mkdtemp(join(tmpdir(), 'direct-setup-'))
  onTestFinished(() => rm(folder, { recursive: true, maxRetries: 10 }))
  const ports = await freePorts(3)
  const here = Object.entries({
    ...Object.fromEntries(
      [10_053, 10_054, 10_055].map((port, i) => [`127.0.0.1:${port}`, `127.0.0.1:${ports[i]}`]),
    ),
    'port 10055': `port ${ports[2]}`,
    // For a machine that has other work.
    'sleep 2': 'sleep 4',
    ...replaced,
  })
  const script = here.reduce((text, [from, to]) => text.replaceAll(from, to), commands)
  const env = {
    ...process.env,
    // For the commands' own mktemp.
    TMPDIR: folder,
    // Each would otherwise strip the types of the same files again.
    NODE_COMPILE_CACHE: join(folder, 'compiled'),
    SMTP: `${mail.smtp.host}:${mail.smtp.port}`,
    IMAP: `${mail.imap.host}:${mail.imap.imapPort}`,
    DIRECT_PASSWORD: mail.mailboxes['north.example']?.password,
  }
  // As in a terminal: each job is a group of its own, so that `kill %1` reaches what the function started.
  const whole = `set -em\ntrap 'jobs -p | xargs -I{} kill -- -{}' EXIT\n${script}`
  const { stdout } = await promisify(execFile)('bash', ['-c', whole], { cwd: ROOT, env })
  return stdout
}

const [, ...SETUP] = commandsOf('Setting up a clinic')

test("the README's two clinics are set up by its commands alone, and a message goes each way", async () => {
  const stdout = await inSecondTerminal(SETUP.join(''))
  expect(stdout).toMatch(/^direct +dr\.lee@south\.example/m)
  expect(stdout).toMatch(/^\d\d-summary-of-care\.xml$/m)
  const processed = stdout
    .match(/^ {2}processed +\S+ +direct +(\S+)/gm)
    ?.map((line) => line.split(/ +/).at(-1))
  expect(processed).toEqual(['dr.lee@south.example', 'dr.kim@north.example'])
}, 240_000)

const SOUTH = ownHost(53)

// Delegations lead to port 53, which is not everyone's to take.
test.skipIf(!(await mayTakePort53(SOUTH)))(
  "by the README's commands one clinic publishes in a BIND, one by delegation, and a third that knows addresses alone sends to both",
  async () => {
    await ensurePackages({ named: 'bind9' })
    const upToServing = SETUP.slice(0, 3).join('')
    const stdout = await inSecondTerminal(upToServing + commandsOf('Publishing your certificate').join(''), {
      '127.0.0.2': SOUTH,
    })
    expect(stdout.match(/^visible .*/gm)).toEqual([
      expect.stringMatching(/^visible +CERT +north\.example /),
      expect.stringMatching(/^visible +CERT +dr\.lee\.south\.example .* for dr\.lee@south\.example/),
    ])
    expect(stdout.match(/^accepted .*/gm)).toEqual([
      'accepted  direct  dr.kim@north.example',
      'accepted  direct  dr.lee@south.example',
    ])
    expect(stdout.match(/^ {2}processed .*/gm)).toHaveLength(2)
  },
  240_000,
)
