import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { checkImap } from '../../../agent/doctor/imap.ts'
import { checkSmtp } from '../../../agent/doctor/smtp.ts'
import type { DoctorTools } from '../../../agent/doctor/tools.ts'
import { createImapClient, type MailServer, probeSmtp } from '../../../mailbox/index.ts'
import { closedPort } from '../../cli/clinics.ts'

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
