/** XOAUTH2: a token in the place of a password. */
import { describe, expect, it } from 'vitest'
import { createImapClient, type MailServer } from '../../mailbox/index.ts'
import { scriptedImap } from './scripted-imap.ts'

const client = createImapClient({ lookup: async () => ['127.0.0.1'], timeoutMs: 5000 })

/** A server that takes one token alone, and who asks it with what. */
async function guarded(right: string, capabilities = ['AUTH=XOAUTH2', 'SASL-IR']) {
  const imap = await scriptedImap({
    capabilities,
    answer: (command) => {
      if (!/^AUTHENTICATE/.test(command)) return undefined
      return tokenIn(command) === right ? 'TAG OK welcome' : 'TAG NO [AUTHENTICATIONFAILED] expired'
    },
  })
  const asked: (string | undefined)[] = []
  const tokens = (...given: string[]): MailServer => ({
    host: 'imap.b.example',
    port: imap.port,
    secure: false,
    user: 'lee',
    token: async (refused) => {
      asked.push(refused)
      return given[asked.length - 1] ?? given.at(-1) ?? ''
    },
  })
  const said = () => imap.commands.filter((command) => /^(AUTHENTICATE|LOGIN)/.test(command))
  return { imap, asked, tokens, said, [Symbol.asyncDispose]: () => imap[Symbol.asyncDispose]() }
}

function tokenIn(command: string): string | undefined {
  const given = Buffer.from(command.split(' ')[2] ?? '', 'base64').toString('latin1')
  const [, token] = /^user=lee\u0001auth=Bearer (.*)\u0001\u0001$/.exec(given) ?? []
  return token
}

describe('a login by token', () => {
  it('hands over user and token, and no password', async () => {
    await using server = await guarded('right')
    await using folder = await client.open(server.tokens('right'), 'INBOX')
    expect(await folder.uids()).toEqual([])
    expect(server.asked).toEqual([undefined])
    expect(server.said()).toHaveLength(1)
  })

  it('asks once for another when it is refused', async () => {
    await using server = await guarded('right')
    await using folder = await client.open(server.tokens('old', 'right'), 'INBOX')
    expect(await folder.uids()).toEqual([])
    expect(server.asked).toEqual([undefined, 'old'])
    expect(server.said().map(tokenIn)).toEqual(['old', 'right'])
  })

  it.each([
    ['the other one is refused as well', ['old', 'older'], 2],
    ['there is no other one', ['old'], 1],
  ])('is IMAP_LOGIN when %s, without the token', async (_, given, tries) => {
    await using server = await guarded('right')
    const failure: unknown = await client.open(server.tokens(...given), 'INBOX').catch((error) => error)
    expect(failure).toMatchObject({ code: 'IMAP_LOGIN', temporary: false })
    expect(JSON.stringify(failure, Object.getOwnPropertyNames(failure))).not.toMatch(/\bold/)
    expect(server.said()).toHaveLength(tries)
  })

  it('is IMAP_LOGIN where the server knows no such thing: nothing is handed over', async () => {
    await using server = await guarded('right', ['AUTH=PLAIN'])
    await expect(client.open(server.tokens('right'), 'INBOX')).rejects.toMatchObject({
      code: 'IMAP_LOGIN',
      message: expect.stringContaining('XOAUTH2'),
    })
    expect(server.said()).toEqual([])
  })

  it('throws what asking for the token throws', async () => {
    await using server = await guarded('right')
    const token = () => Promise.reject(new Error('no such program'))
    await expect(client.open({ ...server.tokens(), token }, 'INBOX')).rejects.toThrow('no such program')
  })

  it('is not waited for beyond a stop: the program that tells it may hang', async () => {
    await using server = await guarded('right')
    const stop = new AbortController()
    const token = () => {
      setImmediate(() => stop.abort())
      return new Promise<string>(() => {})
    }
    const hanging = { ...server.tokens(), token }
    for (const _ of ['now', 'already stopped'])
      await expect(client.open(hanging, 'INBOX', stop.signal)).rejects.toMatchObject({ code: 'ABORTED' })
    expect(server.said()).toEqual([])
  })
})
