import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { createResolver } from '../../dns/resolver/index.ts'
import type { HostPort } from '../../dns/types.ts'
import {
  type Asked,
  alias,
  answerTo,
  CODE,
  certRdata,
  certRecord,
  derOf,
  FLAG,
  framed,
  scriptedServer,
  soaRecord,
} from './scripted-server.ts'

const NAME = 'lee.d.example'
const RDATA = certRdata(derOf(40))

/** Long where an answer comes, short where none does: nothing is asserted about time. */
const PATIENT = 5000
const HASTY = 150

function ask(servers: HostPort[], timeoutMs = PATIENT, name = NAME) {
  return createResolver({ servers, timeoutMs }).resolve(name, 'CERT')
}

function publishes(asked: Asked): Buffer {
  return answerTo(asked, { answers: [certRecord(asked.question.name, RDATA)] })
}

/** A port on loopback where nobody listens. */
async function closedPort(): Promise<HostPort> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return { host: '127.0.0.1', port }
}

describe('a question to one server (DISC-5)', () => {
  test('goes out over UDP with EDNS0 of 1232 bytes and RD, and brings the raw RDATA', async () => {
    await using server = await scriptedServer({ udp: (asked) => asked.send(publishes(asked)) })
    expect(await ask([server])).toEqual({
      status: 'found',
      ttl: 600,
      server: `127.0.0.1:${server.port}`,
      records: [expect.objectContaining({ name: NAME, type: 'CERT', ttl: 600, data: RDATA })],
    })
    expect(server.log).toEqual([`udp CERT ${NAME} +edns`])
    const packet = server.asked[0]?.packet as Buffer
    expect(packet.readUInt16BE(2)).toBe(FLAG.RD)
    expect(packet.subarray(-11).toString('hex')).toBe('00002904d0000000000000')
  })

  test('each question has its own random id and source port', async () => {
    await using server = await scriptedServer({ udp: (asked) => asked.send(publishes(asked)) })
    const resolver = createResolver({ servers: [server], timeoutMs: PATIENT })
    for (let i = 0; i < 24; i++) await resolver.resolve(`n${i}.d.example`, 'CERT')
    const distinct = (pick: (asked: Asked) => number) => new Set(server.asked.map(pick)).size
    expect(distinct((asked) => asked.id)).toBeGreaterThan(20)
    expect(distinct((asked) => asked.from.port)).toBeGreaterThan(20)
  })

  test.each<[string, (asked: Asked) => Buffer]>([
    ['with another id', (asked) => answerTo(asked, { id: asked.id ^ 1, flags: CODE.NXDOMAIN })],
    [
      'to another name',
      (asked) =>
        answerTo(asked, { flags: CODE.NXDOMAIN, questions: [{ ...asked.question, name: 'lee.e.example' }] }),
    ],
    [
      'to another type',
      (asked) => answerTo(asked, { flags: CODE.NXDOMAIN, questions: [{ ...asked.question, type: 'A' }] }),
    ],
    [
      'to another class',
      (asked) => answerTo(asked, { flags: CODE.NXDOMAIN, questions: [{ ...asked.question, class: 'CH' }] }),
    ],
    ['without a question', (asked) => answerTo(asked, { flags: CODE.NXDOMAIN, questions: [] })],
    ['that is a question itself', (asked) => asked.packet],
    ['that is no DNS at all', () => Buffer.from('hello')],
    ['that is empty', () => Buffer.alloc(0)],
  ])('an answer %s is ignored, and the wait goes on', async (_, forged) => {
    await using server = await scriptedServer({
      udp: (asked) => {
        asked.send(forged(asked))
        asked.send(publishes(asked))
      },
    })
    expect(await ask([server])).toMatchObject({ status: 'found' })
  })

  test('an answer from another source is ignored, although id and question match', async () => {
    const stranger = createSocket('udp4')
    await using server = await scriptedServer({
      udp: (asked) => {
        const forged = answerTo(asked, { flags: CODE.NXDOMAIN })
        stranger.send(forged, asked.from.port, asked.from.address, () => asked.send(publishes(asked)))
      },
    })
    expect(await ask([server])).toMatchObject({ status: 'found' })
    stranger.close()
  })

  test('the question is compared without case, and owners are too', async () => {
    await using server = await scriptedServer({
      udp: (asked) => {
        const shouted = asked.question.name.toUpperCase()
        const questions = [{ ...asked.question, name: shouted }]
        asked.send(answerTo(asked, { questions, answers: [certRecord(shouted, RDATA)] }))
      },
    })
    expect(await ask([server])).toMatchObject({ status: 'found' })
  })

  test('a truncated answer is asked for again over TCP, even when it ends within a record', async () => {
    await using server = await scriptedServer({
      udp: (asked) => {
        const whole = answerTo(asked, { flags: FLAG.AA | FLAG.TC, answers: [certRecord(NAME, RDATA)] })
        asked.send(whole.subarray(0, whole.length - 20))
      },
      tcp: (asked) => asked.send(publishes(asked)),
    })
    expect(await ask([server])).toMatchObject({ status: 'found' })
    expect(server.log).toEqual([`udp CERT ${NAME} +edns`, `tcp CERT ${NAME} +edns`])
  })

  test('an answer that is truncated over TCP as well is not known', async () => {
    const truncated = (asked: Asked) => asked.send(answerTo(asked, { flags: FLAG.AA | FLAG.TC }))
    await using server = await scriptedServer({ udp: truncated, tcp: truncated })
    expect(await ask([server])).toMatchObject({ status: 'failed', tries: [{ code: 'TRUNCATED' }] })
  })

  test('an answer of 64 KB comes whole over TCP, in whatever pieces', async () => {
    const big = certRdata(derOf(65_000))
    await using server = await scriptedServer({
      udp: (asked) => asked.send(answerTo(asked, { flags: FLAG.AA | FLAG.TC })),
      tcp: (asked) => {
        const bytes = framed(answerTo(asked, { answers: [certRecord(NAME, big)] }))
        asked.socket?.write(bytes.subarray(0, 1))
        setImmediate(() => {
          asked.socket?.write(bytes.subarray(1, 700))
          setImmediate(() => asked.socket?.write(bytes.subarray(700)))
        })
      },
    })
    expect(await ask([server])).toMatchObject({ status: 'found', records: [{ data: big }] })
  })

  test('a server that answers over TCP only is asked there when its UDP port is closed', async () => {
    await using server = await scriptedServer({ tcp: (asked) => asked.send(publishes(asked)) })
    expect(await ask([server])).toMatchObject({ status: 'found' })
    expect(server.log).toEqual([`tcp CERT ${NAME} +edns`])
  })

  test('a server that is silent over UDP is asked over TCP before it is given up', async () => {
    await using server = await scriptedServer({
      udp: () => undefined,
      tcp: (asked) => asked.send(publishes(asked)),
    })
    expect(await ask([server], 400)).toMatchObject({ status: 'found' })
  })

  test('a server that drops every question with EDNS is asked without it over TCP', async () => {
    const onlyPlain = (asked: Asked) => (asked.edns ? undefined : asked.send(publishes(asked)))
    await using server = await scriptedServer({ udp: onlyPlain, tcp: onlyPlain })
    expect(await ask([server], 400)).toMatchObject({ status: 'found' })
    expect(server.log).toEqual([`udp CERT ${NAME} +edns`, `tcp CERT ${NAME}`])
  })

  test('a server that answers over UDP only is enough', async () => {
    await using server = await scriptedServer({ udp: (asked) => asked.send(publishes(asked)) })
    expect(await ask([server])).toMatchObject({ status: 'found' })
  })

  test.each([
    ['FORMERR', CODE.FORMERR],
    ['NOTIMP', CODE.NOTIMP],
  ])('a server that answers EDNS with %s is asked once more without', async (_, flags) => {
    await using server = await scriptedServer({
      udp: (asked) => asked.send(asked.edns ? answerTo(asked, { flags }) : publishes(asked)),
    })
    expect(await ask([server])).toMatchObject({ status: 'found' })
    expect(server.log).toEqual([`udp CERT ${NAME} +edns`, `udp CERT ${NAME}`])
  })

  test('BADVERS, an extended code, counts as a refusal of EDNS', async () => {
    const badVersion = {
      type: 'OPT' as const,
      name: '.',
      udpPayloadSize: 512,
      extendedRcode: 1,
      ednsVersion: 0,
      flags: 0,
      flag_do: false,
      options: [],
    }
    await using server = await scriptedServer({
      udp: (asked) =>
        asked.send(asked.edns ? answerTo(asked, { additionals: [badVersion] }) : publishes(asked)),
    })
    expect(await ask([server])).toMatchObject({ status: 'found' })
  })

  test('a FORMERR with an empty question, right id and source, is an answer', async () => {
    await using server = await scriptedServer({
      udp: (asked) =>
        asked.send(asked.edns ? answerTo(asked, { flags: CODE.FORMERR, questions: [] }) : publishes(asked)),
    })
    expect(await ask([server])).toMatchObject({ status: 'found' })
  })

  test('FORMERR to a plain question as well is not known', async () => {
    await using server = await scriptedServer({
      udp: (asked) => asked.send(answerTo(asked, { flags: CODE.FORMERR })),
    })
    expect(await ask([server])).toMatchObject({ status: 'failed', tries: [{ code: 'FORMERR' }] })
    expect(server.log).toHaveLength(2)
  })

  test('a connection that is closed in the middle of an answer is a failure, not an absence', async () => {
    await using server = await scriptedServer({
      udp: (asked) => asked.send(answerTo(asked, { flags: FLAG.TC })),
      tcp: (asked) => asked.socket?.end(framed(publishes(asked)).subarray(0, 30)),
    })
    expect(await ask([server])).toMatchObject({ status: 'failed', tries: [{ code: 'UNREACHABLE' }] })
  })
})

