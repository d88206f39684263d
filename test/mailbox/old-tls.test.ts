/** Servers whose TLS cannot be used: nothing is shown to them, and it is said why, with what to do. */
import { type AddressInfo, createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { createImapClient, createSmtpClient, type MailServer, probeSmtp } from '../../mailbox/index.ts'

const lookup = async () => ['127.0.0.1']
/** A ServerHello of TLS 1.0, as whoever knows nothing newer answers. */
const HELLO_OF_1_0 = Buffer.from(
  `160301002a02000026 0301 ${'07'.repeat(32)} 00 002f 00`.replaceAll(' ', ''),
  'hex',
)
const ALERTS = { protocolVersion: '15030100020246', handshakeFailure: '15030300020228' }

/** A server that says `answer` to the first bytes of TLS; all that it heard before them. */
async function server(protocol: 'smtp' | 'imap', secure: boolean, answer: Buffer) {
  const heard: string[] = []
  const listening = createServer((socket) => {
    let isTls = secure
    const say = (text: string) => socket.write(`${text}\r\n`)
    socket.on('error', () => undefined)
    if (!secure) say(protocol === 'smtp' ? '220 hi' : '* OK [CAPABILITY IMAP4rev1 STARTTLS] hi')
    socket.on('data', (bytes) => {
      if (isTls) return void socket.write(answer)
      const [tag, ...words] = bytes.toString('latin1').trim().split(' ')
      heard.push(protocol === 'smtp' ? String(tag) : words.join(' '))
      isTls = heard.at(-1) === 'STARTTLS'
      if (protocol === 'smtp') say(isTls ? '220 go' : '250-hi\r\n250 STARTTLS')
      else say(`${tag} OK`)
    })
  })
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void listening.close())
  const { port } = listening.address() as AddressInfo
  const at: MailServer = { host: 'mx.b.example', port, secure, ca: '', user: 'kim', password: 'secret' }
  return { at, heard }
}

const SERVERS = [
  ['smtp', true],
  ['smtp', false],
  ['imap', true],
  ['imap', false],
] as const

/** How opening a session fails; `handedOver`: what comes of a message. */
async function failure(protocol: 'smtp' | 'imap', at: MailServer) {
  if (protocol === 'imap')
    return await createImapClient({ lookup })
      .open(at, 'INBOX')
      .catch((error: unknown) => error)
  await using client = createSmtpClient({ lookup })
  const content = async function* () {
    yield Buffer.from('secret\r\n')
  }
  const message = { from: 'kim@a.example', to: ['lee@b.example'], bytes: 8, content } as const
  expect(await client.submit(at, { ...message, tls: 'as-configured' })).toMatchObject([
    { outcome: 'temporary', code: 'TLS_FAILED' },
  ])
  expect(await client.proveTls(at)).toMatchObject({ proved: false, temporary: false })
  return await probeSmtp(at, { lookup, signal: AbortSignal.timeout(60_000) }).catch((error: unknown) => error)
}

test.each(SERVERS)(
  'TLS 1.0 and 1.1 alone are no TLS, and what to do is said (%s, from the start: %s)',
  async (protocol, secure) => {
    for (const answer of [HELLO_OF_1_0, Buffer.from(ALERTS.protocolVersion, 'hex')]) {
      const { at, heard } = await server(protocol, secure, answer)
      expect(await failure(protocol, at)).toMatchObject({
        ...{ code: 'TLS_FAILED', temporary: false },
        message: expect.stringContaining(`mx.b.example:${at.port}: it offers nothing newer than TLS 1.1`),
        hint: expect.stringContaining('TLS 1.2'),
      })
      expect(heard.filter((line) => !/^(EHLO|STARTTLS)/.test(line))).toEqual([])
    }
  },
)

test.each(SERVERS)(
  'a port that does not begin with TLS is told from one whose TLS fails (%s, from the start: %s)',
  async (protocol, secure) => {
    const plain = await server(protocol, secure, Buffer.from('220 hi\r\n'))
    expect(await failure(protocol, plain.at)).toMatchObject({
      ...{ code: 'TLS_FAILED', temporary: false },
      message: expect.stringContaining('is no TLS'),
      hint: expect.stringContaining('STARTTLS'),
    })
    const picky = await server(protocol, secure, Buffer.from(ALERTS.handshakeFailure, 'hex'))
    expect(await failure(protocol, picky.at)).toMatchObject({
      ...{ code: 'TLS_FAILED', temporary: false },
      message: expect.stringMatching(/: [a-z/ ]*handshake failure$/),
    })
  },
)
