import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { direct, temporaryFolder } from './direct.ts'

/** Arguments, exit code, and what must stand on the first lines of stderr. */
const MISTAKES: readonly (readonly [string, readonly string[], number, RegExp])[] = [
  [
    'an unknown command names the nearest',
    ['clasify', 'a@b.example'],
    2,
    /^direct: unknown command 'clasify'\ndirect: hint: Did you mean classify\?/,
  ],
  [
    'an unknown subcommand names the nearest',
    ['message', 'sael'],
    2,
    /^direct: unknown command 'sael'\ndirect: hint: Did you mean seal\?/,
  ],
  [
    'a subcommand without its group is led to it, not to what sends',
    ['seal', '--from', 'a@b.example'],
    2,
    /^direct: unknown command 'seal'\ndirect: hint: Did you mean message seal\? /,
  ],
  [
    'a subcommand of another group is named with its own',
    ['message', 'check'],
    2,
    /^direct: unknown command 'check'\ndirect: hint: Did you mean one of store check, zone check\? /,
  ],
  [
    'nobody comes to send by a guess',
    ['sned', '--from', 'a@b.example'],
    2,
    /^direct: unknown command 'sned'\ndirect: hint: "direct --help"/,
  ],
  ['help for an unknown command is no help', ['help', 'clasify'], 2, /^direct: unknown command 'clasify'/],
  [
    'an unknown option names the nearest',
    ['classify', '--frm', 'x', 'a@b.example'],
    2,
    /^direct: unknown option '--frm'\ndirect: hint: Did you mean --from\?/,
  ],
  [
    'a missing argument: the hint names every way to give one',
    ['classify'],
    2,
    /^direct: missing required argument 'address'\ndirect: hint: .*--file book\.csv.*--replay FILE/,
  ],
  [
    'a missing argument of discover',
    ['discover'],
    2,
    /\ndirect: hint: Name an address, or a trace to replay: --replay FILE\.\n/,
  ],
  [
    'a missing mandatory option',
    ['send', '--to', 'a@b.example'],
    2,
    /^direct: required option '--from <address>' not specified\n/,
  ],
  [
    'an option without its value',
    ['status', '--config'],
    2,
    /^direct: option '--config <file>' argument missing\n/,
  ],
  ...[
    ['message', 'seal', '--from', 'a@b.example', '--to', 'a@b.example', '--out', 'x', '--in', '-'],
    ['message', 'open', '--to', 'a@b.example', '--in', 'x', '--out', '-'],
    ['send', '--from', 'a@b.example', '--to', 'a@b.example', '--message', '-'],
    ['zone', 'generate', '--out', '-'],
  ].map((args): (typeof MISTAKES)[number] => [
    `${args.slice(0, 2).join(' ')} reads and writes no pipe: ${args.at(-2)} -`,
    args,
    2,
    new RegExp(`^direct: ${args.at(-2)} takes a file, neither stdin nor stdout\ndirect: hint: .*\\./-`),
  ]),
  [
    'an option given twice',
    ['send', '--from', 'a@b.example', '--from', 'c@b.example', '--to', 'x@y.example'],
    2,
    /^direct: --from is there twice\n/,
  ],
  [
    'a choice made twice, the first time as it is by default',
    ['trust', 'add', 'root.pem', '--for', '*', '--direction', 'both', '--direction', 'incoming'],
    2,
    /^direct: --direction is there twice\n/,
  ],
  [
    'a choice that is none',
    ['zone', 'generate', '--format', 'xml'],
    2,
    /^direct: option '--format <format>' argument 'xml' is invalid\. Allowed choices are bind, lines, json, ldif\.\n/,
  ],
  [
    'an organisation that no certificate holds',
    ['init', '--domain', 'a.example', '--imap', 'imap://127.0.0.1', '--smtp', 'smtp://127.0.0.1'].concat(
      '--organisation',
      'O'.repeat(65),
    ),
    2,
    /^direct: the organisation has 65 characters; a certificate holds 64 at most\n/,
  ],
  [
    'options that exclude each other',
    ['send', '--from', 'a@b.example', '--to', 'x@y.example', '--message', 'm', '--text', 't'],
    2,
    /^direct: option '--message <file>' cannot be used with option '--text <text>'\n/,
  ],
  [
    'nobody to send to',
    ['send', '--from', 'a@b.example'],
    2,
    /^direct: nobody to send to\ndirect: hint: Add --to/,
  ],
  [
    'a text file that is missing',
    ['send', '--from', 'a@b.example', '--to', 'x@y.example', '--text-file', 'none.txt'],
    2,
    /^direct: cannot read the text file none\.txt/,
  ],
  [
    'a text file without end',
    ['send', '--from', 'a@b.example', '--to', 'x@y.example', '--text-file', '/dev/zero'],
    2,
    /^direct: cannot read the text file \/dev\/zero \(it is longer than/,
  ],
  ['receive without --once', ['receive'], 2, /^direct: .*\ndirect: hint: Add --once/],
  [
    '--batch with --in',
    ['message', 'open', '--batch', '-', '--in', 'x'],
    2,
    /^direct: --batch reads lines from stdin/,
  ],
  ['open without --to', ['message', 'open', '--in', 'x'], 2, /^direct: --to ADDRESS is missing/],
  [
    'a place to listen that is none',
    ['certs', 'serve', '--listen', '10053'],
    2,
    /^direct: "10053" is not HOST:PORT/,
  ],
  [
    'a server, where the network is forbidden',
    ['certs', 'serve', '--listen', '127.0.0.1:0', '--no-network'],
    2,
    /^direct: .*--no-network forbids/,
  ],
  [
    'a time without a zone',
    ['--at', '2026-11-21T09:30:00', 'status'],
    2,
    /^direct: "2026-11-21T09:30:00" is not a time\ndirect: hint: .*RFC 3339/,
  ],
  [
    'a day that is none',
    ['status', '--at', '2026-02-30T00:00:00Z'],
    2,
    /^direct: "2026-02-30T00:00:00Z" is not a time/,
  ],
  [
    'an explicit configuration that is missing',
    ['status', '--config', 'none.yaml'],
    2,
    /^direct: cannot read the configuration none\.yaml: there is no such file\ndirect: hint: /,
  ],
  [
    'send --keep-trying for no time',
    ['send', '--from', 'a@b.example', '--to', 'x@y.example', '--keep-trying', '0'],
    2,
    /^direct: 0 hours is no time to keep trying for\ndirect: hint: Give more than 0 and at most 720 hours\.$/m,
  ],
  [
    'send --keep-trying for a time that is no number',
    ['send', '--from', 'a@b.example', '--to', 'x@y.example', '--keep-trying', 'all day'],
    2,
    /^direct: "all day" is not a number of hours/,
  ],
  [
    '--expect alone',
    ['audit', '--expect', 'ab'.repeat(32)],
    2,
    /^direct: --expect says .*\ndirect: hint: Add --verify/,
  ],
  ['an expected head that is none', ['audit', '--verify', '--expect', 'abc'], 2, /^direct: "abc" is no head/],
  [
    'audit --verify of one message',
    ['audit', '--verify', '--message', '<a@b.example>'],
    2,
    /^direct: option '--verify' cannot be used with option '--message <id>'/,
  ],
]

test.concurrent.each(MISTAKES)('%s', async (_, args, code, expected) => {
  await using folder = await temporaryFolder()
  const transcript = await direct(args, { cwd: folder.path })
  expect(transcript).toMatchObject({ code, stdout: '' })
  expect(transcript.stderr).toMatch(expected)
  expect(transcript.stderr).toMatch(/^(direct: .*\n)+$/)
})

test.concurrent('help fits on one screen and ends with an example to paste', async () => {
  await using folder = await temporaryFolder()
  const { code, stdout, stderr } = await direct(['--help'], { cwd: folder.path })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout.split('\n').length).toBeLessThan(40)
  expect(stdout.trimEnd()).toMatch(/Example: .*\n {2}direct classify .*$/)
})

