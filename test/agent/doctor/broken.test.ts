import { once } from 'node:events'
import { chmod, chown, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { createServer } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type AgentOptions, createAgent, type Finding } from '../../../agent/index.ts'
import { openStore } from '../../../store/index.ts'
import { type Certificate, readCertificates } from '../../../trust-anchors/index.ts'
import { closedPort } from '../../cli/clinics.ts'
import { literalZone } from '../../dns/literal-zone.ts'
import { BOTH_PUBLISHED, der, mintedIdentity, pki, temporaryFolder } from '../../flow/clinics.ts'
import { type ImapScript, type ScriptedImap, scriptedImap } from '../../mailbox/scripted-imap.ts'
import { type ScriptedSmtp, type SmtpScript, scriptedSmtp } from '../../mailbox/scripted-smtp.ts'
import { type ServerCertificate, serverCertificate } from '../../services/certificates.ts'
import { auditRow } from '../../store/scenario.ts'

type Config = ReturnType<typeof healthy>

let smtp: ScriptedSmtp
let imap: ScriptedImap
let certificate: ServerCertificate
beforeAll(async () => {
  smtp = await scriptedSmtp()
  imap = await scriptedImap()
  certificate = await serverCertificate(['IP:127.0.0.1'])
})
afterAll(async () => {
  for (const each of [smtp, imap, certificate]) await each[Symbol.asyncDispose]()
})

/** Of a clinic whose servers answer and whose certificate strangers see. */
function healthy(dataDir: string) {
  return {
    dataDir,
    identities: [
      { for: 'clinic-a.example', certificate: pki('clinic-a.pem'), privateKey: pki('clinic-a.key') },
    ] as Record<string, unknown>[],
    trust: [{ for: '*', direction: 'both', anchors: [pki('root-a.pem')] }],
    smtp: { url: `smtp://127.0.0.1:${smtp.port}` } as Record<string, unknown> | undefined,
    mailboxes: [
      { imap: `imap://u:p@127.0.0.1:${imap.port}/INBOX`, addresses: ['clinic-a.example'] },
    ] as Record<string, unknown>[],
    notifications: { timeoutMinutes: 60 },
    tlsDomains: [] as Record<string, unknown>[],
    deliver: undefined as Record<string, unknown> | undefined,
  }
}

/** Its secret in a file that is the owner's alone. */
async function webhook(url: string, more: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
  const secretFile = join(await temporaryFolder(), 'secret')
  await writeFile(secretFile, 'SecretCanary-0123456789', { mode: 0o600 })
  return { webhook: { url, secretFile, ...more } }
}

/** Takes connections, and hangs up. */
async function tlsServer(): Promise<number> {
  const server = createServer({ cert: certificate.cert, key: certificate.key }, (socket) => socket.end())
  server.on('tlsClientError', () => undefined).listen(0, '127.0.0.1')
  await once(server, 'listening')
  opened.push({
    async [Symbol.asyncDispose]() {
      server.close()
    },
  })
  return (server.address() as AddressInfo).port
}

async function examined(config: Config, options: AgentOptions = {}, deliverTo?: string): Promise<Finding[]> {
  await using agent = await createAgent(config as object, {
    resolver: literalZone(BOTH_PUBLISHED),
    env: {},
    ...options,
  })
  return await Array.fromAsync(agent.doctor(deliverTo === undefined ? {} : { deliverTo }))
}

const troubles = (findings: readonly Finding[]) =>
  findings.filter(({ level }) => !['ok', 'note'].includes(level))

/** A scripted server that goes with the test. */
async function smtpThat(script: SmtpScript, scheme = 'smtp') {
  const server = await scriptedSmtp(script)
  opened.push(server)
  return `${scheme}://127.0.0.1:${server.port}`
}
async function imapThat(script: ImapScript, scheme = 'imap') {
  const server = await scriptedImap(script)
  opened.push(server)
  return `${scheme}://u:p@127.0.0.1:${server.port}/INBOX`
}
const opened: AsyncDisposable[] = []
afterAll(async () => {
  for (const each of opened) await each[Symbol.asyncDispose]()
})

