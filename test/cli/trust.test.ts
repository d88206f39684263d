import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mint } from '../../fixtures/pki.ts'
import { p7b, p7m } from '../services/bundles.ts'
import { type PkiWeb, pkiWeb } from '../services/pki-web.ts'
import { type Clinics, twoClinics } from './clinics.ts'
import { direct } from './direct.ts'

let clinics: Clinics
let web: PkiWeb

const root = mint({ ca: true, subject: 'Partner Root', key: 'root-b' })
const signer = mint({ subject: 'Signer', key: 'dr-lee' })
const stranger = mint({ subject: 'Stranger', key: 'clinic-a' })
const partner = mint({ issuer: root, san: ['lee@hisp.example'], key: 'clinic-b' })

beforeAll(async () => {
  clinics = await twoClinics()
  web = await pkiWeb()
  await writeFile(join(clinics.a, 'partner-root.pem'), root.pem)
  await writeFile(join(clinics.a, 'signer.pem'), signer.pem)
  await writeFile(join(clinics.a, 'lee.pem'), partner.pem)
})

afterAll(async () => {
  await clinics?.[Symbol.asyncDispose]()
  await web?.[Symbol.asyncDispose]()
})

/** Clinic A's command line, and the JSON of its answer. */
async function a(...args: readonly string[]) {
  const { code, stdout, stderr } = await direct([...args, '--json'], { cwd: clinics.a })
  const rows = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  return { code, rows, stderr }
}

test('an anchor is added, listed, removed, and each time told by whom in the audit', async () => {
  const { sha256 } = root.certificate
  const added = await a(
    'trust',
    'add',
    'partner-root.pem',
    '--for',
    '*',
    '--direction',
    'outgoing',
    '--actor',
    'kim',
  )
  expect(added).toMatchObject({
    code: 0,
    rows: [{ sha256, change: 'added', for: '*', direction: 'outgoing' }],
  })
  const listed = await direct(['trust', 'list'], { cwd: clinics.a })
  expect(listed.code).toBe(0)
  expect(listed.stdout).toMatch(/^in-force +\* +both +[0-9a-f]{64} +file .*ca.pem/m)
  expect(listed.stdout).toMatch(
    new RegExp(`^in-force +\\* +outgoing +${sha256} +added by kim +CN=Partner Root`, 'm'),
  )
  const removed = await a('trust', 'remove', sha256.toUpperCase().slice(0, 16), '--actor', 'lee')
  expect(removed).toMatchObject({ code: 0, rows: [{ sha256, change: 'removed', state: 'removed' }] })
  const again = await a('trust', 'remove', sha256, '--actor', 'lee')
  expect(again.code).toBe(1)
  expect(again.stderr).toContain('no trust anchor is')
  const { stdout } = await direct(['audit'], { cwd: clinics.a })
  const short = `${sha256.slice(0, 16)}…`
  expect(stdout.split('\n').map((line) => line.slice(24).replace(/ {2,}/g, '  '))).toEqual([
    `  anchor-added  by kim  ${short}  for *, outgoing`,
    `  anchor-removed  by lee  ${short}  for everyone`,
    '',
  ])
  expect(stdout.split('\n').map((line) => line.indexOf(' by '))).toEqual([48, 48, -1])
  const audit = await a('audit')
  expect(audit.rows.map(({ event, actor, certificate }) => [event, actor, certificate])).toEqual([
    ['anchor-added', 'kim', sha256],
    ['anchor-removed', 'lee', sha256],
  ])
})

