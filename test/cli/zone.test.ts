import { lstat, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mint } from '../../fixtures/pki.ts'
import {
  answerTo,
  CODE,
  certRdata,
  FLAG,
  type ScriptedServer,
  scriptedServer,
  soaRecord,
} from '../dns/scripted-server.ts'
import { issuer, pki } from '../flow/clinics.ts'
import { closedPort } from './clinics.ts'
import { direct, temporaryFolder } from './direct.ts'

const AT = ['--at', '2026-11-22T12:00:00Z']
const ofDomain = mint({ issuer: issuer('root-a'), san: ['clinic-a.example'] })
const ofAddress = mint({ issuer: issuer('root-a'), san: ['dr.lee@clinic-a.example'], to: '2026-12-01' })
const expired = mint({ issuer: issuer('root-a'), san: ['clinic-a.example'], to: '2026-06-01' })

let folder: Awaited<ReturnType<typeof temporaryFolder>>

beforeAll(async () => {
  folder = await temporaryFolder()
  await writeFile(join(folder.path, 'domain.pem'), ofDomain.pem)
  await writeFile(join(folder.path, 'address.pem'), ofAddress.pem)
  await writeFile(join(folder.path, 'expired.pem'), expired.pem)
})

afterAll(() => folder[Symbol.asyncDispose]())

const IDENTITIES = {
  'clinic-a.example': ['domain.pem', 'expired.pem'],
  'dr.lee@clinic-a.example': ['address.pem'],
} as const

/** A configuration of its own, as a file. */
async function config(name: string, more: Record<string, unknown> = {}): Promise<readonly string[]> {
  const identities = Object.entries(IDENTITIES).flatMap(([whom, files]) =>
    files.map((certificate) => ({ for: whom, certificate, privateKey: pki('clinic-a.key') })),
  )
  const trust = [{ for: '*', anchors: [pki('root-a.pem')] }]
  await writeFile(join(folder.path, name), JSON.stringify({ identities, trust, ...more }))
  return ['--config', name, ...AT]
}

function run(args: readonly string[]) {
  return direct(args, { cwd: folder.path })
}

function lines(stdout: string) {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
}

