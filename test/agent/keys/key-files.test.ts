import { execFile } from 'node:child_process'
import { chmod, copyFile, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { parseAddress } from '../../../agent/address.ts'
import { LiveIdentities } from '../../../agent/identities/live.ts'
import { type Agent, createAgent } from '../../../agent/index.ts'
import { oid, sequence, TAG, tlv } from '../../../agent/smime/ber/der.ts'
import { type KeyName, mint, poolKey } from '../../../fixtures/pki.ts'
import { clinicConfig, issuer, pki, temporaryFolder } from '../../flow/clinics.ts'
import { certificateBag, exported, integer, keyBag, octets, pfx, safeOf } from './pkcs12-files.ts'

const A = 'clinic-a.example'
const KIM = parseAddress(`dr.kim@${A}`) as Exclude<ReturnType<typeof parseAddress>, { code: string }>
const AT = new Date('2026-11-22T12:00:00Z')

/** An agent with one identity, whose files lie in a folder of its own beside its dataDir. */
async function agentWith(
  identity: object,
  files: Readonly<Record<string, string | Uint8Array>>,
  env: NodeJS.ProcessEnv = {},
): Promise<{ readonly agent: Agent; readonly dir: string }> {
  const dir = await temporaryFolder()
  for (const [name, content] of Object.entries(files))
    await writeFile(join(dir, name), content, { mode: 0o600 })
  const config = join(dir, 'direct.yaml')
  const { identities: _, ...rest } = clinicConfig('a', join(dir, 'data'))
  await writeFile(config, JSON.stringify({ ...rest, identities: [{ for: A, ...identity }] }))
  return { agent: await createAgent(config, { network: false, env, now: () => AT }), dir }
}

/** State of the only identity, and why. */
async function stateOf(agent: Agent) {
  await using _ = agent
  const [identity] = await agent.identities.list()
  return { state: identity?.state, why: identity?.why.map(({ code, text }) => `${code}: ${text}`).join() }
}

const inUse = { state: 'in-use', why: '' }
const minted = (key: KeyName, from: string, san = A) =>
  mint({ issuer: issuer('root-a'), san: [san], key, from })
const pairOf = ({ certificate, privateKey }: ReturnType<typeof minted>) => [
  certificateBag(certificate.der),
  keyBag(privateKey),
]

describe('an identity in one file of PKCS#12', () => {
  test.each([
    ['of today', []],
    ['of yesterday', ['-legacy']],
  ])('%s signs, is encrypted to, and sends its CA’s certificate along', async (_, args) => {
    const file = await exported(args)
    const { agent } = await agentWith(
      { pkcs12: 'a.p12', passwordEnv: 'P' },
      { 'a.p12': file },
      { P: 'pässword' },
    )
    expect(await agent.notices()).toEqual([])
    expect(await stateOf(agent)).toEqual(inUse)
  })

  test('with another password, or none, says which file, and never the password', async () => {
    const files = { 'a.p12': await exported([]) }
    const wrong = await agentWith({ pkcs12: 'a.p12', passwordEnv: 'P' }, files, { P: 'CANARY' })
    const error = await wrong.agent
      .plan({ from: KIM.key, to: [KIM.key], text: '' })
      .catch((error: unknown) => error)
    expect(error).toMatchObject({
      code: 'KEY_UNREADABLE',
      message: expect.stringContaining('a.p12 cannot be opened'),
      hint: expect.stringContaining('password is another one'),
    })
    expect(JSON.stringify(error) + String(error)).not.toContain('CANARY')
    const none = await agentWith({ pkcs12: 'a.p12' }, files)
    const missing = await none.agent
      .plan({ from: KIM.key, to: [KIM.key], text: '' })
      .catch((error: unknown) => error)
    expect(missing).toMatchObject({ hint: expect.stringContaining('passwordCommand') })
  })

  test('that is not there is told by its path', async () => {
    const { agent, dir } = await agentWith({ pkcs12: 'a.p12' }, {})
    expect((await stateOf(agent)).why).toMatch(`the PKCS#12 file ${join(dir, 'a.p12')} does not exist`)
  })

  test('of several pairs, the newest that is bound to its name signs, and mail to the others is read (ALG-5)', async () => {
    const old = minted('clinic-b', '2026-01-01')
    const current = minted('clinic-a', '2026-06-01')
    const stranger = minted('dr-lee', '2026-10-01', 'other.example')
    const dir = await temporaryFolder()
    const file = join(dir, 'a.p12')
    const safe = safeOf(...pairOf(old), ...pairOf(stranger), ...pairOf(current))
    await writeFile(file, pfx(safe, 'k'), { mode: 0o600 })
    const identity = {
      for: A,
      certificate: file,
      privateKey: file,
      isPkcs12: true,
      password: async () => 'k',
    }
    const log = { info() {}, warn() {}, error() {} }
    const live = new LiveIdentities({ settings: { identities: [identity], dataDir: dir }, policy: {}, log })
    const identities = await live.current()
    expect(identities.signingFor(KIM, AT).certificate.sha256).toBe(current.certificate.sha256)
    const read = identities.readingFor(KIM).map(({ certificate }) => certificate.sha256)
    expect(read).toEqual([current.certificate.sha256, old.certificate.sha256])
    expect(identities.published(AT).map(({ certificate }) => certificate.sha256)).toEqual([
      current.certificate.sha256,
    ])

    // A renewal in the same file: the former pair stays, for reading.
    const renewed = minted('clinic-a', '2026-11-01')
    await writeFile(`${file}.new`, pfx(safeOf(...pairOf(renewed)), 'k'), { mode: 0o600 })
    await rename(`${file}.new`, file)
    const later = await live.current()
    expect(later.signingFor(KIM, AT).certificate.sha256).toBe(renewed.certificate.sha256)
    expect(later.readingFor(KIM)).toHaveLength(3)
  })

  test('without a certificate that belongs to its key is refused', async () => {
    const safe = safeOf(
      keyBag(poolKey('clinic-a')),
      certificateBag(minted('clinic-b', '2026-01-01').certificate.der),
    )
    const { agent } = await agentWith(
      { pkcs12: 'a.p12', passwordEnv: 'P' },
      { 'a.p12': pfx(safe, 'k') },
      { P: 'k' },
    )
    await expect(agent.plan({ from: KIM.key, to: [KIM.key], text: '' })).rejects.toMatchObject({
      code: 'KEY_MISMATCH',
    })
  })

  test('is renewed in the file: its key is no key to make a request with', async () => {
    const { agent } = await agentWith(
      { pkcs12: 'a.p12', passwordEnv: 'P' },
      { 'a.p12': await exported([]) },
      { P: 'pässword' },
    )
    const kim = { actor: 'kim' }
    await expect(agent.identities.request(A, { ...kim, reuseKey: true })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('a.p12'),
    })
    const renewal = Buffer.from(minted('clinic-a', '2026-11-01').pem)
    await expect(agent.identities.import(renewal, kim)).rejects.toMatchObject({ code: 'USAGE' })
    const { outcome } = await agent.identities.request(A, { ...kim, keyType: 'rsa-2048' })
    expect(outcome).toBe('made')
  })
})

