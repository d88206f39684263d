/** `--record` and `--replay` as a user and support meet them. */
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readCertificates } from '../../trust-anchors/index.ts'
import {
  answerTo,
  CODE,
  certRdata,
  certRecord,
  FLAG,
  type ScriptedServer,
  scriptedServer,
} from '../dns/scripted-server.ts'
import { type Clinics, twoClinics } from './clinics.ts'
import { direct, temporaryFolder } from './direct.ts'

const CHEN = 'dr.chen@clinic-c.example'
let clinics: Clinics
let server: ScriptedServer
let config: string

beforeAll(async () => {
  clinics = await twoClinics()
  const made = await direct(
    [
      'init',
      '--domain',
      'clinic-c.example',
      '--imap',
      'imap://u:p@127.0.0.1:9',
      '--smtp',
      'smtp://127.0.0.1:9',
      '--test-ca',
      '../ca',
      '--dir',
      'c',
    ],
    { cwd: clinics.b },
  )
  if (made.code !== 0) throw new Error(made.stderr)
  const certificates = readCertificates(await readFile(join(clinics.b, 'c', 'clinic-c.example.pem')))
  if ('code' in certificates || !certificates[0]) throw new Error('no certificate was made')
  const rdata = certRdata(Buffer.from(certificates[0].der))
  const script: Parameters<typeof scriptedServer>[0]['udp'] = (asked) => {
    const { name } = asked.question
    asked.send(
      name === 'clinic-c.example'
        ? answerTo(asked, { answers: [certRecord(name, rdata)] })
        : answerTo(asked, { flags: FLAG.AA | CODE.NXDOMAIN }),
    )
  }
  server = await scriptedServer({ udp: script, tcp: script })
  config = await clinics.variant('traced.yaml', {
    'certificates:': `dns: { servers: ['127.0.0.1:${server.port}'], timeoutMs: 1000 }\ncertificates:`,
  })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await clinics[Symbol.asyncDispose]()
})

const inA = (args: readonly string[]) => direct([...args, '--config', config], { cwd: clinics.a })

/** In an empty folder, by a process that cannot open a socket. */
async function elsewhere(trace: string, args: readonly string[]) {
  await using folder = await temporaryFolder()
  const dir = join(folder.path, 'empty')
  const forbid = join(folder.path, 'forbid.mjs')
  await mkdir(dir)
  await writeFile(
    forbid,
    `import net from 'node:net'; import dgram from 'node:dgram'
net.Socket.prototype.connect = dgram.createSocket = () => { throw new Error('a socket') }\n`,
  )
  const transcript = await direct([...args, '--replay', join(clinics.a, trace)], {
    cwd: dir,
    env: { NODE_OPTIONS: `--import=${forbid}` },
  })
  return { ...transcript, left: await readdir(dir) }
}

describe.each([
  ['discover', []],
  ['classify', []],
  ['classify', ['--explain']],
])('%s %j', (command, options) => {
  test('is answered again from the trace alone, byte for byte', async () => {
    const asked = server.log.length
    const recorded = await inA([command, CHEN, ...options, '--json', '--record', 'trace.json'])
    expect(recorded.code).toBe(0)
    expect(server.log.length).toBeGreaterThan(asked)
    const from = server.log.length
    const replayed = await elsewhere('trace.json', [command, CHEN, ...options, '--json'])
    expect(replayed).toEqual({ ...recorded, stderr: '', left: [] })
    const [people, again] = [
      await elsewhere('trace.json', [command, ...options]),
      await elsewhere('trace.json', [command, CHEN, ...options]),
    ]
    expect(people).toEqual(again)
    expect(people.stdout).toContain(CHEN)
    expect(server.log.length).toBe(from)
  })
})

test('the trace is 0600, with neither paths nor logins, and its answer was complete', async () => {
  await inA(['discover', CHEN, '--record', 'kept.json'])
  const path = join(clinics.a, 'kept.json')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  const text = await readFile(path, 'utf8')
  expect(text).not.toContain(clinics.a)
  expect(text).not.toMatch(/PRIVATE|imap:|u:p@/)
  const failed = await inA(['discover', CHEN, '--from', 'nobody', '--record', 'none.json'])
  expect(failed.code).toBe(2)
  expect(await readdir(clinics.a)).not.toContain('none.json')
})

test('what is no address is recorded and replayed too: the answer is the same', async () => {
  for (const command of ['discover', 'classify']) {
    const recorded = await inA([command, 'not one', '--json', '--record', 'none-such.json'])
    expect(recorded).toMatchObject({ code: 1, stderr: expect.stringContaining('none-such.json holds') })
    expect(recorded.stdout).toContain('"code":"ADDRESS_INVALID"')
    const { code, stdout } = recorded
    expect(await elsewhere('none-such.json', [command, '--json'])).toMatchObject({ code, stdout, stderr: '' })
  }
})

test('a configuration beside --replay is not read, and that is said', async () => {
  await inA(['classify', CHEN, '--record', 'alone.json'])
  const options = ['classify', '--replay', join(clinics.a, 'alone.json'), '--config', 'nowhere.yaml']
  expect(await direct(options, { cwd: clinics.b })).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(
      /^direct: note: .*alone\.json alone is answered from; nowhere\.yaml is not read\n$/,
    ),
  })
})

test('what is recorded as of another time is replayed as of that time (--at)', async () => {
  const at = ['--at', '2049-01-01T00:00:00Z']
  const { code, stdout } = await inA(['classify', CHEN, '--json', '--record', 'later.json', ...at])
  expect(code).toBe(1)
  expect(await elsewhere('later.json', ['classify', '--json'])).toMatchObject({ code, stdout })
  expect(await elsewhere('later.json', ['classify', '--json', ...at])).toMatchObject({ code, stdout })
  const other = await elsewhere('later.json', ['classify', '--at', '2026-01-01T00:00:00Z'])
  expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('2049-01-01') })
})

describe('wrong use is an error that says what to do', () => {
  const wrong = async (args: readonly string[], ...facts: readonly string[]) => {
    const { code, stdout, stderr } = await inA(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    for (const fact of facts) expect(stderr).toContain(fact)
  }

  test('an address or a sender that the trace does not hold', async () => {
    await inA(['discover', CHEN, '--record', 'held.json'])
    const other = 'x@other.example'
    await wrong(['discover', other, '--replay', 'held.json'], other, `direct: hint: It holds ${CHEN}`)
    await wrong(['classify', CHEN, other, '--replay', 'held.json'], other, CHEN)
    await wrong(['classify', CHEN, '--from', other, '--replay', 'held.json'], other, 'without --from')
  })

  test('both at once, neither an address nor a trace, a file that is none', async () => {
    await wrong(['discover', CHEN, '--record', 'a.json', '--replay', 'b.json'], '--record', '--replay')
    await wrong(['discover'], "missing required argument 'address'")
    await wrong(['classify'], "missing required argument 'address'")
    const missing = 'nowhere.json cannot be read: there is no such file'
    await wrong(['discover', '--replay', 'nowhere.json'], missing)
    await wrong(['discover', '--replay', config], 'traced.yaml is no trace')
    await wrong(['discover', CHEN, '--record', 'no/such/folder.json'], 'folder.json')
  })
})
