import { describe, expect, test } from 'vitest'
import { createLookup, createResolver } from '../../dns/resolver/index.ts'
import { alias, answerTo, CODE, scriptedServer } from './scripted-server.ts'

const NOBODY = { resolve: () => Promise.reject(new Error('asked')) }

describe('a host that needs no one', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['localhost', '127.0.0.1'],
    ['LOCALHOST.', '127.0.0.1'],
    ['mail.localhost', '127.0.0.1'],
  ])('%s is %s, without a network too', async (host, address) => {
    for (const resolver of [NOBODY, null]) {
      for (const useSystem of [true, false])
        expect(await createLookup(resolver, useSystem)(host)).toEqual([address])
    }
  })
})

describe('a host name asked of our resolver', () => {
  test('has its A and then its AAAA addresses, CNAMEs followed', async () => {
    await using server = await scriptedServer({
      udp: (asked) => {
        const { name, type } = asked.question
        const target = 'mx7.d.example'
        const data =
          type === 'A'
            ? ({ name: target, type: 'A', ttl: 9, data: '192.0.2.7' } as const)
            : ({ name: target, type: 'AAAA', ttl: 9, data: '2001:db8::7' } as const)
        asked.send(answerTo(asked, { answers: [alias(name, target), data] }))
      },
    })
    const lookup = createLookup(createResolver({ servers: [server], timeoutMs: 5000 }), false)
    expect(await lookup('mx.d.example')).toEqual(['192.0.2.7', '2001:db8::7'])
  })

  test.each([
    ['does not exist', CODE.NXDOMAIN, false],
    ['is not known now', CODE.SERVFAIL, true],
  ])('that %s throws DNS_UNREACHABLE with a hint', async (_, flags, temporary) => {
    await using server = await scriptedServer({ udp: (asked) => asked.send(answerTo(asked, { flags })) })
    const lookup = createLookup(createResolver({ servers: [server], timeoutMs: 5000 }), false)
    await expect(lookup('mx.d.example')).rejects.toMatchObject({
      code: 'DNS_UNREACHABLE',
      temporary,
      hint: expect.any(String),
      message: expect.stringContaining('mx.d.example'),
    })
  })

  test('half an answer is enough', async () => {
    await using server = await scriptedServer({
      udp: (asked) => {
        const { name, type } = asked.question
        const found = { answers: [{ name, type: 'A' as const, ttl: 9, data: '192.0.2.7' }] }
        asked.send(answerTo(asked, type === 'A' ? found : { flags: CODE.SERVFAIL }))
      },
    })
    const lookup = createLookup(createResolver({ servers: [server], timeoutMs: 5000 }), false)
    expect(await lookup('mx.d.example')).toEqual(['192.0.2.7'])
  })

  test('half an answer is not known where none of it is wanted', async () => {
    await using server = await scriptedServer({
      udp: (asked) => {
        const { name, type } = asked.question
        const found = { answers: [{ name, type: 'A' as const, ttl: 9, data: '10.0.0.5' }] }
        asked.send(answerTo(asked, type === 'A' ? found : { flags: CODE.SERVFAIL }))
      },
    })
    const lookup = createLookup(createResolver({ servers: [server], timeoutMs: 5000 }), false)
    await expect(lookup('mx.d.example', undefined, () => false)).rejects.toMatchObject({
      code: 'DNS_UNREACHABLE',
      temporary: true,
    })
  })

  test('that DNS cannot carry has no address: final', async () => {
    await expect(createLookup(NOBODY, false)('mx..example')).rejects.toMatchObject({
      code: 'DNS_UNREACHABLE',
      temporary: false,
    })
  })
})

test('without a network no name is looked up, by the system neither', async () => {
  for (const useSystem of [true, false]) {
    await expect(createLookup(null, useSystem)('mx.d.example')).rejects.toMatchObject({
      code: 'NETWORK_FORBIDDEN',
    })
  }
})

test('the signal frees whoever waits', async () => {
  for (const useSystem of [true, false]) {
    const resolver = createResolver({ servers: [], timeoutMs: 5000 })
    const asking = createLookup(resolver, useSystem)('mx.d.example', AbortSignal.abort())
    await expect(asking).rejects.toMatchObject({ code: 'ABORTED' })
  }
})
