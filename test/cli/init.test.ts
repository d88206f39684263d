import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { loadSettings } from '../../agent/config/load.ts'
import { direct, temporaryFolder } from './direct.ts'

const SERVERS = ['--imap', 'imap://a@127.0.0.1:10143', '--smtp', 'smtp://127.0.0.1:10025']
const DOMAIN = ['init', '--domain', 'clinic-a.example', ...SERVERS]

test.concurrent('two clinics that start at once share one test CA, and each believes the other', async () => {
  await using folder = await temporaryFolder()
  const cwd = folder.path
  const made = await Promise.all(
    ['a', 'b'].map((name) =>
      direct(['init', '--domain', `clinic-${name}.example`, ...SERVERS, '--test-ca', 'ca', '--dir', name], {
        cwd,
      }),
    ),
  )
  expect(made.map(({ code }) => code)).toEqual([0, 0])
  expect(made[0]?.stderr).toMatch(/^direct: note: a TEST CA is trusted .*never use it for real patients\n$/)
  const root = new X509Certificate(await readFile(join(cwd, 'ca/test-ca.pem')))
  for (const name of ['a', 'b']) {
    const leaf = new X509Certificate(await readFile(join(cwd, name, `clinic-${name}.example.pem`)))
    expect(leaf.verify(root.publicKey)).toBe(true)
    expect(leaf.subjectAltName).toBe(`DNS:clinic-${name}.example`)
    const settings = await loadSettings(join(cwd, name, 'direct.yaml'), { DIRECT_PASSWORD: 's' })
    expect(settings).toMatchObject({
      identities: [
        { for: `clinic-${name}.example`, privateKey: join(cwd, name, `clinic-${name}.example.key`) },
      ],
      trust: [{ for: '*', direction: 'both', anchors: [join(cwd, name, 'test-ca.pem')] }],
      smtp: { host: '127.0.0.1', port: 10025, password: undefined },
      mailboxes: [{ server: { user: 'a', password: 's' }, addresses: [`clinic-${name}.example`] }],
    })
  }
  expect(await readdir(cwd)).toHaveLength(3)
})

test.concurrent('clinics of one test CA are told to publish each at a port of its own: at that of --dns, where it names enough', async () => {
  await using folder = await temporaryFolder()
  const init = async (name: string, ...more: readonly string[]) => {
    const { stdout } = await direct(
      ['init', '--domain', `${name}.example`, ...SERVERS, '--test-ca', 'ca', '--dir', name, ...more],
      { cwd: folder.path },
    )
    return /certs serve --listen (\S+)/.exec(stdout)?.[1]
  }
  expect(await init('north')).toBe('127.0.0.1:10053')
  expect(await init('south', '--dns', '127.0.0.1:20053', '127.0.0.1:20054')).toBe('127.0.0.1:20054')
  expect(await init('west', '--dns', '127.0.0.1:20053', '127.0.0.1:20054')).toBe('127.0.0.1:10055')
  const somewhereElse = ['192.0.2.1:53', '192.0.2.2:53', '192.0.2.3:53', '192.0.2.4:53']
  expect(await init('east', '--dns', ...somewhereElse)).toBe('127.0.0.1:10056')
  const names = ['north', 'south', 'west', 'east'].map((name) => `${name}.example\n`)
  expect(await readFile(join(folder.path, 'ca/clinics.txt'), 'utf8')).toBe(names.join(''))
})

test.concurrent('every later command names the test CA on stderr', async () => {
  await using folder = await temporaryFolder()
  await direct([...DOMAIN, '--test-ca', 'ca'], { cwd: folder.path })
  const { code, stderr } = await direct(['status'], { cwd: folder.path })
  expect(code).toBe(0)
  expect(stderr).toMatch(/^direct: note: .*TEST CA/m)
})

test.concurrent('the key is RSA 3072, readable by its owner alone, and the request asks for the address', async () => {
  await using folder = await temporaryFolder()
  const { code, stdout } = await direct(
    ['init', '--address', 'Dr.Kim@clinic-a.example', ...SERVERS, '--organisation', 'A Clinic', '--json'],
    { cwd: folder.path },
  )
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ subject: 'dr.kim@clinic-a.example' })
  const name = 'dr.kim_clinic-a.example'
  expect((await stat(join(folder.path, `${name}.key`))).mode & 0o777).toBe(0o600)
  const { stdout: text, stderr } = await promisify(execFile)('openssl', [
    'req',
    '-in',
    join(folder.path, `${name}.csr`),
    '-noout',
    '-text',
    '-verify',
  ])
  expect(stderr).toContain('verify OK')
  expect(text).toContain('Public-Key: (3072 bit)')
  expect(text).toContain('email:dr.kim@clinic-a.example')
})