async function storeWith(dataDir: string, sql: string): Promise<void> {
  await (await openStore({ file: join(dataDir, 'direct.db') }))[Symbol.asyncDispose]()
  const database = new DatabaseSync(join(dataDir, 'direct.db'))
  database.exec(sql)
  database.close()
}

test('of an installation that is as it should be, nothing is wrong, and every area says what was looked at', async () => {
  const findings = await examined(healthy(await temporaryFolder()), {}, await temporaryFolder())
  expect(troubles(findings)).toEqual([])
  const fine = findings.filter(({ level }) => level === 'ok')
  expect([...new Set(fine.map(({ area }) => area))]).toEqual([
    ...['configuration', 'keys', 'permissions', 'store', 'ends', 'anchors', 'disk', 'dns', 'smtp', 'imap'],
  ])
  for (const finding of fine) expect(finding.do).toBeNull()
  const written = fine.filter(({ code }) => code.endsWith('_WRITABLE')).map(({ text }) => text)
  expect(written).toEqual([
    'this user may write to dataDir; nothing was written',
    'this user may write to the folder to deliver into; nothing was written',
  ])
})

interface Broken {
  readonly what: string
  readonly break: (config: Config) => Promise<AgentOptions | undefined> | AgentOptions | undefined
  readonly found: Partial<Finding>
  readonly deliverTo?: string
}