describe('malformed answers are not known (DISC-6)', () => {
  const malformed: [string, (asked: Asked) => Buffer][] = [
    [
      'a record longer than the message',
      (asked) => {
        const bytes = publishes(asked)
        bytes.writeUInt16BE(2000, bytes.length - RDATA.length - 2)
        return bytes
      },
    ],
    [
      'more records counted than there are',
      (asked) => {
        const bytes = publishes(asked)
        bytes.writeUInt16BE(0xffff, 6)
        return bytes
      },
    ],
    [
      'a name that points to itself',
      (asked) => {
        const head = answerTo(asked)
        head.writeUInt16BE(1, 6)
        const self = Buffer.from([0xc0, head.length, 0, 37, 0, 1, 0, 0, 0, 9, 0, 0])
        return Buffer.concat([head, self])
      },
    ],
    [
      'two names that point to each other',
      (asked) => {
        const head = answerTo(asked)
        head.writeUInt16BE(2, 6)
        const record = (to: number) => Buffer.from([0xc0, to, 0, 37, 0, 1, 0, 0, 0, 9, 0, 0])
        return Buffer.concat([head, record(head.length + 12), record(head.length)])
      },
    ],
    [
      'records for names that were not asked',
      (asked) => answerTo(asked, { answers: [certRecord('other.example', RDATA)] }),
    ],
    [
      'records beside NXDOMAIN',
      (asked) => answerTo(asked, { flags: CODE.NXDOMAIN, answers: [certRecord(NAME, RDATA)] }),
    ],
    ['a CNAME to the root', (asked) => answerTo(asked, { answers: [alias(NAME, '.')] })],
  ]
  test.each(malformed)('%s', async (_, answer) => {
    await using server = await scriptedServer({ udp: (asked) => asked.send(answer(asked)) })
    expect(await ask([server])).toMatchObject({ status: 'failed', tries: [{ code: 'MALFORMED' }] })
  })
})