describe('zone generate', () => {
  test('writes what others may encrypt to, and tells what it leaves out and why', async () => {
    const { code, stdout, stderr } = await run([
      ...(await config('a.json')),
      'zone',
      'generate',
      '--format',
      'lines',
    ])
    expect(code).toBe(0)
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^clinic-a\.example\. 3600 IN CERT PKIX /),
      expect.stringMatching(/^dr\.lee\.clinic-a\.example\. 3600 IN CERT PKIX /),
    ])
    expect(stderr).toMatch(/note: left out: .*expired\.pem of clinic-a\.example: .*CERT_EXPIRED/)
  })

  test("leaves out what lies beside another's key, which nobody could open mail to; a key that is elsewhere is told (ALG-5)", async () => {
    const identity = (key: string) => ({
      identities: [{ for: 'clinic-a.example', certificate: 'domain.pem', privateKey: key }],
    })
    const swapped = await run([
      ...(await config('swapped.json', identity(pki('dr-lee.key')))),
      'zone',
      'generate',
    ])
    expect(swapped).toMatchObject({ code: 2, stdout: '' })
    expect(swapped.stderr).toMatch(
      /^direct: no identity .*dr-lee\.key is not the private key of .*domain\.pem/,
    )
    const absent = await run([...(await config('absent.json', identity('absent.key'))), 'zone', 'generate'])
    expect(absent).toMatchObject({ code: 0, stdout: expect.stringContaining('IN CERT PKIX') })
    expect(absent.stderr).toMatch(
      /note: .*domain\.pem is published, and its private key is not to be had here/,
    )
  })

  test('with --json, and with --format json, an object a line', async () => {
    const options = await config('b.json')
    const [json, format] = await Promise.all([
      run([...options, '--json', 'zone', 'generate']),
      run([...options, 'zone', 'generate', '--format', 'json']),
    ])
    expect(format.stdout).toBe(json.stdout)
    expect(lines(json.stdout)).toMatchObject([
      {
        name: 'clinic-a.example',
        type: 'CERT',
        for: 'clinic-a.example',
        sha256: ofDomain.certificate.sha256,
      },
      { name: 'dr.lee.clinic-a.example', type: 'CERT', certType: 1, notAfter: '2026-12-01T00:00:00.000Z' },
    ])
  })

  test('--out writes a file that a name server may read', async () => {
    const { code, stdout } = await run([
      ...(await config('c.json')),
      'zone',
      'generate',
      '--out',
      'certs.zone',
    ])
    expect({ code, stdout }).toEqual({ code: 0, stdout: '2 records in certs.zone\n' })
    const file = join(folder.path, 'certs.zone')
    expect((await stat(file)).mode & 0o777).toBe(0o644)
    expect(await readFile(file, 'utf8')).toContain('; dr.lee@clinic-a.example, until 2026-12-01')
  })

  test('a certificate of the domain that is bound to an address alone stands at the address, in DNS and in a directory (CERT-1, DISC-1)', async () => {
    const identities = [
      { for: 'clinic-a.example', certificate: 'address.pem', privateKey: pki('clinic-a.key') },
    ]
    const options = [...(await config('t.json', { identities })), 'zone', 'generate', '--format']
    const zone = await run([...options, 'json'])
    expect(lines(zone.stdout)).toMatchObject([
      { name: 'dr.lee.clinic-a.example', type: 'CERT', for: 'dr.lee@clinic-a.example' },
    ])
    expect(zone.stderr).not.toContain('left out')
    const directory = await run([...options, 'ldif'])
    expect(directory.stdout.match(/^mail: .*$/gm)).toEqual(['mail: dr.lee@clinic-a.example'])
  })

  test('--out takes the place of a file, and of a link, which it tells; a folder is refused', async () => {
    const options = [...(await config('r.json')), 'zone', 'generate', '--out']
    await writeFile(join(folder.path, 'before.zone'), 'before', { mode: 0o600 })
    await symlink('before.zone', join(folder.path, 'link.zone'))
    const link = await run([...options, 'link.zone'])
    expect(link).toMatchObject({ code: 0, stdout: '2 records in link.zone\n' })
    expect(link.stderr).toContain('note: link.zone was a link and is a file now; what it led to is as it was')
    expect((await lstat(join(folder.path, 'link.zone'))).isFile()).toBe(true)
    expect(await readFile(join(folder.path, 'before.zone'), 'utf8')).toBe('before')
    const file = await run([...options, 'before.zone'])
    expect(file).toMatchObject({ code: 0, stderr: expect.not.stringContaining('was a link') })
    expect((await stat(join(folder.path, 'before.zone'))).mode & 0o777).toBe(0o644)
    const refused = await run([...options, '.'])
    expect(refused).toMatchObject({ code: 2, stdout: '' })
    expect(refused.stderr).toMatch(/^direct: \. is a folder\ndirect: hint: Name a file in it/m)
  })

  test('a name server in a domain of ours whose address nobody says is a note of generate and of check', async () => {
    const dns = { servers: [`127.0.0.1:${await closedPort()}`], timeoutMs: 500 }
    const publish = { nameServers: ['ns.clinic-a.example', 'ns.elsewhere.example'] }
    const options = await config('s.json', { dns, publish })
    for (const verb of ['generate', 'check']) {
      const { stderr } = await run([...options, 'zone', verb])
      expect(stderr).toMatch(
        /note: publish\.nameServers: ns\.clinic-a\.example .*no address in publish\.addresses/,
      )
      expect(stderr).not.toContain('publish.nameServers: ns.elsewhere.example')
    }
  })

  test.each<[string, readonly string[], RegExp]>([
    [
      'a domain that is not ours',
      ['--domain', 'other.example'],
      /nothing is published for "other\.example"\n.*clinic-a\.example/,
    ],
    [
      'a whole zone without a name server',
      ['--whole-zone'],
      /ns\.clinic-a\.example has no address\n.*publish: \{ nameServers: \[ns\.clinic-a\.example\], addresses/,
    ],
    ['a whole zone for a directory', ['--whole-zone', '--format', 'ldif'], /a directory has no zone/],
    ['a format that is none', ['--format', 'yaml'], /Allowed choices are bind, lines, json, ldif/],
  ])('%s is wrong usage, and says what to do', async (_, args, expected) => {
    const { code, stdout, stderr } = await run([...(await config('d.json')), 'zone', 'generate', ...args])
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(expected)
  })

  test('a whole zone is of one domain, and delegates those of ours below it (RFC 1034 4.2.1)', async () => {
    const below = mint({ issuer: issuer('root-a'), san: ['direct.clinic-a.example'] })
    await writeFile(join(folder.path, 'below.pem'), below.pem)
    const identities = Object.entries({
      'clinic-a.example': 'domain.pem',
      'direct.clinic-a.example': 'below.pem',
    }).map(([name, certificate]) => ({ for: name, certificate, privateKey: pki('clinic-a.key') }))
    const publish = {
      nameServers: ['ns.direct.clinic-a.example'],
      addresses: { 'ns.direct.clinic-a.example': ['192.0.2.1'] },
    }
    const options = await config('e.json', { identities, publish })
    const both = await run([...options, 'zone', 'generate', '--whole-zone'])
    expect(both.code).toBe(2)
    expect(both.stderr).toContain('--domain clinic-a.example, or --domain direct.clinic-a.example')
    const lines = ['zone', 'generate', '--whole-zone', '--format', 'lines', '--domain']
    const parent = await run([...options, ...lines, 'clinic-a.example'])
    expect(parent.stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^clinic-a\.example\. 3600 IN SOA ns\.direct\.clinic-a\.example\./),
      'clinic-a.example. 3600 IN NS ns.direct.clinic-a.example.',
      'direct.clinic-a.example. 3600 IN NS ns.direct.clinic-a.example.',
      'ns.direct.clinic-a.example. 3600 IN A 192.0.2.1',
      expect.stringMatching(/^clinic-a\.example\. 3600 IN CERT /),
    ])
    expect(parent.stderr).toMatch(/note: mail to clinic-a\.example finds no server .*publish\.mailServers/)
    const child = await run([...options, ...lines, 'direct.clinic-a.example'])
    expect(child.stdout.match(/^\S+ 3600 IN \S+/gm)).toEqual([
      'direct.clinic-a.example. 3600 IN SOA',
      'direct.clinic-a.example. 3600 IN NS',
      'ns.direct.clinic-a.example. 3600 IN A',
      'direct.clinic-a.example. 3600 IN CERT',
    ])
  })

  test('mail servers belong into a whole zone alone, and a host of ours without an address is a note', async () => {
    const identities = [
      { for: 'clinic-a.example', certificate: 'domain.pem', privateKey: pki('clinic-a.key') },
    ]
    const publish = { nameServers: ['ns.elsewhere.example'], mailServers: ['mx.clinic-a.example'] }
    const options = await config('q.json', { identities, publish })
    const whole = await run([...options, 'zone', 'generate', '--whole-zone'])
    expect(whole.stdout).toMatch(
      /^; mx\.clinic-a\.example needs an A or AAAA record.*\nclinic-a\.example\. 3600 IN MX 10 mx\.clinic-a\.example\.$/m,
    )
    expect(whole.stderr).toMatch(/note: mx\.clinic-a\.example needs an A .*publish\.addresses/)
    expect(whole.stderr).not.toContain('finds no server')
    const part = await run([...options, 'zone', 'generate'])
    expect(part.stdout).not.toContain(' MX ')
    expect(part.stderr).toBe('')
  })

  test('the address of a directory: a note says who writes it, or that nobody does; none where it is written', async () => {
    const directories = ['ldap.clinic-a.example']
    const nameServers = ['ns.clinic-a.example']
    const addresses = { 'ns.clinic-a.example': ['192.0.2.1'], 'ldap.clinic-a.example': ['192.0.2.2'] }
    const known = await config('known.json', { publish: { nameServers, directories, addresses } })
    const unknown = await config('unknown.json', { publish: { directories } })
    const noteOf = async (options: readonly string[], ...args: readonly string[]) =>
      (await run([...options, 'zone', 'generate', ...args])).stderr.match(/note: .*ldap\.clinic-a.*/)?.[0]
    expect(await noteOf(known, '--whole-zone')).toBe(undefined)
    expect(await noteOf(known, '--format', 'ldif')).toBe(undefined)
    expect(await noteOf(known)).toMatch(/must hold the address of .* write it from publish\.addresses/)
    for (const format of ['bind', 'ldif'])
      expect(await noteOf(unknown, '--format', format)).toMatch(/needs an A or AAAA record/)
  })

  test('a name that DNS cannot carry is left out with a note, and a directory holds it', async () => {
    const names = ['*@clinic-a.example', 'clinic-a.example']
    const identities = names.map((name) => ({
      for: name,
      certificate: 'domain.pem',
      privateKey: pki('clinic-a.key'),
    }))
    const options = await config('o.json', { identities })
    const zone = await run([...options, 'zone', 'generate', '--format', 'lines'])
    expect(zone.stdout.match(/^\S+/gm)).toEqual(['clinic-a.example.'])
    expect(zone.stderr).toMatch(/note: \*@clinic-a\.example cannot be published in DNS/)
    const directory = await run([...options, 'zone', 'generate', '--format', 'ldif'])
    expect(directory.stdout).toContain('\nmail: *@clinic-a.example\n')
    const alone = await config('p.json', { identities: identities.slice(0, 1) })
    const none = await run([...alone, 'zone', 'generate'])
    expect(none).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--format ldif') })
  })

  test('nothing to publish is an error, as for certs serve', async () => {
    for (const words of [
      ['zone', 'generate'],
      ['zone', 'check'],
    ]) {
      const { code, stderr } = await run([...(await config('f.json', { identities: [] })), ...words])
      expect(code).toBe(2)
      expect(stderr).toContain('direct: no identity has a certificate that others could encrypt to now')
    }
  })
})

