import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Finding, serveCertificates } from '../../agent/index.ts'
import { scriptedImap } from '../mailbox/scripted-imap.ts'
import { scriptedSmtp } from '../mailbox/scripted-smtp.ts'
import { type Clinics, closedPort, twoClinics } from './clinics.ts'
import { direct } from './direct.ts'

let clinics: Clinics
beforeAll(async () => {
  clinics = await twoClinics()
})
afterAll(() => clinics[Symbol.asyncDispose]())

const findings = (stdout: string): Finding[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))

const doctor = (config: string, ...more: readonly string[]) =>
  direct(['doctor', '--config', config, ...more], { cwd: clinics.a })

test('doctor: an error outweighs who is unreachable: 1; every finding is a line of JSON with its fields', async () => {
  // Its servers are away, and its certificate is in no DNS.
  const { code, stdout, stderr } = await doctor('direct.yaml', '--json', '--deliver', 'inbox')
  expect(code).toBe(1)
  expect(stderr).toBe('')
  const said = findings(stdout)
  for (const finding of said)
    expect(Object.keys(finding)).toEqual(['area', 'level', 'code', 'about', 'text', 'do'])
  expect(said).toContainEqual(expect.objectContaining({ area: 'smtp', level: 'unreachable' }))
  expect(said).toContainEqual(expect.objectContaining({ area: 'anchors', level: 'warning', code: 'TEST_CA' }))
  expect(
    said.filter(({ level, do: advice }) => level !== 'ok' && level !== 'note' && advice === null),
  ).toEqual([])
})

test('doctor: where somebody is unreachable, and nothing is wrong: 75; warnings alone: 0', async () => {
  await using smtp = await scriptedSmtp()
  await using imap = await scriptedImap()
  const stop = new AbortController()
  const listen = { host: '127.0.0.1', port: 0 }
  const serving = await serveCertificates(join(clinics.a, 'direct.yaml'), { listen, signal: stop.signal })
  const dns = {
    "# dns: { servers: ['127.0.0.1:10053']": `dns: { servers: ['127.0.0.1:${serving.address.port}']`,
    'revocation: require': 'network: { allowPrivate: true }\nrevocation: require',
  }
  const servers = async (name: string, smtpPort: number) => {
    const file = join(clinics.a, await clinics.variant(name, dns))
    const text = (await readFile(file, 'utf8'))
      .replace(/imap:\/\/u:p@127\.0\.0\.1:\d+/, `imap://u:p@127.0.0.1:${imap.port}`)
      .replace(/smtp:\/\/127\.0\.0\.1:\d+/, `smtp://127.0.0.1:${smtpPort}`)
    await writeFile(file, text)
    await chmod(file, 0o600)
    return name
  }
  expect(await doctor(await servers('away.yaml', await closedPort()))).toMatchObject({
    code: 75,
    stdout: expect.stringMatching(/^unreachable {2}smtp .*\n {4}.*\n {4}do: /m),
  })
  const fine = await doctor(await servers('fine.yaml', smtp.port))
  expect(fine).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^ok +dns +strangers see CERT clinic-a/m),
  })
  stop.abort()
  await serving.closed
})

test('doctor: a configuration that is wrong is told as a finding, and the exit code is 2', async () => {
  await writeFile(join(clinics.a, 'wrong.yaml'), 'mailbxes: []\n')
  const { code, stdout, stderr } = await doctor('wrong.yaml', '--json')
  expect({ code, stderr }).toEqual({ code: 2, stderr: '' })
  expect(findings(stdout)).toEqual([
    {
      area: 'configuration',
      level: 'error',
      code: 'CONFIG_INVALID',
      about: null,
      text: expect.stringContaining('mailbxes'),
      do: expect.stringContaining('mailboxes'),
    },
  ])
  expect(await doctor('none.yaml')).toMatchObject({ code: 2, stdout: expect.stringContaining('none.yaml') })
})
