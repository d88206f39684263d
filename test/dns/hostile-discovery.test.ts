import { describe, expect, test } from 'vitest'
import { type Address, parseAddress } from '../../agent/address.ts'
import { discoverDeciding, type HostPort, type Place } from '../../dns/index.ts'
import { createResolver } from '../../dns/resolver/index.ts'
import { literalNetwork } from './literal-zone.ts'
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
const DER = derOf(60)
const RDATA = certRdata(DER)
/** Milliseconds: for servers that answer, and for those that never do. */
const PATIENT = 5000
const HASTY = 200

type Script = (asked: Asked) => void

const good = (asked: Asked) => answerTo(asked, { answers: [certRecord(NAME, RDATA)] })
const truncated: Script = (asked) => asked.send(answerTo(asked, { flags: FLAG.AA | FLAG.TC }))
const says =
  (flags: number): Script =>
  (asked) =>
    asked.send(answerTo(asked, { flags }))

/** An answer as `good`, with these bytes as its one record. */
function withRecord(asked: Asked, record: Buffer): Buffer {
  const empty = answerTo(asked)
  empty.writeUInt16BE(1, 6)
  return Buffer.concat([empty, record])
}

/** Name, type CERT, class IN, TTL, length. */
function rawRecord(name: Buffer, length: number, data: Buffer): Buffer {
  const fixed = Buffer.from([0, 37, 0, 1, 0, 0, 1, 0, length >> 8, length & 0xff])
  return Buffer.concat([name, fixed, data])
}

const THE_QUESTION = Buffer.from([0xc0, 12])

async function search(servers: readonly HostPort[], timeoutMs = PATIENT): Promise<readonly Place[]> {
  const network = literalNetwork(createResolver({ servers, timeoutMs }))
  return discoverDeciding(parseAddress('lee@d.example') as Address, { configured: () => [], network })
}

const statuses = (places: readonly Place[]) => places.slice(1).map(({ status }) => status)
const NOT_KNOWN = ['failed', 'not-asked', 'not-asked', 'not-asked', 'not-asked']

describe('what a name server does to us is not known, and no later place is asked (DISC-5, DISC-6)', () => {
  const broken: readonly [string, { udp?: Script; tcp?: Script }, string, number?][] = [
    [
      'a name that points to itself',
      { udp: (a) => a.send(withRecord(a, rawRecord(pointerTo(a), 60, RDATA))) },
      'MALFORMED',
    ],
    [
      'two names that point at each other',
      {
        udp: (a) => {
          const at = answerTo(a).length
          const loop = Buffer.from([0xc0, at + 2, 0xc0, at])
          a.send(withRecord(a, rawRecord(loop, 60, RDATA)))
        },
      },
      'MALFORMED',
    ],
    [
      'a record that claims more than there is',
      { udp: (a) => a.send(withRecord(a, rawRecord(THE_QUESTION, RDATA.length + 1, RDATA))) },
      'MALFORMED',
    ],
    [
      'more records counted than sent',
      {
        udp: (a) => {
          const answer = good(a)
          answer.writeUInt16BE(0xffff, 6)
          a.send(answer)
        },
      },
      'MALFORMED',
    ],
    [
      'a CNAME loop',
      { udp: (a) => a.send(answerTo(a, { answers: [alias(NAME, 'b.example'), alias('b.example', NAME)] })) },
      'CNAME_LOOP',
    ],
    [
      'nine CNAMEs in a row',
      {
        udp: (a) => {
          const names = [NAME, ...Array.from({ length: 9 }, (_, i) => `c${i}.example`)]
          const chain = names.slice(1).map((target, i) => alias(names[i] as string, target))
          a.send(answerTo(a, { answers: [...chain, certRecord('c8.example', RDATA)] }))
        },
      },
      'CNAME_LOOP',
    ],
    [
      'a CNAME to a label with a dot in it',
      {
        udp: (a) => {
          const target = Buffer.concat([Buffer.from([9]), Buffer.from('b.example'), Buffer.from([0])])
          const record = rawRecord(THE_QUESTION, target.length, target)
          record[3] = 5
          a.send(withRecord(a, record))
        },
      },
      'MALFORMED',
    ],
    ['TC, and then a closed TCP port', { udp: truncated }, 'UNREACHABLE'],
    [
      'TC, and then a TCP connection that is dropped',
      { udp: truncated, tcp: (a) => a.socket?.destroy() },
      'UNREACHABLE',
    ],
    ['TC over TCP', { udp: truncated, tcp: truncated }, 'TRUNCATED'],
    ['FORMERR to EDNS and to a plain question', { udp: says(CODE.FORMERR) }, 'FORMERR'],
    ['NOTIMP to both', { udp: says(CODE.NOTIMP) }, 'NOTIMP'],
    ['SERVFAIL', { udp: says(CODE.SERVFAIL) }, 'SERVFAIL'],
    ['REFUSED', { udp: says(CODE.REFUSED) }, 'REFUSED'],
    [
      'wrong ids without end',
      { udp: (a) => a.send(answerTo(a, { id: a.id ^ 1, flags: CODE.NXDOMAIN })) },
      'TIMEOUT',
      HASTY,
    ],
    [
      'answers to another question without end',
      {
        udp: (a) =>
          a.send(
            answerTo(a, { flags: CODE.NXDOMAIN, questions: [{ ...a.question, name: 'kim.d.example' }] }),
          ),
      },
      'TIMEOUT',
      HASTY,
    ],
    ['TC, and then an answer that drips, a byte at a time', { udp: truncated, tcp: drip }, 'TIMEOUT', HASTY],
    [
      'TC, and then a length that promises more than comes',
      {
        udp: truncated,
        tcp: (a) => a.socket?.end(Buffer.concat([Buffer.from([0xff, 0xff]), good(a)])),
      },
      'UNREACHABLE',
    ],
    [
      'TC, and then a length that cuts the answer short',
      {
        udp: truncated,
        tcp: (a) => {
          const cut = framed(good(a))
          cut.writeUInt16BE(cut.length - 12)
          a.socket?.write(cut)
        },
      },
      'MALFORMED',
    ],
    ['TC, and then 64 KB of garbage', { udp: truncated, tcp: (a) => a.send(garbage(a)) }, 'MALFORMED'],
  ]

  test.each(broken)('%s', async (_, script, code, timeoutMs) => {
    await using server = await scriptedServer(script)
    const places = await search([server], timeoutMs)
    expect(statuses(places)).toEqual(NOT_KNOWN)
    expect(places[1]?.notes.join()).toContain(code)
  })

  test.each(broken)(
    '%s: the next server is asked, and its answer counts',
    async (_, script, _code, timeoutMs) => {
      await using bad = await scriptedServer(script)
      await using fine = await scriptedServer({ udp: (asked) => asked.send(good(asked)) })
      const places = await search([bad, fine], timeoutMs)
      expect(places[1]).toMatchObject({ status: 'found', certificates: [DER] })
    },
  )
})