describe('zone check', () => {
  /** A name server that has these certificates, by owner, and no NS. */
  function nameServer(has: Readonly<Record<string, readonly Uint8Array[]>>): Promise<ScriptedServer> {
    const answer = (asked: Parameters<typeof answerTo>[0]) => {
      const { name, type } = asked.question
      const ders = type === 'CERT' ? (has[name] ?? []) : []
      const answers = ders.map(
        (der) => ({ name, type: 'CERT', ttl: 600, data: certRdata(Buffer.from(der)) }) as const,
      )
      const authorities = answers.length > 0 ? [] : [soaRecord('clinic-a.example', 900, 900)]
      asked.send(answerTo(asked, { answers, authorities }))
    }
    return scriptedServer({ udp: answer, tcp: answer })
  }

  const BOTH = {
    'clinic-a.example': [ofDomain.certificate.der],
    'dr.lee.clinic-a.example': [ofAddress.certificate.der],
  }

  async function check(name: string, servers: readonly ScriptedServer[], args: readonly string[] = []) {
    const dns = { servers: servers.map(({ host, port }) => `${host}:${port}`), timeoutMs: 1000 }
    return run([...(await config(name, { dns })), ...args, 'zone', 'check'])
  }

  test('all visible: 0, one line for each record, and the days that an ending one has left', async () => {
    await using server = await nameServer(BOTH)
    const { code, stdout } = await check('g.json', [server])
    expect(code).toBe(0)
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^visible +CERT +clinic-a\.example +[0-9a-f]{16}… +seen at 127\.0\.0\.1:\d+$/),
      expect.stringMatching(
        /^expiring +CERT +dr\.lee\.clinic-a\.example .*Renew the certificate: it ends in 8 days/,
      ),
    ])
  })

  test('one resolver has nothing yet: 0, and until when that is normal', async () => {
    await using full = await nameServer(BOTH)
    await using empty = await nameServer({})
    const { code, stdout } = await check('h.json', [full, empty], ['--json'])
    expect(code).toBe(0)
    expect(lines(stdout)).toMatchObject([
      {
        name: 'clinic-a.example',
        type: 'CERT',
        for: 'clinic-a.example',
        sha256: ofDomain.certificate.sha256,
        status: 'not-yet',
        servers: [
          { server: `127.0.0.1:${full.port}`, role: 'resolver', answer: 'yes', ttl: 600 },
          { server: `127.0.0.1:${empty.port}`, role: 'resolver', answer: 'absent', ttl: 900 },
        ],
        until: expect.stringMatching(/^\d{4}-/),
        advice: expect.stringContaining('30 to 60 minutes'),
      },
      { status: 'not-yet' },
    ])
  })

  test('missing: 1, and what to do at a provider without CERT', async () => {
    await using server = await nameServer({ 'clinic-a.example': BOTH['clinic-a.example'] })
    const { code, stdout } = await check('i.json', [server])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^missing +CERT +dr\.lee\.clinic-a\.example .*delegate.*certs serve/m)
  })

  test('wrong: 1, and which certificate is to be removed', async () => {
    const other = mint({ san: ['clinic-a.example'], subject: 'Somebody' }).certificate
    await using server = await nameServer({
      ...BOTH,
      'clinic-a.example': [ofDomain.certificate.der, other.der],
    })
    const { code, stdout } = await check('j.json', [server])
    expect(code).toBe(1)
    expect(stdout).toMatch(
      new RegExp(`^wrong +CERT +clinic-a\\.example .*Remove the certificate ${other.sha256}`, 'm'),
    )
  })

  test('one of nobody of us that has ended, or is bound elsewhere, beside ours: 0, and a note to remove it (DISC-10, CERT-1)', async () => {
    const ended = mint({ san: ['clinic-a.example'], from: '2020-01-01', to: '2021-01-01' }).certificate
    const elsewhere = mint({ san: ['other.example'] }).certificate
    await using server = await nameServer({
      ...BOTH,
      'clinic-a.example': [ofDomain.certificate.der, ended.der, elsewhere.der],
    })
    const { code, stdout, stderr } = await check('u.json', [server])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^visible +CERT +clinic-a\.example /m)
    expect(stderr).toMatch(/note: clinic-a\.example has beside ours what strangers pass over/)
    for (const { sha256 } of [ended, elsewhere]) expect(stderr).toContain(sha256)
  })

  test('one of nobody of us that is bound to an address of ours, or is valid later, beside ours: 1', async () => {
    const ofAnother = mint({ san: ['kim@clinic-a.example'] }).certificate
    const later = mint({ san: ['clinic-a.example'], from: '2027-01-01', to: '2028-01-01' }).certificate
    for (const other of [ofAnother, later]) {
      await using server = await nameServer({
        ...BOTH,
        'clinic-a.example': [ofDomain.certificate.der, other.der],
      })
      const { code, stdout } = await check('v.json', [server])
      expect(code).toBe(1)
      expect(stdout).toContain(`Remove the certificate ${other.sha256} from clinic-a.example`)
    }
  })

  test('our old one beside the new one: 0, and a note to remove it', async () => {
    const set = [expired.certificate.der, ofDomain.certificate.der]
    await using server = await nameServer({ ...BOTH, 'clinic-a.example': set })
    const { code, stderr } = await check('k.json', [server])
    expect(code).toBe(0)
    expect(stderr).toMatch(
      new RegExp(`note: clinic-a\\.example still has our certificate ${expired.certificate.sha256}`),
    )
  })

  test('after a renewal, a resolver still has the older one and no name server can be asked: 0, until its time is over', async () => {
    const older = mint({ issuer: issuer('root-a'), san: ['clinic-a.example'], from: '2025-01-01' })
    await writeFile(join(folder.path, 'older.pem'), older.pem)
    const identities = ['older.pem', 'domain.pem'].map((certificate) => ({
      for: 'clinic-a.example',
      certificate,
      privateKey: pki('clinic-a.key'),
    }))
    await using server = await nameServer({ 'clinic-a.example': [older.certificate.der] })
    const dns = { servers: [`${server.host}:${server.port}`] }
    const options = await config('renewed.json', { identities, dns })
    const { code, stdout, stderr } = await run([...options, 'zone', 'check'])
    expect(code).toBe(0)
    expect(stderr).not.toContain('left out')
    const generated = await run([...options, 'zone', 'generate'])
    expect(generated.stderr).toMatch(/note: left out: .*older\.pem .*a newer one has taken its place/)
    expect(stdout).toMatch(
      /^stale +CERT +clinic-a\.example .* has an older certificate of ours; normal until .*afterwards, the zone itself/m,
    )
  })

  test('what a newer one has replaced is told by generate, not by every check; what is lacking by both', async () => {
    await using server = await nameServer(BOTH)
    const { stderr } = await check('w.json', [server])
    expect(stderr).not.toContain('left out')
    const identities = Object.entries({
      'clinic-a.example': 'domain.pem',
      'dr.lee@clinic-a.example': 'expired.pem',
    }).map(([name, certificate]) => ({ for: name, certificate, privateKey: pki('clinic-a.key') }))
    const dns = { servers: [`${server.host}:${server.port}`] }
    const lacking = await run([...(await config('x.json', { identities, dns })), 'zone', 'check'])
    expect(lacking.stderr).toMatch(/note: left out: .*expired\.pem of dr\.lee@clinic-a\.example/)
  })

  test('a directory that nobody could ask is a sentence without a stray full stop', async () => {
    await using server = await nameServer(BOTH)
    const dns = { servers: [`${server.host}:${server.port}`] }
    const publish = { directories: ['ldap.clinic-a.example'] }
    const { stdout } = await run([...(await config('y.json', { dns, publish })), 'zone', 'check'])
    expect(stdout).toMatch(/^unanswered +LDAP +clinic-a\.example +\S+ +Nobody could be asked for/m)
  })

  test('nobody answers: 75', async () => {
    const dns = { servers: [`127.0.0.1:${await closedPort()}`], timeoutMs: 500 }
    const { code, stdout } = await run([...(await config('l.json', { dns })), 'zone', 'check'])
    expect(code).toBe(75)
    expect(stdout).toMatch(/^unanswered +CERT +clinic-a\.example /m)
  })

  test('a server that refuses does not answer: 75', async () => {
    const refuse = (asked: Parameters<typeof answerTo>[0]) =>
      asked.send(answerTo(asked, { flags: FLAG.AA | CODE.REFUSED }))
    await using server = await scriptedServer({ udp: refuse, tcp: refuse })
    expect((await check('m.json', [server])).code).toBe(75)
  })

  test('--no-network is wrong usage', async () => {
    const { code, stderr } = await run([...(await config('n.json')), '--no-network', 'zone', 'check'])
    expect(code).toBe(2)
    expect(stderr).toContain('the network is forbidden')
  })
})
