import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createImapClient,
  createSmtpClient,
  type ImapFolder,
  type MailServer,
  type SmtpClient,
} from '../../mailbox/index.ts'
import { type ServerCertificate, serverCertificate } from '../services/certificates.ts'
import { type MailServers, startMailServers } from '../services/mail-servers.ts'
import { startTcpProxy } from '../services/tcp-proxy.ts'
import type { TransferReport, TransferRequest } from './mail-transfer.ts'

const run = promisify(execFile)
const lookup = async () => ['127.0.0.1']
const smtp = createSmtpClient({ lookup })
const imap = createImapClient({ lookup })

let certificate: ServerCertificate
let stranger: ServerCertificate
let servers: MailServers
beforeAll(async () => {
  certificate = await serverCertificate(['DNS:mail.direct.example'])
  stranger = await serverCertificate(['DNS:mail.direct.example'])
  servers = await startMailServers({
    domains: ['a', 'b', 'c', 'd', 'e'].map((name) => `clinic-${name}.example`),
    tls: certificate,
  })
})
afterAll(async () => {
  await servers?.[Symbol.asyncDispose]()
  await certificate?.[Symbol.asyncDispose]()
  await stranger?.[Symbol.asyncDispose]()
})

const overSmtp = (changes: Partial<MailServer> = {}): MailServer => ({
  host: 'mail.direct.example',
  port: servers.smtp.port,
  secure: false,
  ca: certificate.cert,
  ...changes,
})

const overImap = (domain: string, changes: Partial<MailServer> = {}): MailServer => ({
  host: 'mail.direct.example',
  port: servers.imap.imapPort,
  secure: false,
  ca: certificate.cert,
  ...servers.mailboxes[domain],
  ...changes,
})

const MESSAGE = [
  'Message-ID: <1@clinic-a.example>',
  'From: dr.kim@clinic-a.example',
  'To: dr.lee@clinic-b.example',
  'Date: Sat, 21 Nov 2026 12:00:00 +0000',
  '',
  '.begins with a dot',
  '..',
  'From the start of a line',
  `${'long '.repeat(190)}`,
  'trailing blanks  ',
  '',
  '',
].join('\r\n')

function send(
  to: readonly string[],
  server = overSmtp(),
  tls: 'as-configured' | 'required' = 'as-configured',
  client: SmtpClient = smtp,
) {
  const content = Buffer.from(MESSAGE)
  return client.submit(server, {
    from: 'dr.kim@clinic-a.example',
    to,
    bytes: content.length,
    async *content() {
      yield content
    },
    tls,
  })
}

/** Postfix delivers when it has answered. */
async function arrived(folder: ImapFolder, count: number): Promise<readonly number[]> {
  for (;;) {
    const uids = await folder.uids()
    if (uids.length >= count) return uids
    await sleep(50)
  }
}

async function read(folder: ImapFolder, uid: number): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of folder.fetch(uid)) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