const BROKEN: readonly Broken[] = [
  {
    what: 'no certificate of ours',
    break: (config) => void Object.assign(config, { identities: [] }),
    found: { area: 'configuration', level: 'error', code: 'IDENTITY_MISSING' },
  },
  {
    what: 'no relay',
    break: (config) => void Object.assign(config, { smtp: undefined }),
    found: { area: 'configuration', level: 'warning', code: 'NO_RELAY' },
  },
  {
    what: 'no mailbox',
    break: (config) => void Object.assign(config, { mailboxes: [] }),
    found: { area: 'configuration', level: 'warning', code: 'NO_MAILBOX' },
  },
  {
    what: 'a mailbox for others alone',
    break: (config) => void Object.assign(config.mailboxes[0] ?? {}, { addresses: ['clinic-c.example'] }),
    found: { area: 'configuration', level: 'warning', code: 'NOT_RECEIVED', about: 'clinic-a.example' },
  },
  {
    what: 'a mailbox that is polled too seldom for the time limit',
    break: (config) => void Object.assign(config.mailboxes[0] ?? {}, { pollSeconds: 3600 }),
    found: {
      area: 'configuration',
      level: 'warning',
      code: 'POLLED_TOO_SELDOM',
      about: expect.stringMatching(/^u@127\.0\.0\.1:\d+\/INBOX$/),
    },
  },
  {
    what: 'a private key that is not there',
    break: (config) => void Object.assign(config.identities[0] ?? {}, { privateKey: '/nowhere/a.key' }),
    found: { area: 'keys', level: 'error', code: 'KEY_UNREADABLE', about: pki('clinic-a.pem') },
  },
  {
    what: "another certificate's private key",
    break: (config) => void Object.assign(config.identities[0] ?? {}, { privateKey: pki('clinic-b.key') }),
    found: { area: 'keys', level: 'error', code: 'KEY_MISMATCH' },
  },
  {
    what: 'a private key that others may read',
    async break(config) {
      const key = join(config.dataDir, 'open.key')
      await copyFile(pki('clinic-a.key'), key)
      await chmod(key, 0o644)
      Object.assign(config.identities[0] ?? {}, { privateKey: key })
      return undefined
    },
    found: { area: 'keys', level: 'error', code: 'KEY_EXPOSED' },
  },
  {
    what: 'a certificate file that holds none',
    async break(config) {
      const file = join(config.dataDir, 'none.pem')
      await writeFile(file, 'none')
      Object.assign(config.identities[0] ?? {}, { certificate: file })
      return undefined
    },
    found: { area: 'keys', level: 'error', code: 'CERT_UNREADABLE' },
  },
  {
    what: 'a certificate that the CA has not answered with yet',
    break: (config) => void Object.assign(config.identities[0] ?? {}, { certificate: '/nowhere/a.pem' }),
    found: {
      area: 'keys',
      level: 'error',
      code: 'CERT_UNREADABLE',
      do: expect.stringContaining('cert import'),
    },
  },
  {
    what: 'a certificate that has ended',
    async break(config) {
      const old = { key: 'clinic-a', from: '2020-01-01', to: '2021-01-01' } as const
      config.identities = [await mintedIdentity('clinic-a.example', old)]
      return { resolver: literalZone({}) }
    },
    found: { area: 'keys', level: 'error', code: 'CERT_UNUSABLE' },
  },
  {
    what: 'a certificate that ends in ten days',
    async break(config) {
      const to = new Date(Date.now() + 10 * 86_400_000).toISOString()
      const identity = await mintedIdentity('clinic-a.example', { key: 'clinic-a', to })
      config.identities = [identity]
      const [published] = readCertificates(await readFile(identity.certificate)) as readonly Certificate[]
      return { resolver: literalZone({ 'clinic-a.example': [Buffer.from(published?.der ?? [])] }) }
    },
    found: { area: 'ends', level: 'warning', code: 'CERT_ENDS', about: 'clinic-a.example' },
  },
  {
    what: 'no trust anchors',
    break: (config) => void Object.assign(config, { trust: [] }),
    found: { area: 'anchors', level: 'error', code: 'NO_ANCHORS' },
  },
  {
    what: 'a trust anchor whose file is not there',
    break: (config) =>
      void Object.assign(config, {
        trust: [{ for: '*', direction: 'both', anchors: ['/nowhere/root.pem'] }],
      }),
    found: { level: 'error', code: 'CERT_UNREADABLE' },
  },
  {
    what: 'a dataDir that cannot be made',
    break: (config) => void Object.assign(config, { dataDir: '/proc/none/data' }),
    found: { area: 'permissions', level: 'error', code: 'DATA_DIR_UNWRITABLE' },
  },
  {
    what: 'a folder to deliver into that cannot be made',
    break: () => undefined,
    deliverTo: '/proc/none/ehr',
    found: { area: 'permissions', level: 'error', code: 'DELIVER_UNWRITABLE', about: '/proc/none/ehr' },
  },
  {
    what: 'a store that is none',
    async break(config) {
      await writeFile(join(config.dataDir, 'direct.db'), 'This is no database at all.'.repeat(50))
      return undefined
    },
    found: { area: 'store', level: 'error', code: 'STORE_FAILED' },
  },
  {
    what: 'a database server that is away',
    async break(config) {
      Object.assign(config, {
        store: { url: `postgres://kim:SecretCanary@127.0.0.1:${await closedPort()}/direct` },
      })
      return undefined
    },
    found: { area: 'store', level: 'unreachable', code: 'STORE_FAILED' },
  },
  {
    what: 'a store of a newer version',
    async break(config) {
      await storeWith(config.dataDir, 'insert into schema_versions values (4000, 0)')
      return undefined
    },
    found: { area: 'store', level: 'error', code: 'STORE_FAILED' },
  },
  {
    what: 'a message that waits for SMTP since yesterday',
    async break(config) {
      const yesterday = Date.now() - 86_400_000
      await storeWith(
        config.dataDir,
        `insert into bodies (id, bytes, complete, touched_at) values (1, 0, 1, ${yesterday});
         insert into messages (id, message_id, kind, sender, at, documents) values (1, '<a@b>', 'message', 'a@b', ${yesterday}, '[]');
         insert into copies (message, route, domain, mail_from, body, attempts, next_at)
           values (1, 'direct', 'b', 'a@b', 1, 3, ${Date.now()})`,
      )
      return undefined
    },
    found: { area: 'store', level: 'warning', code: 'OUTBOX_WAITS' },
  },
  {
    what: 'a message that is due, and that nobody tries',
    async break(config) {
      const before = Date.now() - 6 * 60_000
      await storeWith(
        config.dataDir,
        `insert into bodies (id, bytes, complete, touched_at) values (1, 0, 1, ${before});
         insert into messages (id, message_id, kind, sender, at, documents) values (1, '<a@b>', 'message', 'a@b', ${before}, '[]');
         insert into copies (message, route, domain, mail_from, body, attempts, next_at)
           values (1, 'direct', 'b', 'a@b', 1, 0, ${before})`,
      )
      return undefined
    },
    found: { area: 'store', level: 'warning', code: 'OUTBOX_WAITS' },
  },
  {
    what: 'a clock that was set back',
    async break(config) {
      const { dataDir } = config
      await using store = await openStore({ file: join(dataDir, 'direct.db') })
      await store.audit.add(auditRow({ at: new Date(Date.now() + 3_600_000) }))
      return undefined
    },
    found: { area: 'clock', level: 'error', code: 'CLOCK_SET_BACK' },
  },
  {
    what: 'a certificate that is not in DNS',
    break: () => ({ resolver: literalZone({}) }),
    found: { area: 'dns', level: 'error', code: 'MISSING', about: 'CERT clinic-a.example' },
  },
  {
    what: "another's certificate in our place in DNS",
    break: () => ({ resolver: literalZone({ 'clinic-a.example': [der('dr-lee.pem')] }) }),
    found: { area: 'dns', level: 'error' },
  },
  {
    what: 'a name server that fails',
    break: () => ({ resolver: literalZone({ 'clinic-a.example': 'SERVFAIL' }) }),
    found: { area: 'dns', level: 'unreachable', code: 'UNANSWERED' },
  },
  {
    what: 'a relay that is away',
    async break(config) {
      config.smtp = { url: `smtp://127.0.0.1:${await closedPort()}` }
      return undefined
    },
    found: { area: 'smtp', level: 'unreachable', code: 'SMTP_UNREACHABLE' },
  },
  {
    what: 'a relay that refuses the login',
    async break(config) {
      const url = await smtpThat({
        extensions: ['AUTH PLAIN LOGIN'],
        answer: (line) => (line.startsWith('AUTH') ? '535 5.7.8 no' : undefined),
      })
      config.smtp = { url: url.replace('//', '//kim:SecretCanary@') }
      return undefined
    },
    found: { area: 'smtp', level: 'error', code: 'SMTP_LOGIN' },
  },
  {
    what: 'a relay that refuses the token',
    async break(config) {
      const url = await smtpThat({
        extensions: ['AUTH XOAUTH2'],
        answer: (line) => (line.startsWith('AUTH') ? '535 5.7.8 no' : undefined),
      })
      config.smtp = { url: url.replace('//', '//kim@'), tokenCommand: ['/bin/echo', 'SecretCanary'] }
      return undefined
    },
    found: { area: 'smtp', level: 'error', code: 'SMTP_LOGIN' },
  },
  {
    what: 'a command for the token that is not there',
    async break(config) {
      const url = await smtpThat({ extensions: ['AUTH XOAUTH2'] })
      config.smtp = { url: url.replace('//', '//kim@'), tokenCommand: ['/nowhere/get-token'] }
      return undefined
    },
    found: { area: 'smtp', level: 'error' },
  },
  {
    what: 'a relay whose certificate nobody vouches for',
    async break(config) {
      config.smtp = { url: await smtpThat({ tls: { ...certificate, implicit: true } }, 'smtps') }
      return undefined
    },
    found: { area: 'smtp', level: 'error', code: 'TLS_FAILED' },
  },
  {
    what: 'a relay whose certificate ends in two days',
    async break(config) {
      config.smtp = { url: await smtpThat({ tls: certificate }), ca: certificate.certificate }
      return undefined
    },
    found: { area: 'smtp', level: 'warning', code: 'TLS_ENDS' },
  },
  {
    what: 'a partner of tlsDomains without TLS',
    async break(config) {
      config.tlsDomains = [{ domain: 'partner.example', server: await smtpThat({}) }]
      return undefined
    },
    found: { area: 'smtp', level: 'error', code: 'TLS_NOT_PROVED', about: 'partner.example' },
  },
  {
    what: "a password's variable that is not set",
    break: (config) =>
      void Object.assign(config.mailboxes[0] ?? {}, {
        imap: `imap://u@127.0.0.1:${imap.port}/INBOX`,
        passwordEnv: 'NOWHERE',
      }),
    found: { area: 'imap', level: 'error', code: 'CONFIG_INVALID' },
  },
  {
    what: 'a mail server that is away',
    async break(config) {
      Object.assign(config.mailboxes[0] ?? {}, { imap: `imap://u:p@127.0.0.1:${await closedPort()}/INBOX` })
      return undefined
    },
    found: { area: 'imap', level: 'unreachable', code: 'IMAP_UNREACHABLE' },
  },
  {
    what: 'a mail server that refuses the login',
    async break(config) {
      const answer = (command: string) =>
        /^(LOGIN|AUTHENTICATE)/.test(command) ? 'TAG NO [AUTHENTICATIONFAILED] no' : undefined
      Object.assign(config.mailboxes[0] ?? {}, { imap: await imapThat({ answer }) })
      return undefined
    },
    found: { area: 'imap', level: 'error', code: 'IMAP_LOGIN' },
  },
  {
    what: 'a mailbox folder that is not there',
    async break(config) {
      const answer = (command: string) => (/^(SELECT|STATUS)/.test(command) ? 'TAG NO none' : undefined)
      Object.assign(config.mailboxes[0] ?? {}, { imap: await imapThat({ answer, folders: ['Other'] }) })
      return undefined
    },
    found: { area: 'imap', level: 'error', code: 'IMAP_REFUSED' },
  },
  {
    what: 'an EHR that is away',
    async break(config) {
      config.deliver = await webhook(`http://127.0.0.1:${await closedPort()}/in`)
      return undefined
    },
    found: { area: 'ehr', level: 'unreachable', code: 'EHR_UNREACHABLE' },
  },
  {
    what: 'an EHR whose certificate nobody vouches for',
    async break(config) {
      config.deliver = await webhook(`https://127.0.0.1:${await tlsServer()}/in`)
      return undefined
    },
    found: { area: 'ehr', level: 'error', code: 'EHR_TLS_FAILED' },
  },
  {
    what: "a variable of the EHR's secret that is not set",
    break: (config) =>
      void Object.assign(config, {
        deliver: { webhook: { url: 'http://127.0.0.1:9/in', secretEnv: 'NOWHERE' } },
      }),
    found: { area: 'ehr', level: 'error', code: 'CONFIG_INVALID' },
  },
  {
    what: 'a webhook, and a folder on the command line, which goes before it',
    async break(config) {
      config.deliver = await webhook(`http://127.0.0.1:${await closedPort()}/in`)
      return undefined
    },
    deliverTo: tmpdir(),
    found: { area: 'configuration', level: 'warning', code: 'WEBHOOK_UNUSED' },
  },
  {
    what: 'a folder of deliver.folder that cannot be made',
    break: (config) => void Object.assign(config, { deliver: { folder: '/proc/none/ehr' } }),
    found: { area: 'permissions', level: 'error', code: 'DELIVER_UNWRITABLE', about: '/proc/none/ehr' },
  },
  {
    what: 'a CA file of a mail server that is not there',
    break: (config) => void Object.assign(config.mailboxes[0] ?? {}, { ca: '/nowhere/ca.pem' }),
    found: { area: 'imap', level: 'error', code: 'FILE_UNREADABLE' },
  },
]