describe('several servers (DISC-6)', () => {
  test.each([
    ['SERVFAIL', CODE.SERVFAIL],
    ['REFUSED', CODE.REFUSED],
  ] as const)('after %s the next server is asked', async (_, flags) => {
    await using bad = await scriptedServer({ udp: (asked) => asked.send(answerTo(asked, { flags })) })
    await using good = await scriptedServer({ udp: (asked) => asked.send(publishes(asked)) })
    expect(await ask([bad, good])).toMatchObject({ status: 'found', server: `127.0.0.1:${good.port}` })
  })

  test('after a malformed answer and a closed port too', async () => {
    await using garbled = await scriptedServer({
      udp: (asked) => asked.send(answerTo(asked, { answers: [alias(NAME, '.')] })),
    })
    await using good = await scriptedServer({ udp: (asked) => asked.send(publishes(asked)) })
    expect(await ask([garbled, await closedPort(), good])).toMatchObject({ status: 'found' })
  })

  test('when all have failed, each try is told with its server and its code', async () => {
    await using failing = await scriptedServer({
      udp: (asked) => asked.send(answerTo(asked, { flags: CODE.SERVFAIL })),
    })
    await using silent = await scriptedServer({ udp: () => undefined })
    const closed = await closedPort()
    const answer = await ask([failing, silent, closed], HASTY)
    const tries = answer.status === 'failed' ? answer.tries.map((one) => `${one.server} ${one.code}`) : []
    expect(tries).toEqual([
      `127.0.0.1:${failing.port} SERVFAIL`,
      `127.0.0.1:${silent.port} TIMEOUT`,
      `127.0.0.1:${silent.port} UNREACHABLE`,
      `127.0.0.1:${closed.port} UNREACHABLE`,
      `127.0.0.1:${closed.port} UNREACHABLE`,
    ])
  })

  test('no server at all is a failure, not an absence', async () => {
    expect(await ask([])).toEqual({ status: 'failed', tries: [] })
  })

  test('NXDOMAIN is an answer: the next server is not asked', async () => {
    await using first = await scriptedServer({
      udp: (asked) => asked.send(answerTo(asked, { flags: CODE.NXDOMAIN })),
    })
    await using second = await scriptedServer({ udp: (asked) => asked.send(publishes(asked)) })
    expect(await ask([first, second])).toMatchObject({ status: 'absent', kind: 'NXDOMAIN' })
    expect(second.log).toEqual([])
  })

  test('a server given by name is resolved first, and one whose name fails is passed over', async () => {
    await using good = await scriptedServer({ udp: (asked) => asked.send(publishes(asked)) })
    const resolver = createResolver({
      servers: [
        { host: 'gone.example', port: 53 },
        { host: 'ns.example', port: good.port },
      ],
      timeoutMs: PATIENT,
      lookup: async (host) => {
        if (host === 'ns.example') return ['127.0.0.1']
        throw new Error('no such host')
      },
    })
    expect(await resolver.resolve(NAME, 'CERT')).toMatchObject({ status: 'found' })
  })
})

