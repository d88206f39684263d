import { createServer } from 'node:net'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DirectError } from '../../agent/errors.ts'
import { createSmtpClient, type MailServer, type Submission } from '../../mailbox/index.ts'
import { keptToken, xoauth2 } from '../../mailbox/token.ts'
import { type ServerCertificate, serverCertificate } from '../services/certificates.ts'
import { freePorts } from '../services/process.ts'
import { type ScriptedSmtp, type SmtpScript, scriptedSmtp } from './scripted-smtp.ts'

const MESSAGE = 'From: kim@a.example\r\n\r\n.begins with a dot\r\n..two\r\n.\r\nend\r\n'

/** Every name is this machine. */
const client = createSmtpClient({ lookup: async () => ['127.0.0.1'], timeoutMs: 5000, replyTimeoutMs: 5000 })

function submission(to: readonly string[], changes: Partial<Submission> = {}): Submission {
  const content = Buffer.from(MESSAGE, 'latin1')
  return {
    from: 'kim@a.example',
    to,
    bytes: content.length,
    async *content() {
      yield content
    },
    tls: 'as-configured',
    ...changes,
  }
}

const at = (server: { readonly port: number }, changes: Partial<MailServer> = {}): MailServer => ({
  host: 'mx.b.example',
  port: server.port,
  secure: false,
  ...changes,
})

/** Submits to a server that follows the script; the outcomes, and what the server heard. */
async function submitTo(
  script: SmtpScript,
  to: readonly string[],
  changes: Partial<Submission> = {},
  server: Partial<MailServer> = {},
): Promise<{ outcomes: readonly (readonly [string, string, string])[]; heard: ScriptedSmtp['sessions'] }> {
  await using smtp = await scriptedSmtp(script)
  const outcomes = await client.submit(at(smtp, server), submission(to, changes))
  return {
    outcomes: outcomes.map(({ address, outcome, reply }) => [address, outcome, reply]),
    heard: smtp.sessions,
  }
}

let certificate: ServerCertificate
let stranger: ServerCertificate
beforeAll(async () => {
  certificate = await serverCertificate(['DNS:mx.b.example'])
  stranger = await serverCertificate(['DNS:someone.else.example'])
})
afterAll(async () => {
  await certificate[Symbol.asyncDispose]()
  await stranger[Symbol.asyncDispose]()
})