test('a bundle is added, compared, refreshed, refused with 1, away with 75, and removed', async () => {
  const url = web.url('/anchors.p7m')
  web.paths.set('/anchors.p7m', p7m(p7b([root]), signer))
  const bundle = ['trust', 'bundle'] as const
  const added = await a(
    ...bundle,
    'add',
    url,
    '--for',
    '*',
    '--signed-by',
    'signer.pem',
    '--refresh-hours',
    '6',
  )
  expect(added).toMatchObject({ code: 0, rows: [{ url, outcome: 'refreshed', anchors: 1 }] })

  web.paths.set('/anchors.p7m', p7m(p7b([root, signer]), signer))
  const diff = await direct([...bundle, 'diff'], { cwd: clinics.a })
  expect(diff.code).toBe(0)
  expect(diff.stdout).toContain('would change')
  expect(diff.stdout).toContain(signer.certificate.sha256)
  expect(await a(...bundle, 'refresh')).toMatchObject({
    code: 0,
    rows: [{ outcome: 'refreshed', anchors: 2 }],
  })
  expect(await a(...bundle, 'refresh', url)).toMatchObject({ code: 0, rows: [{ outcome: 'unchanged' }] })

  web.paths.set('/anchors.p7m', p7m(p7b([root]), stranger))
  const refused = await a(...bundle, 'refresh')
  expect(refused).toMatchObject({
    code: 1,
    rows: [{ outcome: 'refused', anchors: 2, why: { code: 'SIGNER_UNTRUSTED' } }],
  })

  await web.stop()
  const away = await a(...bundle, 'refresh')
  expect(away).toMatchObject({
    code: 75,
    rows: [{ outcome: 'failed', anchors: 2, why: { code: 'FETCH_FAILED' } }],
  })
  expect(away.stderr).toContain('could not be refreshed since')
  await web.start()

  const listed = await a(...bundle, 'list')
  expect(listed.rows).toMatchObject([
    { url, origin: 'added', refreshHours: 6, anchors: 2, failure: { code: 'FETCH_FAILED' } },
  ])
  expect(await a(...bundle, 'remove', url)).toMatchObject({ code: 0, rows: [{ removed: 1 }] })
  expect(await a(...bundle, 'remove', url)).toMatchObject({ code: 1 })
  expect((await a('trust', 'list')).rows).toMatchObject([{ origin: 'file' }])
})

test('the list says for whom each anchor counts, and of a name that has none of its own what counts for it', async () => {
  const text = async (...args: string[]) => await direct(['trust', ...args], { cwd: clinics.a })
  const adding = ['add', 'partner-root.pem', '--for', 'clinic-a.example', '--direction', 'outgoing'] as const
  const refused = await text(...adding)
  expect(refused).toMatchObject({ code: 2, stdout: '' })
  expect(refused.stderr).toContain(
    "\ndirect: hint: --for '*' adds to what is in force.\ndirect: hint: --narrow ",
  )
  const before = await text('list', '--for', 'clinic-a.example')
  expect(before.stdout).toMatch(/^in-force +\* +both .*TEST CA/)
  expect(before.stderr).not.toContain('nobody is believed')

  expect((await text(...adding, '--narrow')).code).toBe(0)
  expect((await text('list')).stdout).toMatch(
    /^in-force +\* .*; but for outgoing mail of clinic-a\.example, which has its own$/m,
  )
  const notThere = await text('remove', 'partner-root.pem', '--for', '*')
  expect(notThere).toMatchObject({ code: 1, stdout: '' })
  expect(notThere.stderr).toContain('is an anchor for clinic-a.example and still counts there')
  expect(notThere.stderr).toContain('no trust anchor for * is partner-root.pem')
  const removed = await text('remove', 'partner-root.pem')
  expect(removed.stderr).toContain('those of * count again there')
  const partner = await text('list', '--for', 'partner.example')
  expect(partner).toMatchObject({ code: 2, stdout: '' })
  expect(partner.stderr).toContain('direct: partner.example is nobody of ours')
})

test('a bundle that is refused, or whose host is away, is not added: 1 or 75, and nothing was changed', async () => {
  const url = web.url('/refused.p7m')
  web.paths.set('/refused.p7m', p7m(p7b([root]), stranger))
  const adding = ['trust', 'bundle', 'add', url, '--for', '*', '--signed-by', 'signer.pem'] as const
  const refused = await a(...adding)
  expect(refused).toMatchObject({ code: 1, rows: [{ outcome: 'refused', anchors: 0 }] })
  expect(refused.stderr).toMatch(
    /direct: the bundle .* was not added\ndirect: hint: Nothing was changed\. Ask/,
  )
  await web.stop()
  const away = await a(...adding)
  expect(away).toMatchObject({ code: 75, rows: [{ outcome: 'failed' }] })
  expect(away.stderr).toContain('direct: hint: Nothing was changed. Try again when its host answers.')
  await web.start()
  expect((await a('trust', 'bundle', 'list')).rows).toEqual([])
})