test.concurrent.each([
  'init',
  'classify',
  'discover',
  'send',
  'receive',
  'run',
  'status',
  'audit',
  'message seal',
  'message open',
  'cert request',
  'cert import',
  'cert list',
  'zone generate',
  'zone check',
  'certs serve',
])('direct help %s ends with an example of that command', async (name) => {
  await using folder = await temporaryFolder()
  const { code, stdout } = await direct(['help', ...name.split(' ')], { cwd: folder.path })
  expect(code).toBe(0)
  expect(stdout.split('\n').length).toBeLessThan(45)
  expect(stdout).toMatch(new RegExp(`\\nExamples?:\\n {2}direct ${name}`))
  // What a later version brings says so when it is asked for, and is not offered.
  expect(stdout).not.toMatch(/not built/)
})

test.concurrent.each([[[]], [['message']], [['trust', 'bundle']], [['--']]])(
  'no command at all is wrong usage, and where help is found: %j',
  async (args) => {
    await using folder = await temporaryFolder()
    const { code, stdout, stderr } = await direct(args, { cwd: folder.path })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^direct: name a command\ndirect: hint: "direct --help" .*\n$/)
  },
)

test.concurrent.each(['--help', '--version', 'help send', 'chain verify --help'])(
  'what cannot be written is no success: direct %s to a full disk',
  async (line) => {
    await using folder = await temporaryFolder()
    const through = ['sh', '-c', 'exec "$@" > /dev/full', 'sh']
    const { code, stderr } = await direct(line.split(' '), { cwd: folder.path, through })
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(
        /^direct: the answer cannot be written \(ENOSPC\)\n(direct: hint: .*\n)?$/,
      ),
    })
  },
)