describe('absence (DISC-6, DISC-11, RFC 2308)', () => {
  test.each([
    ['NXDOMAIN with a SOA', CODE.NXDOMAIN, soaRecord('d.example', 900, 120), 'NXDOMAIN', 120],
    ['NODATA with a SOA', FLAG.AA, soaRecord('d.example', 900, 120), 'NODATA', 120],
    ['the SOA TTL where it is the lesser', FLAG.AA, soaRecord('d.example', 90, 3600), 'NODATA', 90],
    ['at least 60 s', FLAG.AA, soaRecord('d.example', 5, 5), 'NODATA', 60],
    ['at most 300 s', FLAG.AA, soaRecord('d.example', 86_400, 86_400), 'NODATA', 300],
  ] as const)('%s', async (_, flags, soa, kind, ttl) => {
    await using server = await scriptedServer({
      udp: (asked) => asked.send(answerTo(asked, { flags, authorities: [soa] })),
    })
    expect(await ask([server])).toMatchObject({ status: 'absent', kind, ttl })
  })

  test('NXDOMAIN and NODATA without a SOA are absence too, for 60 s', async () => {
    for (const flags of [CODE.NXDOMAIN, FLAG.AA, FLAG.RA, 0]) {
      await using server = await scriptedServer({ udp: (asked) => asked.send(answerTo(asked, { flags })) })
      expect(await ask([server])).toMatchObject({ status: 'absent', ttl: 60 })
    }
  })

  test('a referral is no absence: a lame server does not know', async () => {
    const up = { name: '.', type: 'NS' as const, ttl: 9, data: 'a.root.example' }
    const down = { name: 'd.example', type: 'NS' as const, ttl: 9, data: 'ns.d.example' }
    for (const authorities of [[up], [down]]) {
      await using server = await scriptedServer({
        udp: (asked) => asked.send(answerTo(asked, { flags: 0, authorities })),
      })
      expect(await ask([server])).toMatchObject({ status: 'failed', tries: [{ code: 'LAME' }] })
    }
  })

  test('name servers beside an authoritative empty answer are no referral', async () => {
    const ns = { name: 'd.example', type: 'NS' as const, ttl: 9, data: 'ns.d.example' }
    await using server = await scriptedServer({
      udp: (asked) => asked.send(answerTo(asked, { flags: FLAG.AA, authorities: [ns] })),
    })
    expect(await ask([server])).toMatchObject({ status: 'absent', kind: 'NODATA' })
  })
})