test.each(BROKEN)('$what: told once, with what to do', async ({ break: broken, found, deliverTo }) => {
  const config = healthy(await temporaryFolder())
  const options = (await broken(config)) ?? {}
  const findings = await examined(config, options, deliverTo)
  // Without a certificate there is nothing that strangers could see, without mail servers nothing to ask.
  expect(troubles(findings)).toEqual([expect.objectContaining(found)])
  const [finding] = troubles(findings)
  expect(finding?.text.length).toBeGreaterThan(10)
  expect(finding?.do?.length).toBeGreaterThan(10)
  expect(JSON.stringify(findings)).not.toContain('SecretCanary')
})

test.each([
  ['of a mailbox', {}],
  ['of the database', { mailboxes: [], store: { url: 'postgres://kim:SecretCanary@127.0.0.1:9/direct' } }],
])('a configuration with the password %s in it that others may read is told once', async (_, more) => {
  const folder = await temporaryFolder()
  const file = join(folder, 'direct.yaml')
  await mkdir(join(folder, 'data'))
  await writeFile(file, JSON.stringify({ ...healthy(join(folder, 'data')), ...more }))
  await chmod(file, 0o644)
  await using agent = await createAgent(file, { resolver: literalZone(BOTH_PUBLISHED) })
  const said = await Array.fromAsync(agent.doctor())
  expect(said.filter(({ code }) => code === 'CONFIGURATION_EXPOSED')).toMatchObject([
    { area: 'permissions', level: 'error', about: file },
  ])
  expect(JSON.stringify(said)).not.toContain('SecretCanary')
})

