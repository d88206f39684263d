import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const file = (name: string) => fileURLToPath(new URL(`../../docs/${name}`, import.meta.url))
const unit = readFileSync(file('direct.service'), 'utf8')
const image = readFileSync(file('Dockerfile'), 'utf8')
const page = readFileSync(file('daemon.md'), 'utf8')

const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1]

test('the unit asks as the daemon answers: SIGTERM within its time, SIGHUP for a reload, no start again after a wrong configuration', () => {
  expect(Number(value('TimeoutStopSec'))).toBeGreaterThan(10)
  expect(value('ExecReload')).toMatch(/kill -HUP \$MAINPID$/)
  expect(value('Restart')).toBe('on-failure')
  expect(value('RestartPreventExitStatus')).toBe('2')
  // What it writes lies where it may write.
  expect(value('ProtectSystem')).toBe('strict')
  expect(value('ExecStart')).toContain(`--deliver /var/lib/${value('StateDirectory')}/`)
})

test('the image starts what the unit starts', () => {
  const words = [...(/^CMD \[(.*)\]$/m.exec(image)?.[1] ?? '').matchAll(/"([^"]*)"/g)].map(([, word]) => word)
  expect(value('ExecStart')).toBe(`/usr/bin/env direct ${words.join(' ')}`)
  expect(image).toMatch(/^USER direct$/m)
})

test('the page asks the doctor with the environment of the service, and no password in the list of processes', async () => {
  const line = /^\(set -a; .* direct doctor .*\)$/m.exec(page)?.[0] ?? ''
  const dir = await mkdtemp(join(tmpdir(), 'direct-service-'))
  try {
    const password = 'a  b$c "d'
    await writeFile(join(dir, 'environment'), `DIRECT_PASSWORD='${password}'\n`)
    // The user need not be here: what would run is asked for its words and its environment.
    await writeFile(join(dir, 'runuser'), '#!/bin/sh\nprintf "%s\\n" "$*" "$DIRECT_PASSWORD"\n', {
      mode: 0o755,
    })
    const { stdout } = spawnSync('sh', ['-c', line], {
      cwd: dir,
      encoding: 'utf8',
      env: { PATH: `${dir}:${process.env.PATH}` },
    })
    expect(stdout).toBe(`-u direct -- direct doctor --deliver /var/lib/direct-agent/ehr\n${password}\n`)
  } finally {
    await rm(dir, { recursive: true })
  }
  expect(page).not.toContain('$(cat environment)')
})

test('every section that docs/daemon.md begins with is there', () => {
  const sections = [...page.matchAll(/^## (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  )
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor)
  expect(links.length).toBeGreaterThan(10)
  expect(links.filter((link) => !sections.includes(link ?? ''))).toEqual([])
})

const analyze = spawnSync('systemd-analyze', ['verify', file('direct.service')], { encoding: 'utf8' })

test.skipIf(analyze.error !== undefined)(
  'systemd finds nothing wrong with the unit (systemd-analyze verify)',
  () => {
    // The user need not be here, nor the program's page.
    const said = `${analyze.stderr}${analyze.stdout}`
      .split('\n')
      .filter((line) => line.includes('direct.service'))
    expect(said).toEqual([])
  },
)