test('a bundle that holds an anchor which was removed by hand says that it stays out, and by whom', async () => {
  await a('trust', 'add', 'partner-root.pem', '--for', '*')
  await a('trust', 'remove', 'partner-root.pem', '--actor', 'lee')
  const url = web.url('/out.p7b')
  web.paths.set('/out.p7b', p7b([root]))
  const { stdout } = await direct(['trust', 'bundle', 'add', url, '--for', '*'], { cwd: clinics.a })
  expect(stdout).toMatch(
    /1 anchor, 0 added, 0 removed, 1 stays out: removed by hand by lee on \d{4}-\d\d-\d\d\n/,
  )
  expect(await a('trust', 'bundle', 'remove', url)).toMatchObject({ code: 0, rows: [{ removed: 1 }] })
})

test('a certificate is pinned to one address, listed, and unpinned (TR-5)', async () => {
  const pin = [
    'cert',
    'pin',
    'lee.pem',
    '--address',
    'lee@hisp.example',
    '--actor',
    'kim',
    '--why',
    'met in person',
  ]
  const { sha256 } = partner.certificate
  const other = await a(...pin, '--until', '2030-01-01', '--sha256', root.certificate.sha256)
  expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining(sha256) })
  const pinned = await a(...pin, '--until', '2030-01-01', '--sha256', sha256.toUpperCase())
  expect(pinned).toMatchObject({
    code: 0,
    rows: [{ address: 'lee@hisp.example', sha256, why: 'met in person', until: '2030-01-01T00:00:00.000Z' }],
  })
  expect(pinned.stderr).toContain('whether it is revoked will not be asked')
  const explained = await direct(
    ['classify', 'lee@hisp.example', '--no-network', '--from', 'kim@clinic-a.example', '--explain'],
    { cwd: clinics.a },
  )
  expect(
    explained.stdout.match(/it is pinned to lee@hisp\.example by kim until 2030-01-01T00:00:00\.000Z/g),
  ).toHaveLength(2)
  const classified = await a('classify', 'lee@hisp.example', '--no-network', '--from', 'kim@clinic-a.example')
  expect(classified).toMatchObject({ code: 0, rows: [{ route: 'direct', certificates: [{ sha256 }] }] })
  expect(await a('cert', 'pins')).toMatchObject({ code: 0, rows: [{ sha256, state: 'in-force' }] })
  expect(await a('cert', 'unpin', 'lee@hisp.example')).toMatchObject({ code: 0, rows: [{ unpinned: 1 }] })
  expect(await a('cert', 'unpin', 'lee@hisp.example')).toMatchObject({ code: 1 })
})

test.each([
  [['trust', 'add', 'partner-root.pem'], '--for'],
  [['trust', 'add', 'no-such.pem', '--for', '*'], 'no-such.pem'],
  [['trust', 'add', 'partner-root.pem', '--for', 'no name'], 'has no trust of its own'],
  [['trust', 'bundle', 'add', 'ftp://bundles.example/a', '--for', '*'], 'no URL of a trust bundle'],
  [['trust', 'bundle', 'refresh', 'https://unknown.example/a'], 'no bundle https://unknown.example/a'],
  [['cert', 'pin', 'lee.pem', '--address', 'lee@hisp.example', '--actor', 'kim', '--why', 'x'], '--until'],
  [['cert', 'pin', 'lee.pem', '--actor', 'kim'], 'a pin needs --address, --why, --until as well'],
])('%j is wrong usage, with 2', async (args, said) => {
  const { code, stderr } = await direct(args, { cwd: clinics.a })
  expect(code).toBe(2)
  expect(stderr).toContain(said)
})