test.skipIf(process.getuid?.() !== 0)('as root beside a service of another user it says so', async () => {
  const dataDir = await temporaryFolder()
  await chown(dataDir, 1, 1)
  expect(troubles(await examined(healthy(dataDir)))).toMatchObject([
    { level: 'warning', code: 'DATA_DIR_OF_ANOTHER', do: expect.stringContaining("sudo -u '#1'") },
  ])
  expect(troubles(await examined(healthy(join(dataDir, 'new'))))).toMatchObject([
    { level: 'warning', code: 'DATA_DIR_OF_ANOTHER' },
  ])
})

test('a configuration and an anchor that everybody may change are told, each once (TR-1)', async () => {
  const folder = await temporaryFolder()
  const [file, anchor] = [join(folder, 'direct.yaml'), join(folder, 'root.pem')]
  await mkdir(join(folder, 'data'))
  await copyFile(pki('root-a.pem'), anchor)
  const trust = ['incoming', 'outgoing'].map((direction) => ({ for: '*', direction, anchors: [anchor] }))
  await writeFile(file, JSON.stringify({ ...healthy(join(folder, 'data')), mailboxes: [], trust }))
  for (const one of [file, anchor]) await chmod(one, 0o666)
  await using agent = await createAgent(file, { network: false })
  const said = (await Array.fromAsync(agent.doctor())).filter(({ code }) => code.endsWith('_WRITABLE'))
  expect(said.filter(({ level }) => level === 'error').map(({ code, about }) => [code, about])).toEqual([
    ['CONFIGURATION_WRITABLE', file],
    ['ANCHOR_WRITABLE', anchor],
  ])
})

test('an EHR that is told by HTTP is reached by the CA that the configuration names, and nothing is posted', async () => {
  const config = healthy(await temporaryFolder())
  const url = `https://127.0.0.1:${await tlsServer()}/in`
  config.deliver = await webhook(url, { ca: certificate.certificate })
  const findings = await examined(config)
  expect(troubles(findings)).toEqual([])
  expect(findings.at(-1)).toMatchObject({ area: 'ehr', level: 'ok', code: 'EHR_REACHED' })
})

test('with --no-network no server is asked, and it says so once', async () => {
  const asked = imap.commands.length
  const findings = await examined(healthy(await temporaryFolder()), { network: false })
  expect(findings.filter(({ code }) => code === 'NOT_ASKED')).toHaveLength(1)
  expect(troubles(findings)).toEqual([])
  expect(imap.commands).toHaveLength(asked)
})
