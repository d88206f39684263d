import { execFile } from 'node:child_process'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { answered, asP7b, verified } from '../agent/authority.ts'
import { pki } from '../flow/clinics.ts'
import { direct, temporaryFolder } from './direct.ts'

const SERVERS = ['--imap', 'imap://a@127.0.0.1:10143', '--smtp', 'smtp://127.0.0.1:10025']
const INIT = ['init', '--domain', 'clinic-a.example', ...SERVERS]
const REQUEST = ['cert', 'request', 'dr.kim@clinic-a.example', '--key', 'rsa-2048', '--actor', 'kim']

test('a request is the PEM on stdout, and what to do with it on stderr; asked for again, the same one', async () => {
  await using folder = await temporaryFolder()
  const options = { cwd: folder.path }
  const { code, stdout, stderr } = await direct(REQUEST, options)
  expect(code).toBe(0)
  expect(await verified(stdout)).toContain('email:dr.kim@clinic-a.example')
  expect(stderr).toContain('direct cert import')
  const again = await direct([...REQUEST, '--json'], options)
  expect(JSON.parse(again.stdout)).toMatchObject({
    for: 'dr.kim@clinic-a.example',
    request: stdout,
    key: expect.stringMatching(/^[0-9a-f]{64}$/),
    file: expect.stringContaining('request.pem'),
    outcome: 'open',
  })
  expect(again.stderr).toMatch(/waits for its answer since/)
  const other = await direct([...REQUEST, '--new', '--out', 'new.csr'], options)
  expect(other).toMatchObject({ code: 0, stdout: 'written to new.csr\n' })
  expect(await readFile(join(folder.path, 'new.csr'), 'utf8')).not.toBe(stdout)
})

test('a request with an EC key; openssl finds its signature good, and the answer serves to sign and to be encrypted to', async () => {
  await using folder = await temporaryFolder()
  const options = { cwd: folder.path }
  const asked = ['cert', 'request', 'clinic-a.example', '--key', 'ec-p384', '--actor', 'kim', '--json']
  const { code, stdout, stderr } = await direct(asked, options)
  expect(code).toBe(0)
  expect(stderr).toContain('digitalSignature and keyAgreement (RFC 5753)')
  const { request, keyType } = JSON.parse(stdout)
  expect(keyType).toBe('ec-p384')
  const said = await verified(request)
  for (const part of ['verify OK', 'ecdsa-with-SHA256', 'Key Agreement']) expect(said).toContain(part)
  const { file } = await answered(request)
  const imported = await direct(['cert', 'import', file, '--json'], options)
  expect(JSON.parse(imported.stdout)).toMatchObject({ outcome: 'imported', use: ['sign', 'encrypt'] })
  const again = await direct([...asked, '--reuse-key'], options)
  expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('--reuse-key') })
})