test.concurrent.each([['--version'], ['-V'], ['--json', '--version']])(
  '%s prints the version of package.json',
  async (...args) => {
    await using folder = await temporaryFolder()
    expect(await direct(args, { cwd: folder.path })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    })
  },
)

test.concurrent('global options may stand before and after the command', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'c.yaml'), 'smpt: {}\n')
  for (const args of [
    ['--config', 'c.yaml', '--json', 'classify', 'a@b.example'],
    ['classify', 'a@b.example', '--json', '--config', 'c.yaml'],
  ])
    expect(await direct(args, { cwd: folder.path })).toEqual({
      code: 2,
      stdout: '',
      stderr: expect.stringMatching(
        /^direct: c\.yaml:1:1: unknown key smpt; the nearest known key is smtp\ndirect: hint: Known here: /,
      ),
    })
})

test.concurrent.each(['--text', '--subject', '--idempotency-key'])(
  'bytes that are not UTF-8 are not sent as something else: %s',
  async (option) => {
    await using folder = await temporaryFolder()
    const through = ['sh', '-c', `exec "$@" ${option} "$(printf 'caf\\351')"`, 'sh']
    const args = ['send', '--from', 'a@b.example', '--to', 'x@y.example']
    const { code, stderr } = await direct(args, { cwd: folder.path, through })
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(`^direct: ${option} is not UTF-8, or holds U\\+FFFD\ndirect: hint: `),
    })
  },
)

test.concurrent('a working folder that is gone is no bug of ours', async () => {
  await using folder = await temporaryFolder()
  const through = ['sh', '-c', 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', 'sh']
  const { code, stderr } = await direct(['status'], { cwd: folder.path, through })
  expect(code).toBe(2)
  expect(stderr).toMatch(
    /^direct: the folder that this was started in does not exist any more\ndirect: hint: /m,
  )
})

test.concurrent('a text file that is not UTF-8 is not sent as something else', async () => {
  await using folder = await temporaryFolder()
  await writeFile(join(folder.path, 'letter.txt'), Buffer.from('caf\u00e9', 'latin1'))
  const args = ['send', '--from', 'a@b.example', '--to', 'x@y.example', '--text-file', 'letter.txt']
  const { code, stderr } = await direct(args, { cwd: folder.path })
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: expect.stringMatching(
      /^direct: the text file letter\.txt is not UTF-8\ndirect: hint: Name a readable file/,
    ),
  })
})