describe('Postfix and Dovecot', () => {
  it('take message after message over as many connections as they may have; one that dies is replaced unseen', async () => {
    await using client = createSmtpClient({ lookup })
    await using proxy = await startTcpProxy({ host: servers.smtp.host, port: servers.smtp.port })
    const { port } = proxy
    const server = overSmtp({ port, connections: 2, ...servers.mailboxes['clinic-a.example'] })
    const sendTo = (name: string) =>
      send([`${name}@clinic-e.example`], server, 'as-configured', client).then(([one]) => one?.outcome)
    const first = await Promise.all(Array.from({ length: 12 }, (_, n) => sendTo(`kept-${n}`)))
    expect(first).toEqual(Array(12).fill('accepted'))
    expect(proxy.connections).toBe(2)
    proxy.breakAll('reset')
    expect(await Promise.all([sendTo('after-1'), sendTo('after-2')])).toEqual(['accepted', 'accepted'])
    expect(proxy.connections).toBe(4)
    await using folder = await imap.open(overImap('clinic-e.example'), 'INBOX')
    expect(await arrived(folder, 14)).toHaveLength(14)
  })

  it('carry a message over STARTTLS byte for byte, below the headers that they add (MSG-14)', async () => {
    const outcomes = await send([
      'dr.lee@clinic-b.example',
      'Any.One@clinic-b.example',
      'gone@nowhere.example',
    ])
    expect(outcomes.map(({ address, outcome }) => [address, outcome])).toEqual([
      ['dr.lee@clinic-b.example', 'accepted'],
      ['Any.One@clinic-b.example', 'accepted'],
      ['gone@nowhere.example', 'final'],
    ])
    await using folder = await imap.open(overImap('clinic-b.example'), 'inbox')
    const recipients: string[] = []
    for (const uid of await arrived(folder, 2)) {
      const text = await read(folder, uid)
      expect(text.slice(text.indexOf('Message-ID:'))).toBe(MESSAGE)
      expect(await folder.size(uid)).toBe(Buffer.byteLength(text))
      expect(text).toMatch(/^Return-Path: <dr\.kim@clinic-a\.example>\r\n/)
      const [, original, delivered] = /X-Original-To: (.*)\r\nDelivered-To: (.*)\r\n/.exec(text) ?? []
      expect(delivered).toBe(original)
      recipients.push(original ?? '')
    }
    expect(recipients.sort()).toEqual(['Any.One@clinic-b.example', 'dr.lee@clinic-b.example'])
  })

  it('tell of mail while nobody asks, and show the folder as it is now to whoever selects it again', async () => {
    await using folder = await imap.open(overImap('clinic-a.example'), 'INBOX')
    const before = await folder.uids()
    const waiting = folder.wait(60_000)
    await send(['one@clinic-a.example'])
    expect(await waiting).toBe('news')
    await using again = await folder.again()
    expect(again.uidValidity).toBe(folder.uidValidity)
    const [uid = 0] = (await again.uids()).filter((other) => !before.includes(other))
    expect(await read(again, uid)).toContain('From the start of a line')
    expect(await again.wait(50)).toBe('quiet')
    expect(await again.uids()).toContain(uid)
  })

  it('flag messages and move them aside, into a folder that is made for it', async () => {
    await send(['one@clinic-c.example'])
    await send(['two@clinic-c.example'])
    await using folder = await imap.open(overImap('clinic-c.example'), 'INBOX')
    const [first = 0, second = 0] = await arrived(folder, 2)
    expect(await folder.settledUids()).toEqual(new Set())
    await folder.flagSeen(first)
    expect(await folder.settledUids()).toEqual(new Set([first]))
    expect(await folder.uids()).toEqual([first, second])
    await folder.moveTo(first, 'Direct/Refused')
    expect(await folder.uids()).toEqual([second])
    await folder.moveTo(first, 'Direct/Refused')
    await folder.flagSeen(first)
    await folder.moveTo(second, 'direct/refused')
    await using aside = await imap.open(overImap('clinic-c.example'), 'DIRECT/REFUSED')
    expect(await aside.uids()).toHaveLength(2)
    expect(await folder.size(first)).toBeNull()
    expect(await read(folder, first)).toBe('')
  })

  it('carry 25 MB in a process that stays under 250 MB (MSG-14)', async () => {
    const request: TransferRequest = {
      smtp: overSmtp(),
      imap: overImap('clinic-d.example'),
      from: 'dr.kim@clinic-a.example',
      to: 'dr.lee@clinic-d.example',
      bytes: 25 * 1024 * 1024,
    }
    const program = new URL('mail-transfer.ts', import.meta.url).pathname
    const { stdout } = await run(process.execPath, [program, JSON.stringify(request)])
    const report: TransferReport = JSON.parse(stdout)
    expect(report.outcomes).toEqual([expect.stringMatching(/^accepted 250/)])
    expect(report.received).toBe(report.sent)
    expect(report.maxRssMb).toBeLessThan(250)
  })

  it('take a login over SMTP, and refuse a wrong password (SMTP_LOGIN)', async () => {
    const login = servers.mailboxes['clinic-a.example']
    const [outcome] = await send(['dr.lee@clinic-a.example'], overSmtp({ ...login }))
    expect(outcome?.outcome).toBe('accepted')
    await expect(
      send(['dr.lee@clinic-a.example'], overSmtp({ ...login, password: 'wrong' })),
    ).rejects.toMatchObject({
      code: 'SMTP_LOGIN',
      temporary: false,
    })
  })

  it('refuse a wrong password over IMAP, and name a folder that is missing', async () => {
    await expect(
      imap.open(overImap('clinic-a.example', { password: 'wrong' }), 'INBOX'),
    ).rejects.toMatchObject({
      code: 'IMAP_LOGIN',
      temporary: false,
    })
    await expect(imap.open(overImap('clinic-a.example'), 'Nowhere')).rejects.toMatchObject({
      code: 'IMAP_REFUSED',
      hint: expect.stringContaining('Nowhere'),
    })
  })

  it('prove TLS with the certificate that is theirs, and get nothing with another (tls route)', async () => {
    expect(await smtp.proveTls(overSmtp())).toMatchObject({ proved: true })
    const wrong = overSmtp({ ca: stranger.cert })
    expect(await smtp.proveTls(wrong)).toMatchObject({ proved: false, temporary: false })
    const [outcome] = await send(['dr.lee@clinic-a.example'], wrong, 'required')
    expect(outcome).toMatchObject({ outcome: 'temporary', reply: expect.stringContaining('no TLS') })
    await expect(
      imap.open(overImap('clinic-a.example', { ca: stranger.cert }), 'INBOX'),
    ).rejects.toMatchObject({
      code: 'TLS_FAILED',
    })
  })

  it('open a mailbox by TLS from the start', async () => {
    const port = servers.imap.imapsPort ?? 0
    await using folder = await imap.open(overImap('clinic-a.example', { port, secure: true }), 'INBOX')
    expect(folder.uidValidity).toMatch(/^\d+$/)
  })

  it('are gone, folders and all, once they are disposed of; then SMTP and IMAP are temporary failures', async () => {
    const others = await startMailServers({ domains: ['clinic-e.example'] })
    const server = { host: 'localhost', port: others.smtp.port, secure: false }
    const mailbox = {
      host: 'localhost',
      port: others.imap.imapPort,
      secure: false,
      user: 'clinic-e',
      password: 'x',
    }
    const folders = [others.smtp.logFile, others.imap.logFile].map((file) => dirname(file))
    expect(folders.map((folder) => existsSync(folder))).toEqual([true, true])
    await others[Symbol.asyncDispose]()
    expect(folders.map((folder) => existsSync(folder))).toEqual([false, false])
    expect((await send(['a@clinic-e.example'], server))[0]?.outcome).toBe('temporary')
    await expect(imap.open(mailbox, 'INBOX')).rejects.toMatchObject({
      code: 'IMAP_UNREACHABLE',
      temporary: true,
    })
  })
})