test.concurrent('an EC key signs by ECDSA, and mail to its certificate is opened by ECDH (ALG, CERT-4)', async () => {
  await using folder = await temporaryFolder()
  const options = { cwd: folder.path }
  expect(await direct([...DOMAIN, '--test-ca', 'ca', '--key', 'ec-p256'], options)).toMatchObject({ code: 0 })
  const leaf = new X509Certificate(await readFile(join(folder.path, 'clinic-a.example.pem')))
  expect(leaf.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' })
  const config = join(folder.path, 'direct.yaml')
  const text = await readFile(config, 'utf8')
  await writeFile(config, text.replace('certificates: []', 'certificates: [clinic-a.example.pem]'))
  await writeFile(
    join(folder.path, 'm.eml'),
    'From: a@clinic-a.example\r\nTo: b@clinic-a.example\r\nSubject: s\r\n\r\nHello\r\n',
  )
  const to = ['--to', 'b@clinic-a.example', '--no-network', '--json']
  const seal = ['message', 'seal', '--from', 'a@clinic-a.example', '--in', 'm.eml', '--out', 's.eml', ...to]
  expect(await direct(seal, options)).toMatchObject({ code: 0 })
  const opened = await direct(['message', 'open', '--in', 's.eml', ...to], options)
  expect(JSON.parse(opened.stdout)).toMatchObject({
    verdict: 'accept',
    algorithms: { signature: 'ecdsa', keyTransport: expect.stringMatching(/^ecdh/) },
  })
})

test.concurrent.each(['clinic-a.example.key', 'clinic-a.example.csr', 'clinic-a.example.pem', 'direct.yaml'])(
  'an existing %s is not overwritten, and nothing else is made',
  async (name) => {
    await using folder = await temporaryFolder()
    await writeFile(join(folder.path, name), 'precious')
    const { code, stdout, stderr } = await direct([...DOMAIN, '--test-ca', 'ca'], { cwd: folder.path })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(
      new RegExp(`^direct: .*${name} is there already; nothing was made\ndirect: hint: `),
    )
    expect(await readFile(join(folder.path, name), 'utf8')).toBe('precious')
    expect(await readdir(folder.path)).toEqual([name])
  },
)

test.concurrent('when the test CA cannot be made, neither the key nor anything else is left behind', async () => {
  await using folder = await temporaryFolder()
  await mkdir(join(folder.path, 'ca'))
  await writeFile(join(folder.path, 'ca/other'), '')
  const { code, stderr } = await direct([...DOMAIN, '--test-ca', 'ca'], { cwd: folder.path })
  expect(code).toBe(2)
  expect(stderr).toMatch(/^direct: cannot make a test CA in .*\ndirect: hint: /)
  expect(await readdir(folder.path)).toEqual(['ca'])
})

test.concurrent.each(['gmail.com', 'mail.yahoo.co.uk', 'OUTLOOK.com'])(
  '%s is refused, because it is a public mailbox provider',
  async (domain) => {
    await using folder = await temporaryFolder()
    for (const subject of [
      ['--domain', domain],
      ['--address', `dr.kim@${domain}`],
    ]) {
      const { code, stderr } = await direct(['init', ...subject, ...SERVERS], { cwd: folder.path })
      expect(code).toBe(2)
      expect(stderr).toMatch(/^direct: .* is a public mailbox provider: .*\ndirect: hint: /)
    }
    expect(await readdir(folder.path)).toEqual([])
  },
)

test.concurrent.each([
  [
    'missing answers, where nobody can be asked',
    ['init', '--domain', 'clinic-a.example'],
    /^direct: init needs --imap, --smtp\n/,
  ],
  [
    'a domain that is none',
    ['init', '--domain', 'clinic', ...SERVERS],
    /^direct: "clinic" is not a domain name\n/,
  ],
  [
    'an address that is none',
    ['init', '--address', 'a\r\nb@c.example', ...SERVERS],
    /^direct: "a\\r\\nb@c\.example" is not a Direct address/,
  ],
  [
    'a URL that is none',
    ['init', '--domain', 'clinic-a.example', '--imap', 'http://u:SECRET@h', '--smtp', 'smtp://h'],
    /^direct: --imap must be a URL .*\ndirect: hint: Correct --imap\.\n$/,
  ],
  [
    'two URLs that are none',
    ['init', '--domain', 'clinic-a.example', '--imap', 'h', '--smtp', 'h'],
    /^direct: --smtp must be a URL .*\n(?:.*\n)*direct: hint: Also --imap must be a URL /,
  ],
  [
    'a name server and a variable that are none',
    [...DOMAIN, '--dns', '127.0.0.1', 'ns.example', '--password-env', 'no name'],
    /^direct: --dns must be an IP .*\n(?:.*\n)*direct: hint: Also --password-env must be the name /,
  ],
  ['an anchor that is missing', [...DOMAIN, '--anchor', 'none.pem'], /^direct: .*none\.pem/],
])('%s: one line, a hint, exit code 2, and nothing is made', async (_, args, expected) => {
  await using folder = await temporaryFolder()
  const { code, stdout, stderr } = await direct(args, { cwd: folder.path })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(expected)
  expect(stderr).toMatch(/\ndirect: hint: /)
  expect(stderr).not.toContain('SECRET')
  expect(await readdir(folder.path)).toEqual([])
})