describe('CNAME (DISC-5)', () => {
  const chain = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) =>
      alias(`c${from + i}.example`, `c${from + i + 1}.example`, 100 - i),
    )

  test('a chain of 8 within the answer is followed, and its least TTL counts', async () => {
    await using server = await scriptedServer({
      udp: (asked) =>
        asked.send(answerTo(asked, { answers: [...chain(0, 8), certRecord('c8.example', RDATA)] })),
    })
    const answer = await ask([server], PATIENT, 'c0.example')
    expect(answer).toMatchObject({ status: 'found', ttl: 93, records: [{ name: 'c8.example' }] })
  })

  test('a chain of 9 is not known', async () => {
    await using server = await scriptedServer({
      udp: (asked) =>
        asked.send(answerTo(asked, { answers: [...chain(0, 9), certRecord('c9.example', RDATA)] })),
    })
    expect(await ask([server], PATIENT, 'c0.example')).toMatchObject({
      status: 'failed',
      tries: [{ code: 'CNAME_LOOP' }],
    })
  })

  test.each([
    [8, 'found'],
    [9, 'failed'],
  ])('a chain of %i by asking on is %s', async (length, status) => {
    await using server = await scriptedServer({
      udp: (asked) => {
        const at = Number(asked.question.name.slice(1, -'.example'.length))
        asked.send(at < length ? answerTo(asked, { answers: chain(at, at + 1) }) : publishes(asked))
      },
    })
    expect(await ask([server], PATIENT, 'c0.example')).toMatchObject({ status })
  })

  test('a loop within the answer, or by asking on, is not known', async () => {
    const there = alias(NAME, 'b.example')
    const back = alias('b.example', 'LEE.d.example')
    await using within = await scriptedServer({
      udp: (asked) => asked.send(answerTo(asked, { answers: [there, back] })),
    })
    await using askingOn = await scriptedServer({
      udp: (asked) =>
        asked.send(answerTo(asked, { answers: asked.question.name === NAME ? [there] : [back] })),
    })
    for (const server of [within, askingOn]) {
      expect(await ask([server])).toMatchObject({ status: 'failed', tries: [{ code: 'CNAME_LOOP' }] })
    }
    expect(askingOn.log).toHaveLength(2)
  })

  test('an alias to a name that does not exist, or has no such record, is absence', async () => {
    const soa = soaRecord('example', 100, 100)
    for (const [flags, kind] of [
      [CODE.NXDOMAIN, 'NXDOMAIN'],
      [0, 'NODATA'],
    ] as const) {
      await using server = await scriptedServer({
        udp: (asked) =>
          asked.send(answerTo(asked, { flags, answers: [alias(NAME, 'b.example')], authorities: [soa] })),
      })
      expect(await ask([server])).toMatchObject({ status: 'absent', kind })
      expect(server.log).toHaveLength(1)
    }
  })

  test("a SOA of the alias's own zone says nothing of a target elsewhere, which is asked for", async () => {
    await using server = await scriptedServer({
      udp: (asked) => {
        const aliased = {
          answers: [alias(NAME, 'b.example')],
          authorities: [soaRecord('d.example', 100, 100)],
        }
        asked.send(asked.question.name === NAME ? answerTo(asked, aliased) : publishes(asked))
      },
    })
    expect(await ask([server])).toMatchObject({ status: 'found', records: [{ name: 'b.example' }] })
  })

  test('the target that the first server refuses is asked of the next', async () => {
    await using first = await scriptedServer({
      udp: (asked) =>
        asked.send(
          asked.question.name === NAME
            ? answerTo(asked, { answers: [alias(NAME, 'b.example')] })
            : answerTo(asked, { flags: CODE.REFUSED }),
        ),
    })
    await using second = await scriptedServer({ udp: (asked) => asked.send(publishes(asked)) })
    expect(await ask([first, second])).toMatchObject({ status: 'found', records: [{ name: 'b.example' }] })
  })
})