describe('the password of a key', () => {
  const encrypted = (password: string) =>
    poolKey('clinic-a').export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: password })
  const identity = { certificate: pki('clinic-a.pem'), privateKey: 'a.key' }
  const node = process.execPath
  const agentSaying = (program: string, password = 'secret') =>
    agentWith(
      { ...identity, passwordCommand: [node, '-e', program] },
      { 'a.key': encrypted(password) },
      process.env,
    )

  test.each([
    ['with a line end', 'secret\n'],
    ['of Windows', 'secret\r\nmore\r\n'],
    ['without one', 'secret'],
  ])('is the first line of its file, %s', async (_, content) => {
    const files = { 'a.key': encrypted('secret'), password: content }
    const { agent } = await agentWith({ ...identity, passwordFile: 'password' }, files)
    expect(await stateOf(agent)).toEqual(inUse)
  })

  test.skipIf(process.getuid === undefined)('is not taken from a file that others may read', async () => {
    const files = { 'a.key': encrypted('CANARY'), password: 'CANARY' }
    const { agent, dir } = await agentWith({ ...identity, passwordFile: 'password' }, files)
    await chmod(join(dir, 'password'), 0o640)
    const { state, why } = await stateOf(agent)
    expect(state).toBe('unusable')
    expect(why).toBe(
      `KEY_EXPOSED: the mode of the password file ${join(dir, 'password')} lets others read it`,
    )
  })

  test.each<[string, Readonly<Record<string, string>>, RegExp]>([
    ['is not there', {}, /password file .*password does not exist/],
    ['is empty', { password: '' }, /gives nothing/],
    ['begins with an empty line', { password: '\nCANARY' }, /gives nothing/],
  ])('whose file %s is told', async (_, files, text) => {
    const { agent } = await agentWith(
      { ...identity, passwordFile: 'password' },
      { 'a.key': encrypted('k'), ...files },
    )
    const { why } = await stateOf(agent)
    expect(why).toMatch(text)
    expect(why).not.toContain('CANARY')
  })

  test('is the first line that its command writes, in the folder of the configuration', async () => {
    const { agent, dir } = await agentSaying('console.log(fs.readFileSync("from-here", "utf8") + "\\nmore")')
    await writeFile(join(dir, 'from-here'), 'secret')
    expect(await stateOf(agent)).toEqual(inUse)
  })

  test('comes through no shell: what a shell would take for its own is a letter', async () => {
    const { agent } = await agentWith(
      { ...identity, passwordCommand: [node, '-p', 'process.argv[1]', '$HOME; echo `id` > x'] },
      { 'a.key': encrypted('$HOME; echo `id` > x') },
      process.env,
    )
    expect(await stateOf(agent)).toEqual(inUse)
  })

  test.each([
    ['fails', 'console.log("CANARY"); process.exit(3)', /failed with exit code 3/],
    ['is ended', 'console.log("CANARY"); process.kill(process.pid, "SIGTERM")', /was ended by SIGTERM/],
    ['writes nothing', '', /gives nothing/],
    ['writes without end', 'console.log("CANARY".repeat(100000))', /wrote more than 65536 bytes/],
    [
      'asks a person, who is not there',
      'process.stdin.on("end", () => process.exit(4)).resume()',
      /exit code 4/,
    ],
  ])('whose command %s is told, without what it wrote', async (_, program, text) => {
    const { agent } = await agentSaying(program)
    const notices = (await agent.notices()).join()
    const { state, why } = await stateOf(agent)
    expect(state).toBe('unusable')
    expect(why).toMatch(text)
    expect(`${why} ${notices}`).not.toContain('CANARY')
  })

  test('whose command fails is told with the last line of its stderr, escaped and cut, and nothing of stdout', async () => {
    const words = `first\n\x1b[31mno vault\u202e ${'x'.repeat(300)}\r\n\n`
    const program = `console.log("CANARY"); console.error(${JSON.stringify(words)}); process.exitCode = 3`
    const { agent } = await agentSaying(program)
    const { why } = await stateOf(agent)
    const [, said = ''] = String(why).split('failed with exit code 3: ')
    expect(said).toMatch(/^\?\[31mno vault\? x{50,}/)
    expect(said).toMatch(/^.{200}(?!x)/)
    expect(why).not.toMatch(/CANARY|first/)
  })

  test('whose command is not there is told', async () => {
    const files = { 'a.key': encrypted('k') }
    const { agent } = await agentWith({ ...identity, passwordCommand: ['./none'] }, files)
    expect((await stateOf(agent)).why).toMatch(/passwordCommand \.\/none cannot be started \(ENOENT\)/)
  })

  test('is asked for once while a PKCS#12 file stays as it is', async () => {
    const count = 'fs.appendFileSync("asked", "x"); console.log("pässword")'
    const { agent, dir } = await agentWith(
      { pkcs12: 'a.p12', passwordCommand: [node, '-e', count] },
      { 'a.p12': await exported([]) },
      process.env,
    )
    await agent.notices()
    expect(await stateOf(agent)).toEqual(inUse)
    expect(await readFile(join(dir, 'asked'), 'utf8')).toBe('x')
  })
})