/** A pointer to where it stands itself, when it is the first thing behind the question. */
function pointerTo(asked: Asked): Buffer {
  return Buffer.from([0xc0, answerTo(asked).length])
}

/** Right id and question, then bytes that are nothing. */
function garbage(asked: Asked): Buffer {
  const head = answerTo(asked)
  head.writeUInt16BE(400, 6)
  return Buffer.concat([head, Buffer.alloc(65_535 - head.length, 0xbf)])
}

function drip({ socket, ...asked }: Asked): void {
  const bytes = framed(good({ socket, ...asked }))
  let at = 0
  const next = () => {
    if (socket?.writable && at < bytes.length)
      socket.write(bytes.subarray(at, ++at), () => setTimeout(next, 20))
  }
  next()
}

describe('what a name server may do, and is understood all the same (DISC-5)', () => {
  test.each<[string, { udp?: Script; tcp?: Script }]>([
    ['it ignores EDNS', { udp: (a) => a.send(good(a)) }],
    ['it has FORMERR for EDNS', { udp: (a) => (a.edns ? says(CODE.FORMERR)(a) : a.send(good(a))) }],
    [
      'it has FORMERR for EDNS, and no question in it',
      {
        udp: (a) => a.send(a.edns ? answerTo(a, { flags: CODE.FORMERR, questions: [] }) : good(a)),
      },
    ],
    ['it has NOTIMP for EDNS', { udp: (a) => (a.edns ? says(CODE.NOTIMP)(a) : a.send(good(a))) }],
    ['it is to be had over TCP only', { tcp: (a) => a.send(good(a)) }],
    ['it is to be had over UDP only', { udp: (a) => a.send(good(a)) }],
    [
      'it writes its names with pointers',
      { udp: (a) => a.send(withRecord(a, rawRecord(THE_QUESTION, RDATA.length, RDATA))) },
    ],
    [
      'it sends a garbled record beside a good one',
      {
        udp: (a) => {
          const beside = [Buffer.alloc(0), Buffer.from([9]), certRdata(Buffer.alloc(70, 0xff))]
          a.send(answerTo(a, { answers: [...beside, RDATA].map((rdata) => certRecord(NAME, rdata)) }))
        },
      },
    ],
    [
      'it sends forged answers first',
      {
        udp: (a) => {
          for (const id of [a.id ^ 1, a.id ^ 2]) a.send(answerTo(a, { id, flags: CODE.NXDOMAIN }))
          a.send(good(a))
        },
      },
    ],
  ])('%s', async (_, script) => {
    await using server = await scriptedServer(script)
    expect((await search([server]))[1]).toMatchObject({ status: 'found', certificates: [DER] })
  })

  test('64 KB over TCP, garbage beside the good', async () => {
    const big = certRdata(Buffer.alloc(64_000, 0xff))
    await using server = await scriptedServer({
      udp: truncated,
      tcp: (a) => a.send(answerTo(a, { answers: [certRecord(NAME, big), certRecord(NAME, RDATA)] })),
    })
    const [, place] = await search([server])
    expect(place).toMatchObject({ status: 'found', certificates: [DER] })
    expect(place?.notes).toHaveLength(1)
  })

  test.each([
    ['NXDOMAIN with a SOA', CODE.NXDOMAIN, [soaRecord('d.example', 300, 120)], 120],
    ['NXDOMAIN without one', CODE.NXDOMAIN, [], 60],
    ['NODATA with a SOA', 0, [soaRecord('d.example', 300, 120)], 120],
    ['NODATA without one', 0, [], 60],
  ])('%s is absence, and the search goes on (DISC-6)', async (_, flags, authorities, ttl) => {
    await using server = await scriptedServer({
      udp: (a) => {
        const isAddress = a.question.name === NAME
        const atDomain = [certRecord('d.example', RDATA)]
        a.send(answerTo(a, isAddress ? { flags: FLAG.AA | flags, authorities } : { answers: atDomain }))
      },
    })
    const places = await search([server])
    expect(statuses(places).slice(0, 2)).toEqual(['absent', 'found'])
    expect(places[1]?.ttl).toBe(ttl)
  })
})