describe('one transaction', () => {
  it('hands over the message byte for byte, lines that begin with dots included (MSG-14)', async () => {
    const { outcomes, heard } = await submitTo({}, ['lee@b.example'])
    expect(outcomes).toEqual([['lee@b.example', 'accepted', '250 taken']])
    expect(heard[0]?.messages).toEqual([MESSAGE])
  })

  it('names the sender in MAIL FROM, with SIZE as offered, and every recipient once (MSG-12)', async () => {
    const { heard } = await submitTo({ extensions: ['SIZE 1000', '8BITMIME'] }, [
      'lee@b.example',
      'ann@b.example',
    ])
    expect(heard[0]?.lines.filter((line) => line !== 'QUIT')).toEqual([
      expect.stringMatching(/^EHLO /),
      `MAIL FROM:<kim@a.example> SIZE=${MESSAGE.length}`,
      'RCPT TO:<lee@b.example>',
      'RCPT TO:<ann@b.example>',
      'DATA',
    ])
  })

  it('tells each recipient what RCPT TO was answered, with and without PIPELINING', async () => {
    for (const extensions of [[], ['PIPELINING']]) {
      const { outcomes } = await submitTo(
        {
          extensions,
          answer: (line) =>
            line.includes('gone@') ? '550 5.1.1 gone' : line.includes('full@') ? '450 full' : undefined,
        },
        ['gone@b.example', 'lee@b.example', 'full@b.example'],
      )
      expect(outcomes).toEqual([
        ['gone@b.example', 'final', '550 5.1.1 gone'],
        ['lee@b.example', 'accepted', '250 taken'],
        ['full@b.example', 'temporary', '450 full'],
      ])
    }
  })

  it('keeps the refusals of RCPT TO when DATA fails for the others', async () => {
    for (const extensions of [[], ['PIPELINING']]) {
      const { outcomes } = await submitTo(
        {
          extensions,
          answer: (line) =>
            line.includes('gone@') ? '550 gone' : line === 'END' ? '451 not now' : undefined,
        },
        ['gone@b.example', 'lee@b.example'],
      )
      expect(outcomes).toEqual([
        ['gone@b.example', 'final', '550 gone'],
        ['lee@b.example', 'temporary', '451 not now'],
      ])
    }
  })

  it('is temporary for all when MAIL FROM is, whatever a pipelined RCPT TO gets for an answer', async () => {
    const { outcomes } = await submitTo(
      {
        extensions: ['PIPELINING'],
        answer: (line) =>
          line.startsWith('MAIL') ? '451 busy' : /^(RCPT|DATA)/.test(line) ? '503 no sender' : undefined,
      },
      ['lee@b.example'],
    )
    expect(outcomes).toEqual([['lee@b.example', 'temporary', '451 busy']])
  })

  it.each([
    ['554 no', 'final'],
    ['451 later', 'temporary'],
    ['421 closing', 'temporary'],
    ['gibberish', 'unknown'],
    ['354 go on', 'unknown'],
  ])('takes %s after DATA for a %s outcome', async (reply, outcome) => {
    const { outcomes } = await submitTo({ answer: (line) => (line === 'END' ? reply : undefined) }, [
      'lee@b.example',
    ])
    expect(outcomes).toEqual([['lee@b.example', outcome, expect.stringContaining(reply)]])
  })

  it.each([
    ['530 5.7.0 Authentication required', 'MAIL', []],
    ['530 5.7.0 Authentication required', 'MAIL', ['PIPELINING']],
    ['530 5.7.0 Authentication required', 'RCPT', ['PIPELINING']],
    ['530 5.7.0 Authentication required', 'DATA', []],
    ['503 5.5.1 send EHLO first', 'MAIL', []],
  ])(
    'is temporary after %s to %s, which speaks of the session and of no message',
    async (reply, verb, extensions) => {
      const answer = (line: string) => (line.startsWith(verb) ? reply : undefined)
      const { outcomes } = await submitTo({ extensions, answer }, ['lee@b.example', 'ann@b.example'])
      expect(outcomes).toEqual([
        ['lee@b.example', 'temporary', reply],
        ['ann@b.example', 'temporary', reply],
      ])
    },
  )

  it.each(['CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA'])('is temporary after 421 to %s', async (verb) => {
    const { outcomes } = await submitTo(
      { answer: (line) => (line.startsWith(verb) ? '421 closing' : undefined) },
      ['lee@b.example', 'ann@b.example'],
    )
    expect(outcomes.map(([, outcome]) => outcome)).toEqual(['temporary', 'temporary'])
    expect(outcomes[0]?.[2]).toContain('421 closing')
  })

  it.each(['CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA'])(
    'is temporary when the connection is lost at %s',
    async (verb) => {
      const { outcomes } = await submitTo({ answer: (line) => (line.startsWith(verb) ? null : undefined) }, [
        'lee@b.example',
      ])
      expect(outcomes.map(([, outcome]) => outcome)).toEqual(['temporary'])
    },
  )

  it('is unknown when the connection is lost behind the dot: the server may have the message', async () => {
    const { outcomes, heard } = await submitTo(
      {
        answer: (line) => (line.includes('gone@') ? '550 gone' : line === 'END' ? null : undefined),
      },
      ['gone@b.example', 'lee@b.example', 'ann@b.example'],
    )
    expect(outcomes.map(([, outcome]) => outcome)).toEqual(['final', 'unknown', 'unknown'])
    expect(heard[0]?.messages).toEqual([MESSAGE])
  })

  it.each(['250 taken', '552 too large'])(
    'is not over when the server says %s before it ended; no rest of it follows as if it were commands',
    async (reply) => {
      const bytes = 4 * 1024 * 1024
      const closed = Promise.withResolvers<number>()
      let heard = 0
      const hasty = createServer((socket) => {
        let inData = false
        socket.on('error', () => undefined)
        socket.on('close', () => closed.resolve(heard))
        socket.write('220 hello\r\n')
        socket.on('data', (chunk) => {
          heard += inData ? chunk.length : 0
          if (inData) socket.pause().write(`${reply}\r\n`, () => socket.resume())
          else socket.write(chunk.toString().startsWith('DATA') ? '354 go on\r\n' : '250 fine\r\n')
          inData ||= chunk.toString().startsWith('DATA')
        })
      })
      await new Promise<void>((resolve) => hasty.listen(0, '127.0.0.1', resolve))
      const address = hasty.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      const endless = submission(['lee@b.example'], {
        bytes,
        async *content() {
          yield Buffer.alloc(65536, 'x\r\n')
          // The rest comes when the server has said its word and cut.
          await closed.promise
        },
      })
      const [outcome] = await client.submit(at({ port }), endless)
      expect(outcome?.outcome).toBe(reply.startsWith('5') ? 'final' : 'temporary')
      expect(await closed.promise).toBeLessThan(bytes)
      await new Promise((resolve) => hasty.close(resolve))
    },
  )

  it('is temporary when the connection is lost in the middle of the message', async () => {
    // More than the sockets of both ends hold: the dot cannot be on its way by the time of the cut.
    const bytes = 64 * 1024 * 1024
    const { outcomes, heard } = await submitTo({ cutAfter: 100_000 }, ['lee@b.example'], {
      bytes,
      async *content() {
        for (let sent = 0; sent < bytes; sent += 65536) yield Buffer.alloc(65536, 'x\r\n')
      },
    })
    expect(outcomes.map(([, outcome]) => outcome)).toEqual(['temporary'])
    expect(heard[0]?.messages).toEqual([])
  })

  it('tells before the dot, of those who were not refused, that the server may soon have it', async () => {
    const [yes, no, alone] = ['Yes@b.example', 'no@b.example', 'alone@b.example'] as const
    const told: (readonly string[])[] = []
    const wholes: number[] = []
    const { heard } = await submitTo(
      {
        answer: (line, { lines, messages }) => {
          if (line === 'END') wholes.push(messages.length - told.length)
          if (line.startsWith('RCPT TO:<no@')) return '550 who?'
          const isFirst = lines.filter((each) => each.startsWith('MAIL')).length === 1
          return isFirst && line.startsWith('RCPT TO:<alone@') ? '452 one at a time' : undefined
        },
      },
      [yes, no, alone],
      { onAllSent: async (to) => void told.push(to) },
    )
    expect(told).toEqual([[yes], [alone]])
    expect(heard[0]?.messages).toHaveLength(2)
    // Each time it had been told when the dot came.
    expect(wholes).toEqual([0, 0])
  })

  it('keeps the dot back when that cannot be written down, and when everybody was refused nobody is told', async () => {
    const failing = { onAllSent: () => Promise.reject(new Error('database is locked')) }
    await using smtp = await scriptedSmtp()
    await expect(client.submit(at(smtp), submission(['lee@b.example'], failing))).rejects.toThrow('locked')
    expect(smtp.sessions[0]?.messages).toEqual([])
    const script: SmtpScript = { answer: (line) => (line.startsWith('RCPT') ? '550 who?' : undefined) }
    const { outcomes } = await submitTo(script, ['lee@b.example'], failing)
    expect(outcomes.map(([, outcome]) => outcome)).toEqual(['final'])
  })

  it('is final when the message is larger than the SIZE that the server announced; it is not sent', async () => {
    const { outcomes, heard } = await submitTo({ extensions: ['SIZE 10'] }, ['lee@b.example'])
    expect(outcomes).toEqual([['lee@b.example', 'final', expect.stringContaining('10')]])
    expect(heard[0]?.messages).toEqual([])
  })

  it('shows a reply as one line of printable ASCII of at most 500 characters', async () => {
    const nasty = `550-5.7.1 \u001b[31mred\u0007 caf\u00e9\r\n550 5.7.1 ${'x'.repeat(600)}`
    const { outcomes } = await submitTo({ answer: (line) => (line.startsWith('RCPT') ? nasty : undefined) }, [
      'lee@b.example',
    ])
    expect(outcomes[0]?.[1]).toBe('final')
    expect(outcomes[0]?.[2]).toMatch(/^550-5\.7\.1 \?\[31mred\? caf\? 550 5\.7\.1 x+$/)
    expect(outcomes[0]?.[2]).toHaveLength(500)
  })

  it('falls back to HELO where EHLO is refused', async () => {
    const { outcomes, heard } = await submitTo(
      { answer: (line) => (line.startsWith('EHLO') ? '502 no such command' : undefined) },
      ['lee@b.example'],
    )
    expect(outcomes).toEqual([['lee@b.example', 'accepted', '250 taken']])
    expect(heard[0]?.lines[1]).toMatch(/^HELO /)
  })

  it('is not confused by replies that repeat the recipient in another case', async () => {
    const { outcomes } = await submitTo(
      { answer: (line) => (line.startsWith('RCPT') ? `250 ${line.slice(8).toUpperCase()} ok` : undefined) },
      ['Dr.Lee@b.example'],
    )
    expect(outcomes).toEqual([['Dr.Lee@b.example', 'accepted', '250 taken']])
  })
})

describe('recipients that the server wants to have alone', () => {
  it.each(['452', '552'])('sends to them one by one after %s, to nobody twice', async (code) => {
    for (const extensions of [[], ['PIPELINING']]) {
      let taken = 0
      const { outcomes, heard } = await submitTo(
        {
          extensions,
          answer: (line) => {
            if (/^(MAIL|RSET)/.test(line)) taken = 0
            return line.startsWith('RCPT') && ++taken > 1 ? `${code} too many recipients` : undefined
          },
        },
        ['a@b.example', 'b@b.example', 'c@b.example'],
      )
      expect(outcomes.map(([address, outcome]) => [address, outcome])).toEqual([
        ['a@b.example', 'accepted'],
        ['b@b.example', 'accepted'],
        ['c@b.example', 'accepted'],
      ])
      expect(heard).toHaveLength(1)
      expect(heard[0]?.messages).toEqual([MESSAGE, MESSAGE, MESSAGE])
    }
  })

  it('are in doubt when the server is lost behind their dot, and the first stays accepted', async () => {
    const { outcomes } = await submitTo(
      {
        answer: (line, session) => {
          if (line.includes('b@b') && session.messages.length === 0) return '452 too many'
          return line === 'END' && session.messages.length === 2 ? null : undefined
        },
      },
      ['a@b.example', 'b@b.example'],
    )
    expect(outcomes.map(([, outcome]) => outcome)).toEqual(['accepted', 'unknown'])
  })

  it('begin a transaction of their own, also where DATA of the first was refused', async () => {
    let open = false
    const { outcomes } = await submitTo(
      {
        answer: (line, session) => {
          if (line.startsWith('RSET')) open = false
          if (line.startsWith('MAIL') && open) return '503 nested MAIL command'
          if (line.startsWith('MAIL')) open = true
          if (line.startsWith('RCPT') && line.includes('b@b') && !session.lines.includes('RSET'))
            return '452 too many'
          if (line === 'DATA' && !session.lines.includes('RSET')) return '451 not now'
          return undefined
        },
      },
      ['a@b.example', 'b@b.example'],
    )
    expect(outcomes.map(([, outcome]) => outcome)).toEqual(['temporary', 'accepted'])
  })

  it('is not assumed when the server takes nobody', async () => {
    const { outcomes, heard } = await submitTo(
      { answer: (line) => (line.startsWith('RCPT') ? '452 disk full' : undefined) },
      ['a@b.example', 'b@b.example'],
    )
    expect(outcomes.map(([, outcome]) => outcome)).toEqual(['temporary', 'temporary'])
    expect(heard[0]?.lines.filter((line) => line.startsWith('MAIL'))).toHaveLength(1)
  })
})

describe('addresses (MSG-13)', () => {
  it.each([
    'a@x.example>\r\nRCPT TO:<evil@x.example',
    '"a b"@x.example',
    'a@x',
    'a@[127.0.0.1]',
    'ä@x.example',
    'Ann <a@x.example>',
  ])('never shows the server %j', async (address) => {
    const { outcomes, heard } = await submitTo({}, [address, 'lee@b.example'])
    expect(outcomes).toEqual([
      [address, 'final', 'not a plain mail address; the server was not asked'],
      ['lee@b.example', 'accepted', '250 taken'],
    ])
    expect(heard[0]?.lines.filter((line) => line.startsWith('RCPT'))).toEqual(['RCPT TO:<lee@b.example>'])
  })

  it('refuses such a sender before it connects', async () => {
    await using smtp = await scriptedSmtp()
    const bad = submission(['lee@b.example'], { from: 'kim@a.example>\r\nDATA' })
    await expect(client.submit(at(smtp), bad)).rejects.toMatchObject({ code: 'ADDRESS_INVALID' })
    expect(smtp.sessions).toEqual([])
  })

  it('sends IDN domains as A-labels and answers with the address as given', async () => {
    const { outcomes, heard } = await submitTo({}, ['lee@bücher.example'])
    expect(outcomes[0]).toEqual(['lee@bücher.example', 'accepted', '250 taken'])
    expect(heard[0]?.lines).toContain('RCPT TO:<lee@xn--bcher-kva.example>')
  })
})

describe('servers that cannot be reached', () => {
  it('are temporary, with what each address said', async () => {
    const [port = 0] = await freePorts(1)
    const outcomes = await client.submit(at({ port }), submission(['lee@b.example']))
    expect(outcomes).toEqual([
      {
        address: 'lee@b.example',
        outcome: 'temporary',
        reply: expect.stringContaining('127.0.0.1 ECONNREFUSED'),
        code: 'SMTP_UNREACHABLE',
      },
    ])
  })

  it('are tried at their next address, in the order of the lookup', async () => {
    await using smtp = await scriptedSmtp()
    const two = createSmtpClient({ lookup: async () => ['127.0.0.2', '127.0.0.1'] })
    const [outcome] = await two.submit(at(smtp), submission(['lee@b.example']))
    expect(outcome?.outcome).toBe('accepted')
  })

  it('are temporary when their name cannot be looked up', async () => {
    const lost = createSmtpClient({
      lookup: async (host) => {
        throw new DirectError('DNS_UNREACHABLE', `no answer about ${host}`, { temporary: true })
      },
    })
    const outcomes = await lost.submit(at({ port: 25 }), submission(['lee@b.example']))
    expect(outcomes).toEqual([
      {
        address: 'lee@b.example',
        outcome: 'temporary',
        reply: 'no answer about mx.b.example',
        code: 'DNS_UNREACHABLE',
      },
    ])
  })

  it('pass on what forbids the network', async () => {
    const forbidden = createSmtpClient({
      lookup: async () => {
        throw new DirectError('NETWORK_FORBIDDEN', 'no network')
      },
    })
    const submitted = forbidden.submit(at({ port: 25 }), submission(['lee@b.example']))
    await expect(submitted).rejects.toMatchObject({ code: 'NETWORK_FORBIDDEN' })
  })

  it('are temporary when they never greet', async () => {
    const silent = createServer()
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const hasty = createSmtpClient({ lookup: async () => ['127.0.0.1'], timeoutMs: 100 })
    const [outcome] = await hasty.submit(at({ port }), submission(['lee@b.example']))
    expect(outcome).toMatchObject({
      outcome: 'temporary',
      reply: expect.stringContaining('Greeting never received'),
    })
    await new Promise((resolve) => silent.close(resolve))
  })
})

describe('a server that talks without ever coming to an end', () => {
  /** Each opens a reply of lines that goes on, far more often than any limit on silence. */
  it.each([
    ['EHLO', 'temporary'],
    ['MAIL', 'temporary'],
    ['END', 'unknown'],
  ])('after %s is %s, and holds nobody up', async (verb, expected) => {
    const timers: NodeJS.Timeout[] = []
    const talker = createServer((socket) => {
      let inData = false
      socket.on('error', () => undefined)
      socket.write('220 hello\r\n')
      socket.on('data', (chunk) => {
        const said = inData ? 'END' : (chunk.toString().match(/^[A-Z]+/)?.[0] ?? '')
        inData = said === 'DATA' && verb === 'END'
        if (said === verb) timers.push(setInterval(() => socket.write('250-and\r\n'), 5))
        else socket.write(said === 'DATA' ? '354 go on\r\n' : '250 fine\r\n')
      })
    })
    await new Promise<void>((resolve) => talker.listen(0, '127.0.0.1', resolve))
    const address = talker.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const hasty = createSmtpClient({
      lookup: async () => ['127.0.0.1'],
      timeoutMs: 1500,
      // A machine that has other work is silent for a while by itself.
      replyTimeoutMs: 500,
    })
    const [outcome] = await hasty.submit(at({ port }), submission(['lee@b.example']))
    expect(outcome).toMatchObject({
      outcome: expected,
      reply: expect.stringContaining('did not come to an end'),
    })
    for (const timer of timers) clearInterval(timer)
    await new Promise((resolve) => talker.close(resolve))
  })
})

describe('TLS (smtp, tlsDomains)', () => {
  const required = { tls: 'required' } as const

  it('goes through STARTTLS with a certificate for the server name where it is required', async () => {
    const { cert, key } = certificate
    const { outcomes, heard } = await submitTo(
      { tls: { cert, key }, extensions: ['8BITMIME'] },
      ['lee@b.example'],
      required,
      { ca: cert },
    )
    expect(outcomes).toEqual([['lee@b.example', 'accepted', '250 taken']])
    expect(heard[0]?.tls).toBe(true)
    expect(heard[0]?.lines).toContain('MAIL FROM:<kim@a.example> BODY=8BITMIME')
  })

  it('speaks TLS from the start to smtps', async () => {
    const { cert, key } = certificate
    const { outcomes } = await submitTo(
      { tls: { cert, key, implicit: true } },
      ['lee@b.example'],
      {},
      { ca: cert, secure: true },
    )
    expect(outcomes).toEqual([['lee@b.example', 'accepted', '250 taken']])
  })

  it.each([
    ['the tls route', required, () => ({})],
    ['a configured ca', {}, () => ({ ca: certificate.cert })],
  ])('sends nothing where STARTTLS was stripped, for %s', async (_, changes, server) => {
    const { outcomes, heard } = await submitTo(
      { answer: (line) => (line === 'STARTTLS' ? '502 what?' : undefined) },
      ['lee@b.example'],
      changes,
      server(),
    )
    expect(outcomes).toEqual([
      ['lee@b.example', 'temporary', expect.stringMatching(/^no TLS with mx\.b\.example:\d+: /)],
    ])
    expect(heard[0]?.lines.filter((line) => !/^(EHLO|STARTTLS)/.test(line))).toEqual([])
  })

  it('sends nothing where EHLO is refused and TLS is required, not even by HELO', async () => {
    const { outcomes, heard } = await submitTo(
      { answer: (line) => (line.startsWith('EHLO') ? '502 what?' : undefined) },
      ['lee@b.example'],
      required,
    )
    expect(outcomes[0]?.[1]).toBe('temporary')
    expect(heard[0]?.lines.map((line) => line.slice(0, 4))).toEqual(['EHLO'])
  })

  it.each([
    ['for another name', () => ({ tls: stranger, ca: stranger.cert })],
    ['of an unknown issuer', () => ({ tls: certificate, ca: stranger.cert })],
    ['of an unknown issuer, with no ca configured', () => ({ tls: certificate, ca: undefined })],
  ])('sends nothing to a certificate %s', async (_, pick) => {
    const { tls, ca } = pick()
    for (const implicit of [false, true]) {
      const { outcomes, heard } = await submitTo(
        { tls: { cert: tls.cert, key: tls.key, implicit } },
        ['lee@b.example'],
        required,
        { ca, secure: implicit },
      )
      expect(outcomes).toEqual([
        ['lee@b.example', 'temporary', expect.stringMatching(/^no TLS with mx\.b\.example/)],
      ])
      expect(heard[0]?.lines.filter((line) => !/^(EHLO|STARTTLS)/.test(line))).toEqual([])
    }
  })

  it('takes an offer of STARTTLS on loopback without asking who it is, where nothing asks for TLS', async () => {
    const { outcomes, heard } = await submitTo({ tls: stranger }, ['lee@b.example'])
    expect(outcomes[0]?.[1]).toBe('accepted')
    expect(heard[0]?.tls).toBe(true)
  })

  it('discards what was slipped in behind the answer to STARTTLS', async () => {
    const { cert, key } = certificate
    const { outcomes } = await submitTo(
      {
        tls: { cert, key },
        answer: (line) => (line === 'STARTTLS' ? '220 go ahead\r\n250 slipped in' : undefined),
      },
      ['lee@b.example'],
      required,
      { ca: cert },
    )
    expect(outcomes[0]?.[1]).toBe('accepted')
  })
})

describe('login', () => {
  const login = { user: 'kim', password: 'secret' }

  it('logs in before the message where a user is configured', async () => {
    const { outcomes, heard } = await submitTo(
      { extensions: ['AUTH PLAIN LOGIN'] },
      ['lee@b.example'],
      {},
      login,
    )
    expect(outcomes[0]?.[1]).toBe('accepted')
    expect(heard[0]?.lines[1]).toBe(`AUTH PLAIN ${Buffer.from('\0kim\0secret').toString('base64')}`)
  })

  it('throws SMTP_LOGIN for a refused password, without the password, and sends nothing', async () => {
    await using smtp = await scriptedSmtp({
      extensions: ['AUTH PLAIN'],
      answer: (line) => (line.startsWith('AUTH') ? '535 5.7.8 authentication failed' : undefined),
    })
    const failure: unknown = await client
      .submit(at(smtp, login), submission(['lee@b.example']))
      .catch((cause) => cause)
    expect(failure).toBeInstanceOf(DirectError)
    expect(failure).toMatchObject({
      code: 'SMTP_LOGIN',
      temporary: false,
      hint: expect.stringContaining('password'),
    })
    expect(String(failure)).toContain('535 5.7.8 authentication failed')
    expect(JSON.stringify(failure) + String(failure)).not.toContain('secret')
    expect(smtp.sessions[0]?.lines.some((line) => line.startsWith('MAIL'))).toBe(false)
  })

  it('throws SMTP_LOGIN where the server offers none', async () => {
    await using smtp = await scriptedSmtp()
    const submitted = client.submit(at(smtp, login), submission(['lee@b.example']))
    await expect(submitted).rejects.toMatchObject({ code: 'SMTP_LOGIN' })
  })

  it.each([['454 4.7.0 later'], ['421 closing'], [null]])(
    'is temporary when AUTH is answered %j',
    async (reply) => {
      const { outcomes } = await submitTo(
        { extensions: ['AUTH PLAIN'], answer: (line) => (line.startsWith('AUTH') ? reply : undefined) },
        ['lee@b.example'],
        {},
        login,
      )
      expect(outcomes[0]?.[1]).toBe('temporary')
    },
  )
})

describe('login by an access token', () => {
  const REFUSED = '535 5.7.8 token expired'
  const auth = (token: string) => `AUTH XOAUTH2 ${xoauth2('kim', token)}`
  /** Tokens in their order; the last one stays. */
  const tokens = (...all: readonly string[]) => {
    const left = [...all]
    return keptToken(async () => (left.length > 1 ? left.shift() : left[0]) as string)
  }
  const heardOf = (sessions: ScriptedSmtp['sessions']) =>
    sessions.map(({ lines }) => lines.filter((line) => /^(AUTH|MAIL|$)/.test(line)))

  it('is XOAUTH2, also beside methods that take a password, and the token is kept for the next connection', async () => {
    await using smtp = await scriptedSmtp({ extensions: ['AUTH PLAIN LOGIN XOAUTH2'] })
    const server = at(smtp, { user: 'kim', token: tokens('one', 'two') })
    const both = [1, 2].map(() => client.submit(server, submission(['lee@b.example'])))
    expect((await Promise.all(both)).flat().map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted'])
    expect(heardOf(smtp.sessions)).toEqual([1, 2].map(() => [auth('one'), 'MAIL FROM:<kim@a.example>']))
  })

  it.each(['535', '334'])('that is refused by %s is renewed once, and then serves', async (first) => {
    await using smtp = await scriptedSmtp({
      extensions: ['AUTH XOAUTH2'],
      answer: (line) =>
        line === auth('old')
          ? first === '334'
            ? '334 eyJzdGF0dXMiOiI0MDEifQ=='
            : REFUSED
          : line === ''
            ? REFUSED
            : undefined,
    })
    const server = at(smtp, { user: 'kim', token: tokens('old', 'new') })
    const [outcome] = await client.submit(server, submission(['lee@b.example']))
    expect(outcome?.outcome).toBe('accepted')
    expect(heardOf(smtp.sessions)).toEqual([
      [auth('old'), ...(first === '334' ? [''] : [])],
      [auth('new'), 'MAIL FROM:<kim@a.example>'],
    ])
  })

  it('that is refused again is SMTP_LOGIN after two tries; the token is in no error, even where the server repeats it', async () => {
    await using smtp = await scriptedSmtp({
      extensions: ['AUTH XOAUTH2'],
      answer: (line) => (line.startsWith('AUTH') ? `535 no: CANARY-1 CANARY-2 ${line}` : undefined),
    })
    const server = at(smtp, { user: 'kim', token: tokens('CANARY-1', 'CANARY-2') })
    const failure: unknown = await client
      .submit(server, submission(['lee@b.example']))
      .catch((cause) => cause)
    expect(failure).toMatchObject({ code: 'SMTP_LOGIN', hint: expect.stringContaining('tokenCommand') })
    expect(smtp.sessions).toHaveLength(2)
    const told = inspect(failure, { depth: 9 })
    expect(told).toContain('535 no')
    for (const token of ['CANARY-2', xoauth2('kim', 'CANARY-2')]) expect(told).not.toContain(token)
  })

  it('is not tried where the server has no XOAUTH2: no other method sees the token', async () => {
    await using smtp = await scriptedSmtp({ extensions: ['AUTH PLAIN LOGIN'] })
    const server = at(smtp, { user: 'kim', token: tokens('one') })
    await expect(client.submit(server, submission(['lee@b.example']))).rejects.toMatchObject({
      code: 'SMTP_LOGIN',
      message: expect.stringContaining('XOAUTH2'),
    })
    expect(heardOf(smtp.sessions).flat()).toEqual([])
  })

  it('does not come about where no token is to be had, and says why', async () => {
    await using smtp = await scriptedSmtp({ extensions: ['AUTH XOAUTH2'] })
    const away = keptToken(() =>
      Promise.reject(new DirectError('KEY_UNREADABLE', 'the tokenCommand get-token failed')),
    )
    const submitted = client.submit(at(smtp, { user: 'kim', token: away }), submission(['lee@b.example']))
    await expect(submitted).rejects.toThrow('the tokenCommand get-token failed')
    expect(heardOf(smtp.sessions).flat()).toEqual([])
  })

  it('is not waited for beyond a stop: the program that tells it may hang', async () => {
    await using smtp = await scriptedSmtp({ extensions: ['AUTH XOAUTH2'] })
    const stop = new AbortController()
    const token = () => {
      setImmediate(() => stop.abort())
      return new Promise<string>(() => {})
    }
    const submitted = client.submit(
      at(smtp, { user: 'kim', token }),
      submission(['lee@b.example']),
      stop.signal,
    )
    await expect(submitted).rejects.toMatchObject({ code: 'ABORTED' })
    expect(heardOf(smtp.sessions).flat()).toEqual([])
  })
})

describe('content', () => {
  it('that cannot be read is thrown on, and the server never sees an end of the message', async () => {
    await using smtp = await scriptedSmtp()
    const broken = submission(['lee@b.example'], {
      async *content() {
        yield Buffer.from('From: kim@a.example\r\n')
        throw new DirectError('STORE_FAILED', 'the disk is gone')
      },
    })
    await expect(client.submit(at(smtp), broken)).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(smtp.sessions[0]?.messages).toEqual([])
  })

  it('that is shorter than announced never passes for the whole message', async () => {
    await using smtp = await scriptedSmtp()
    const short = submission(['lee@b.example'], { bytes: MESSAGE.length + 1 })
    await expect(client.submit(at(smtp), short)).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
    expect(smtp.sessions[0]?.messages).toEqual([])
  })
})

describe('a signal', () => {
  it.each(['EHLO', 'MAIL', 'DATA'])(
    'cuts the connection at %s; whoever has no answer is temporary',
    async (verb) => {
      const controller = new AbortController()
      await using smtp = await scriptedSmtp({
        answer: (line) => {
          if (!line.startsWith(verb)) return undefined
          setImmediate(() => controller.abort())
          return ''
        },
      })
      const outcomes = await client.submit(at(smtp), submission(['lee@b.example']), controller.signal)
      expect(outcomes).toMatchObject([
        { address: 'lee@b.example', outcome: 'temporary', reply: 'stopped before the server answered' },
      ])
    },
  )

  it('waits for the answer to a message that the server has whole: it is accepted once, and not sent again', async () => {
    const controller = new AbortController()
    await using smtp = await scriptedSmtp({
      answer: (line, session) => {
        if (line !== 'END') return undefined
        setImmediate(() => {
          controller.abort()
          setImmediate(() => session.say('250 taken'))
        })
        return ''
      },
    })
    const outcomes = await client.submit(at(smtp), submission(['lee@b.example']), controller.signal)
    expect(outcomes).toEqual([{ address: 'lee@b.example', outcome: 'accepted', reply: '250 taken' }])
  })

  it('does not wait for that longer than it may; then nobody knows', async () => {
    const controller = new AbortController()
    const hasty = createSmtpClient({ lookup: async () => ['127.0.0.1'], stopMs: 20 })
    await using smtp = await scriptedSmtp({
      answer: (line) => {
        if (line !== 'END') return undefined
        setImmediate(() => controller.abort())
        return ''
      },
    })
    const outcomes = await hasty.submit(at(smtp), submission(['lee@b.example']), controller.signal)
    expect(outcomes).toEqual([
      { address: 'lee@b.example', outcome: 'unknown', reply: 'stopped before the server answered' },
    ])
  })

  it('that has fired already lets nothing be dialled', async () => {
    await using smtp = await scriptedSmtp()
    const outcomes = await client.submit(at(smtp), submission(['lee@b.example']), AbortSignal.abort())
    expect(outcomes[0]?.outcome).toBe('temporary')
    expect(smtp.sessions).toEqual([])
  })
})

describe('proveTls (the tls route)', () => {
  it('proves TLS with a certificate for the server name, without sending anything', async () => {
    await using smtp = await scriptedSmtp({ tls: certificate })
    const proof = await client.proveTls(at(smtp, { ca: certificate.cert }))
    expect(proof).toMatchObject({ proved: true, protocol: 'TLSv1.3', subject: 'test server' })
    expect(proof.proved && proof.validTo.getTime()).toBeGreaterThan(Date.now())
    expect(smtp.sessions[0]?.lines.filter((line) => /^(MAIL|RCPT|AUTH)/.test(line))).toEqual([])
  })

  it('is a final no where STARTTLS is not offered, or the certificate is for someone else', async () => {
    await using plain = await scriptedSmtp({
      answer: (line) => (line === 'STARTTLS' ? '502 what?' : undefined),
    })
    await using wrong = await scriptedSmtp({ tls: stranger })
    expect(await client.proveTls(at(plain))).toMatchObject({ proved: false, temporary: false })
    expect(await client.proveTls(at(wrong, { ca: stranger.cert }))).toMatchObject({
      proved: false,
      temporary: false,
      text: expect.stringContaining('mx.b.example'),
    })
  })

  it('is not known where the server is away, busy, or lost in the handshake', async () => {
    const [port = 0] = await freePorts(1)
    await using busy = await scriptedSmtp({
      tls: certificate,
      answer: (line) => (line === 'STARTTLS' ? '454 later' : undefined),
    })
    await using closing = await scriptedSmtp({
      answer: (line) => (line === 'CONNECT' ? '421 later' : undefined),
    })
    await using lost = await scriptedSmtp({
      tls: certificate,
      answer: (line) => (line === 'STARTTLS' ? null : undefined),
    })
    for (const server of [{ port }, busy, closing, lost]) {
      expect(await client.proveTls(at(server))).toMatchObject({ proved: false, temporary: true })
    }
  })
})