describe('an encrypted private key', () => {
  const made = async (...args: readonly string[]) => {
    const out = join(await temporaryFolder(), 'made.key')
    const files = ['-in', pki('clinic-a.key'), '-passout', 'pass:k', '-out', out]
    await promisify(execFile)('openssl', ['pkcs8', '-topk8', ...files, ...args])
    return readFile(out, 'utf8')
  }
  const state = async (content: string | Uint8Array) => {
    const identity = { certificate: pki('clinic-a.pem'), privateKey: 'a.key', passwordEnv: 'P' }
    return stateOf((await agentWith(identity, { 'a.key': content }, { P: 'k' })).agent)
  }
  const derOf = (pem: string) => Buffer.from(pem.replace(/-----.*-----/g, ''), 'base64')
  const pemOf = (der: Uint8Array, label = 'ENCRYPTED PRIVATE KEY') =>
    `-----BEGIN ${label}-----\n${Buffer.from(der).toString('base64')}\n-----END ${label}-----\n`

  test.each([
    ['PBKDF2', ['-v2', 'aes-256-cbc', '-iter', '100000']],
    ['scrypt', ['-scrypt']],
    ['PKCS#12’s derivation', ['-v1', 'PBE-SHA1-3DES']],
  ])('by %s opens, PEM and DER, whatever stands before it', async (_, args) => {
    const pem = await made(...args)
    expect(await state(pem)).toEqual(inUse)
    expect(await state(derOf(pem))).toEqual(inUse)
    expect(await state(`${await readFile(pki('clinic-a.pem'), 'utf8')}\n${pem}`)).toEqual(inUse)
  })

  test('of OpenSSL’s own old form opens', async () => {
    const out = join(await temporaryFolder(), 'old.key')
    const files = ['-in', pki('clinic-a.key'), '-passout', 'pass:k', '-out', out]
    await promisify(execFile)('openssl', ['rsa', '-traditional', '-aes256', ...files])
    const pem = await readFile(out, 'utf8')
    expect(pem).toContain('Proc-Type: 4,ENCRYPTED')
    expect(await state(pem)).toEqual(inUse)
  })

  test.each([
    ['DES', ['-v1', 'PBE-MD5-DES']],
    ['RC2', ['-v2', 'rc2']],
  ])(
    'by %s, which OpenSSL has given up, is no matter of the password; what to do is told',
    async (_, args) => {
      const pem = await made(...args, '-provider', 'legacy', '-provider', 'default')
      for (const content of [pem, derOf(pem)]) {
        const { agent } = await agentWith(
          { certificate: pki('clinic-a.pem'), privateKey: 'a.key', passwordEnv: 'P' },
          { 'a.key': content },
          { P: 'k' },
        )
        await using _agent = agent
        await expect(agent.plan({ from: KIM.key, to: [KIM.key], text: '' })).rejects.toMatchObject({
          code: 'KEY_UNREADABLE',
          message: expect.stringContaining('by an algorithm that OpenSSL has given up'),
          hint: expect.stringMatching(/^Encrypt it again.*openssl pkcs8 -topk8 .*-provider legacy/),
        })
      }
    },
  )

  test.each<[string, NodeJS.ProcessEnv, string]>([
    ['another password', { P: 'x' }, 'the password does not open it'],
    ['no password', {}, 'passwordEnv'],
  ])('in DER and with %s is told to be encrypted', async (_, env, hint) => {
    const content = derOf(await made('-v2', 'aes-256-cbc'))
    const password = 'P' in env ? { passwordEnv: 'P' } : {}
    const identity = { certificate: pki('clinic-a.pem'), privateKey: 'a.key', ...password }
    const { agent } = await agentWith(identity, { 'a.key': content }, env)
    await using _agent = agent
    await expect(agent.plan({ from: KIM.key, to: [KIM.key], text: '' })).rejects.toMatchObject({
      code: 'KEY_UNREADABLE',
      hint: expect.stringContaining(hint),
    })
  })

  const salt = octets(Buffer.alloc(16))
  const hidden = (algorithm: Uint8Array) => sequence(algorithm, octets(Buffer.alloc(256)))
  const pbes2 = (derivation: Uint8Array) =>
    hidden(
      sequence(
        oid('1.2.840.113549.1.5.13'),
        sequence(derivation, sequence(oid('2.16.840.1.101.3.4.1.42'), salt)),
      ),
    )
  const pbkdf2 = (count: Uint8Array) => pbes2(sequence(oid('1.2.840.113549.1.5.12'), sequence(salt, count)))
  const scrypt = (...numbers: readonly number[]) =>
    pbes2(sequence(oid('1.3.6.1.4.1.11591.4.11'), sequence(salt, ...numbers.map(integer))))
  const most = '10000000 are the most for a whole file'

  test.each<[string, Uint8Array, string]>([
    [
      'PBKDF2 of 2^31 - 1 iterations',
      pbkdf2(integer(0x7fffffff)),
      `2147483647 iterations of key derivation at once; ${most}`,
    ],
    [
      'PKCS#12’s derivation of 2^31 - 1',
      hidden(sequence(oid('1.2.840.113549.1.12.1.3'), sequence(salt, integer(0x7fffffff)))),
      most,
    ],
    ['scrypt of N 16,384, r 8, p 16,384', scrypt(16384, 8, 16384), most],
    [
      'more iterations than a number holds',
      pbkdf2(tlv(TAG.INTEGER, Buffer.alloc(9, 1))),
      'no number that makes sense',
    ],
    ['a derivation that does not read', pbes2(octets(salt)), 'is of another form'],
  ])('with %s is refused before OpenSSL begins, however it is wrapped', async (_, der, text) => {
    const decoy = await readFile(pki('rsa-1024.key'), 'utf8')
    const forms = [der, pemOf(der), pemOf(der, 'PRIVATE KEY'), `${decoy}${pemOf(der)}`]
    for (const content of forms) {
      const { state: found, why } = await state(content)
      expect(found).toBe('unusable')
      expect(why).toMatch(/^KEY_UNREADABLE: the private key in .*a\.key cannot be read: /)
      expect(why).toContain(text)
    }
  })

  test('and many keys in one file share what one may cost', async () => {
    const many = pemOf(pbkdf2(integer(9_000_000))).repeat(2)
    expect((await state(many)).why).toContain(most)
  })
})