describe('many questions at once', () => {
  test('500 different ones are all answered', async () => {
    await using server = await scriptedServer({ udp: (asked) => asked.send(publishes(asked)) })
    const resolver = createResolver({ servers: [server], timeoutMs: PATIENT })
    const names = Array.from({ length: 500 }, (_, i) => `n${i}.d.example`)
    const answers = await Promise.all(names.map((name) => resolver.resolve(name, 'CERT')))
    expect(answers.map((answer) => answer.status === 'found' && answer.records[0]?.name)).toEqual(names)
  })

  test('the same one is put once, however it is spelled, and again when it is over', async () => {
    await using server = await scriptedServer({ udp: (asked) => asked.send(publishes(asked)) })
    const resolver = createResolver({ servers: [server], timeoutMs: PATIENT })
    const same = [NAME, 'LEE.D.Example', `${NAME}.`].map((name) => resolver.resolve(name, 'CERT'))
    for (const answer of await Promise.all(same)) expect(answer).toMatchObject({ status: 'found' })
    expect(server.log).toHaveLength(1)
    await resolver.resolve(NAME, 'CERT')
    expect(server.log).toHaveLength(2)
  })

  test('who gives up a shared question does not take it from the others', async () => {
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<Asked>()
    await using server = await scriptedServer({ udp: arrive })
    const resolver = createResolver({ servers: [server], timeoutMs: PATIENT })
    const impatient = new AbortController()
    const first = resolver.resolve(NAME, 'CERT', { signal: impatient.signal })
    const second = resolver.resolve(NAME, 'CERT')
    const asked = await arrived
    impatient.abort()
    await expect(first).rejects.toMatchObject({ code: 'ABORTED', temporary: true })
    asked.send(publishes(asked))
    expect(await second).toMatchObject({ status: 'found' })
    expect(server.log).toHaveLength(1)
  })

  test('an aborted question can be asked anew at once', async () => {
    let silent = true
    const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>()
    await using server = await scriptedServer({
      udp: (asked) => {
        if (!silent) asked.send(publishes(asked))
        arrive()
      },
    })
    const resolver = createResolver({ servers: [server], timeoutMs: PATIENT })
    const impatient = new AbortController()
    const first = resolver.resolve(NAME, 'CERT', { signal: impatient.signal })
    await arrived
    silent = false
    impatient.abort()
    await expect(first).rejects.toMatchObject({ code: 'ABORTED' })
    expect(await resolver.resolve(NAME, 'CERT')).toMatchObject({ status: 'found' })
  })

  test('a signal that has already fired puts no question', async () => {
    await using server = await scriptedServer({ udp: (asked) => asked.send(publishes(asked)) })
    const resolver = createResolver({ servers: [server], timeoutMs: PATIENT })
    const asking = resolver.resolve(NAME, 'CERT', { signal: AbortSignal.abort() })
    await expect(asking).rejects.toMatchObject({ code: 'ABORTED' })
    expect(server.log).toEqual([])
  })
})

test.each(['', '.', 'a..example', `${'x'.repeat(64)}.example`, `${'x.'.repeat(130)}example`, 'a b.example'])(
  'a name that DNS cannot carry is never put on the wire: %j',
  async (name) => {
    await using server = await scriptedServer({ udp: (asked) => asked.send(publishes(asked)) })
    expect(await ask([server], PATIENT, name)).toMatchObject({
      status: 'failed',
      tries: [{ code: 'MALFORMED' }],
    })
    expect(server.log).toEqual([])
  },
)
