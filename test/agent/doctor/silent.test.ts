import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { checkImap } from '../../../agent/doctor/imap.ts'
import { checkSmtp } from '../../../agent/doctor/smtp.ts'
import type { DoctorTools } from '../../../agent/doctor/tools.ts'
import { createImapClient, createSmtpClient, type MailServer, probeSmtp } from '../../../mailbox/index.ts'
import { closedPort } from '../../cli/clinics.ts'
import { scriptedSmtp } from '../../mailbox/scripted-smtp.ts'

/** Takes connections, and says nothing, as a process that was stopped. */
async function silentServer() {
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined)))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

const lookup = async () => ['127.0.0.1']

function toolsFor(port: number): DoctorTools {
  const server = { host: 'mail.clinic.example', port, user: 'kim', password: 'pw' }
  return {
    settings: {
      mailboxes: [{ name: 'clinic/INBOX', server, folder: 'INBOX' }],
      smtp: server,
      tlsDomains: [],
    },
    offline: false,
    mailServer: async () => server,
    imap: async () => createImapClient({ lookup }),
    proveTls: (asked: MailServer, signal: AbortSignal) =>
      createSmtpClient({ lookup }).proveTls(asked, signal),
    probeSmtp: (asked: MailServer, signal: AbortSignal) => probeSmtp(asked, { lookup, signal }),
    lookup: async () => lookup,
    now: () => new Date(),
  } as unknown as DoctorTools
}

test.each([
  ['IMAP', checkImap, 'IMAP_UNREACHABLE', 'clinic/INBOX'],
  ['SMTP', checkSmtp, 'SMTP_UNREACHABLE', null],
])(
  'an %s server that takes the connection and then says nothing is told as that, with what to do',
  async (_what, check, code, about) => {
    await using server = await silentServer()
    const name = `mail.clinic.example:${server.port}`
    expect(await Array.fromAsync(check(toolsFor(server.port), AbortSignal.timeout(300)))).toEqual([
      {
        level: 'unreachable',
        code,
        about: about ?? name,
        text: `${name} takes the connection, and then said nothing within 20 seconds`,
        do: expect.stringContaining('look at its log'),
      },
    ])
  },
)

test('servers of tlsDomains beside a relay that says nothing each have the whole time, and a verdict of their own', async () => {
  await using silent = await silentServer()
  await using withoutTls = await scriptedSmtp()
  const tools = toolsFor(silent.port)
  const at = (domain: string, port: number) => ({ domain, server: { host: `mx.${domain}`, port } })
  const tlsDomains = [
    at('hangs.example', silent.port),
    at('away.example', await closedPort()),
    at('plain.example', withoutTls.port),
  ]
  const mailServer = async (settings: MailServer) => settings
  const { settings } = tools
  // The time is up once those that answer have.
  const stop = new AbortController()
  let answered = 0
  const proveTls: DoctorTools['proveTls'] = async (server, signal) => {
    const proof = await tools.proveTls(server, signal)
    if (server.port !== silent.port && ++answered === 2) stop.abort()
    return proof
  }
  const asked = { ...tools, mailServer, proveTls, settings: { ...settings, tlsDomains } }
  const said = await Array.fromAsync(checkSmtp(asked as unknown as DoctorTools, stop.signal))
  expect(said.map(({ level, code, about, text }) => ({ level, code, about, text }))).toEqual([
    {
      level: 'unreachable',
      code: 'SMTP_UNREACHABLE',
      about: `mail.clinic.example:${silent.port}`,
      text: expect.stringContaining('takes the connection, and then said nothing'),
    },
    {
      level: 'unreachable',
      code: 'SMTP_UNREACHABLE',
      about: 'hangs.example',
      text: `mx.hangs.example:${silent.port} takes the connection, and then said nothing within 20 seconds`,
    },
    {
      level: 'unreachable',
      code: 'SMTP_UNREACHABLE',
      about: 'away.example',
      text: expect.stringContaining('ECONNREFUSED'),
    },
    {
      level: 'error',
      code: 'TLS_NOT_PROVED',
      about: 'plain.example',
      text: expect.stringContaining('no TLS with mx.plain.example'),
    },
  ])
})

test('one that neither answered nor takes connections by then is not said to take them', async () => {
  const port = await closedPort()
  expect(await Array.fromAsync(checkSmtp(toolsFor(port), AbortSignal.abort()))).toMatchObject([
    {
      level: 'unreachable',
      code: 'SMTP_UNREACHABLE',
      text: `mail.clinic.example:${port} said nothing within 20 seconds, and takes no connection`,
    },
  ])
})