describe.skipIf(process.getuid === undefined)('a file that others may read', () => {
  test.each([0o640, 0o604, 0o660, 0o644])(
    'of mode %o is refused as a private key, with what to do',
    async (mode) => {
      const { agent, dir } = await agentWith(
        { certificate: pki('clinic-a.pem'), privateKey: 'a.key' },
        { 'a.key': await readFile(pki('clinic-a.key')) },
      )
      const key = join(dir, 'a.key')
      await chmod(key, mode)
      await expect(agent.plan({ from: KIM.key, to: [KIM.key], text: '' })).rejects.toMatchObject({
        code: 'KEY_EXPOSED',
        hint: expect.stringContaining(`chmod 600 ${key}`),
      })
      expect(await agent.notices()).toContainEqual(expect.stringContaining(`"chmod 600 ${key}"`))
      await chmod(key, 0o400)
      expect(await stateOf(agent)).toEqual(inUse)
    },
  )

  test('is refused as PKCS#12', async () => {
    const { agent, dir } = await agentWith(
      { pkcs12: 'a.p12', passwordEnv: 'P' },
      { 'a.p12': await exported([]) },
      { P: 'pässword' },
    )
    await chmod(join(dir, 'a.p12'), 0o644)
    await expect(agent.plan({ from: KIM.key, to: [KIM.key], text: '' })).rejects.toMatchObject({
      code: 'KEY_EXPOSED',
    })
  })

  test('stays in use in a process that has read it, which says so once: mail would go unread otherwise', async () => {
    const dir = await temporaryFolder()
    const privateKey = join(dir, 'a.key')
    await copyFile(pki('clinic-a.key'), privateKey)
    await chmod(privateKey, 0o600)
    const identity = { for: A, certificate: pki('clinic-a.pem'), privateKey, password: undefined }
    const lines: string[] = []
    const log = { info() {}, error() {}, warn: (_: object, text: string) => void lines.push(text) }
    const tools = { settings: { identities: [identity], dataDir: dir }, policy: {}, log }
    const live = new LiveIdentities(tools)
    await live.current()
    await chmod(privateKey, 0o644)
    for (let look = 0; look < 2; look++) expect((await live.current()).readingFor(KIM)).toHaveLength(1)
    expect(lines).toEqual([
      `of our own: the mode of the private key ${privateKey} lets others read it; what was read before still counts`,
    ])
    await expect(new LiveIdentities(tools).current()).rejects.toMatchObject({ code: 'KEY_EXPOSED' })
  })
})