test('--out never overwrites, and makes nothing then', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'a.csr'), 'precious')
  const { code, stderr } = await direct([...REQUEST, '--out', 'a.csr'], { cwd: folder.path })
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('a.csr is there already') })
  await expect(stat(join(folder.path, 'data'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test.each([
  ['gmail.com', /public mailbox provider/],
  ['dr.kim@yahoo.com', /public mailbox provider/],
  ['clinic', /is not a domain name/],
  ['a b@clinic-a.example', /is not a Direct address/],
])('no request is made for %s', async (name, expected) => {
  await using folder = await temporaryFolder()
  const { code, stdout, stderr } = await direct(['cert', 'request', name], { cwd: folder.path })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(expected)
})

test('init, a CA, import: the configuration is complete; every command warns of an end within 60 days', async () => {
  await using folder = await temporaryFolder()
  const options = { cwd: folder.path }
  await direct([...INIT, '--anchor', pki('root-a.pem')], options)
  const waiting = await direct(['cert', 'list', '--json'], options)
  expect(JSON.parse(waiting.stdout)).toMatchObject({
    kind: 'request',
    for: 'clinic-a.example',
    state: 'waiting',
  })
  const csr = await readFile(join(folder.path, 'clinic-a.example.csr'), 'utf8')
  const { file, pem } = await answered(csr, { days: 20 })
  const p7b = await asP7b(pki('root-a.pem'), file)
  await writeFile(join(folder.path, 'answer.p7b'), p7b)

  const imported = await direct(['cert', 'import', 'answer.p7b', '--json'], options)
  expect(imported.code).toBe(0)
  expect(JSON.parse(imported.stdout)).toMatchObject({
    for: 'clinic-a.example',
    boundTo: 'domain',
    use: ['sign', 'encrypt'],
    intermediates: [],
    leadsToAnchor: true,
    key: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  expect(imported.stderr).toContain('direct zone check')
  expect(await readFile(join(folder.path, 'clinic-a.example.pem'), 'utf8')).toBe(pem)
  const again = await direct(['cert', 'import', '-'], { ...options, input: pem })
  expect(again).toMatchObject({ code: 0, stdout: expect.stringMatching(/^known already/) })

  const { stdout, stderr } = await direct(['cert', 'list'], options)
  expect(stdout).toMatch(/^own {2}clinic-a\.example {2}signs, encrypts {2}until .* {2}19 days left {2}/)
  expect(stderr).toMatch(/note: the certificate of clinic-a\.example ends in 19 days .*direct cert request/)
  const seal = await direct(['classify', 'x@none.example', '--no-network'], options)
  expect(seal.stderr).toContain('ends in 19 days')
  const audit = await direct(['audit', '--json'], options)
  expect(JSON.parse(audit.stdout)).toMatchObject({ event: 'certificate-imported' })
})

test('a wrong answer is refused with its code, exit 1, and nothing is changed', async () => {
  await using folder = await temporaryFolder()
  const options = { cwd: folder.path }
  await direct(INIT, options)
  const csr = await readFile(join(folder.path, 'clinic-a.example.csr'), 'utf8')
  const leafFor = (name: string) => `subjectAltName=${name}\nkeyUsage=digitalSignature,keyEncipherment\n`
  const other = await answered(csr, { extensions: leafFor('DNS:clinic-b.example') })
  const ca = await answered(csr, {
    extensions: `${leafFor('DNS:clinic-a.example')}basicConstraints=CA:TRUE\n`,
  })
  const good = await answered(csr)
  for (const [args, code] of [
    [['cert', 'import', pki('clinic-a.pem')], 'KEY_MISMATCH'],
    [['cert', 'import', other.file], 'CERT_NOT_BOUND'],
    [['cert', 'import', ca.file], 'CERT_IS_CA'],
    [['cert', 'import', good.file, '--at', '2040-01-01T00:00:00Z'], 'CERT_EXPIRED'],
    [['cert', 'import', good.file, '--at', '2020-01-01T00:00:00Z'], 'CERT_NOT_YET_VALID'],
  ] as const) {
    const { code: exit, stdout, stderr } = await direct([...args, '--json'], options)
    expect(exit).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ outcome: 'refused', why: [{ code }] })
    if (code === 'CERT_NOT_YET_VALID') expect(stderr).toContain('the clock of this machine')
    expect(stderr).toMatch(
      new RegExp(`^direct: .* was refused: .*\\(${code}\\)\ndirect: hint: Nothing was changed`, 'm'),
    )
  }
  await expect(stat(join(folder.path, 'clinic-a.example.pem'))).rejects.toMatchObject({ code: 'ENOENT' })
  // What holds no certificate is an error, as everywhere: on stderr alone, with --json too.
  await writeFile(join(folder.path, 'garbage.pem'), 'garbage')
  for (const file of ['none.pem', 'garbage.pem']) {
    const failed = await direct(['cert', 'import', file, '--json'], options)
    expect(failed).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(`direct: ${file} `) })
  }
})

test('a file that does not fit is not left behind in part: with --out or init, the next try is in nobody’s way', async () => {
  await using folder = await temporaryFolder()
  const files = new URL('../../cli/init/files.ts', import.meta.url)
  const script = `const { writeNew } = await import('${files}'); await writeNew('a.csr', 'x'.repeat(9000))`
  const full = ['-c', `ulimit -f 1; exec "$0" --input-type=module -e "$1"`, process.execPath, script]
  await expect(promisify(execFile)('sh', full, { cwd: folder.path })).rejects.toMatchObject({
    stderr: expect.stringContaining('EFBIG'),
  })
  expect(await readdir(folder.path)).toEqual([])
})
