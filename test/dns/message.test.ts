import { SocketAddress } from 'node:net'
import { type Answer, encode } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { interpret } from '../../dns/resolver/interpret.ts'
import { HEADER, readMessage } from '../../dns/resolver/message.ts'
import { Malformed, readName, skipName } from '../../dns/resolver/wire-name.ts'
import { certRdata, derOf } from './scripted-server.ts'

const TYPE = { A: 1, NS: 2, CNAME: 5, SOA: 6, TXT: 16, AAAA: 28, SRV: 33, CERT: 37, OPT: 41, NSEC: 47 }
const ROOT = Buffer.from([0])
const GOOD = certRdata(derOf(60))

function name(...labels: readonly (string | Buffer)[]): Buffer {
  const parts = labels.map((label) => Buffer.from(label as string, 'latin1'))
  return Buffer.concat([...parts.flatMap((part) => [Buffer.from([part.length]), part]), ROOT])
}

function pointer(to: number): Buffer {
  return Buffer.from([0xc0 | (to >> 8), to & 0xff])
}

interface Raw {
  readonly owner?: Buffer
  readonly type?: number
  readonly class?: number
  readonly ttl?: number
  readonly data?: Buffer
  /** What RDLENGTH says. */
  readonly length?: number
}

function record({
  owner = ROOT,
  type = TYPE.CERT,
  ttl = 60,
  data = GOOD,
  length,
  ...more
}: Raw = {}): Buffer {
  const fixed = Buffer.alloc(10)
  fixed.writeUInt16BE(type, 0)
  fixed.writeUInt16BE(more.class ?? 1, 2)
  fixed.writeUInt32BE(ttl, 4)
  fixed.writeUInt16BE(length ?? data.length, 8)
  return Buffer.concat([owner, fixed, data])
}

/** A message without a question; `counts` instead of the true numbers. */
function message(sections: readonly (readonly Buffer[])[], counts?: readonly number[]): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeUInt16BE(0x8400, 2)
  for (const [i, section] of [0, 1, 2].entries())
    header.writeUInt16BE(counts?.[i] ?? sections[section]?.length ?? 0, 6 + 2 * i)
  return Buffer.concat([header, ...sections.flat()])
}

function read(...sections: readonly (readonly Buffer[])[]) {
  return readMessage(message(sections), HEADER)
}

function whyOf(outcome: ReturnType<typeof readMessage>): string {
  return outcome instanceof Malformed ? outcome.message : 'read'
}

const labels = fc.stringMatching(/^[a-z0-9_+'-]{1,12}$/)
const names = fc.array(labels, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.'))
const u16 = fc.nat(0xffff)
const u32 = fc.nat(0xffffffff)
const ipv6 = fc.ipV6().map((address) => new SocketAddress({ address, family: 'ipv6' }).address)

/** Records of the types that we ask for, as another program's encoder takes them. */
const records: fc.Arbitrary<Answer> = fc
  .tuple(
    names,
    fc.nat(0x7fffffff),
    fc.oneof(
      fc.record({ type: fc.constant('A' as const), data: fc.ipV4() }),
      fc.record({ type: fc.constant('AAAA' as const), data: ipv6 }),
      fc.record({ type: fc.constantFrom('NS' as const, 'CNAME' as const), data: names }),
      fc.record({
        type: fc.constant('CERT' as const),
        data: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      }),
      fc.record({
        type: fc.constant('SRV' as const),
        data: fc.record({ priority: u16, weight: u16, port: u16, target: fc.oneof(names, fc.constant('.')) }),
      }),
      fc.record({
        type: fc.constant('SOA' as const),
        data: fc.record({
          mname: names,
          rname: names,
          serial: u32,
          refresh: u32,
          retry: u32,
          expire: u32,
          minimum: u32,
        }),
      }),
    ),
  )
  .map(([owner, ttl, one]) => ({ ...one, name: owner, ttl }) as Answer)

describe('reading the records of an answer', () => {
  test("what another program's encoder wrote is read as it was meant", () => {
    fc.assert(
      fc.property(
        fc.array(records, { maxLength: 6 }),
        fc.array(records, { maxLength: 3 }),
        (answers, authorities) => {
          const bytes = encode({ type: 'response', id: 1, flags: 0x400, answers, authorities })
          expect(readMessage(bytes, HEADER)).toEqual({ rcode: 0, authoritative: true, answers, authorities })
        },
      ),
    )
  })

  test('no bytes make it throw, and what it hands out is never more than what came', () => {
    const some = fc.uint8Array({ minLength: HEADER, maxLength: 400 }).map((bytes) => Buffer.from(bytes))
    const changed = fc
      .tuple(
        fc.array(records, { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(u16, fc.nat(255)), { maxLength: 8 }),
      )
      .map(([answers, changes]) => {
        const bytes = encode({ type: 'response', id: 1, answers })
        for (const [at, to] of changes) bytes[at % bytes.length] = to
        return bytes
      })
    fc.assert(
      fc.property(fc.oneof(some, changed), names, (bytes, asked) => {
        const outcome = readMessage(bytes, HEADER)
        if (outcome instanceof Malformed) return
        for (const type of ['CERT', 'A', 'AAAA', 'SRV', 'SOA', 'NS'] as const) {
          const reading = interpret(outcome, { names: [asked], ttl: 60 }, type)
          expect(['found', 'NXDOMAIN', 'NODATA', 'alias', 'failed']).toContain(reading.kind)
        }
        const held = [...outcome.answers, ...outcome.authorities]
        const raw = held.reduce((sum, { data }) => sum + (Buffer.isBuffer(data) ? data.length : 0), 0)
        expect(raw).toBeLessThanOrEqual(bytes.length)
        expect(held.length * 11).toBeLessThanOrEqual(bytes.length)
      }),
      { numRuns: 2000 },
    )
  })

  test('records of other classes, and types that we never ask for, are passed over by their length', () => {
    const nsec = record({ type: TYPE.NSEC, data: Buffer.alloc(3, 0xff) })
    const outcome = read([
      nsec,
      record({ class: 3 }),
      record(),
      record({ type: TYPE.TXT, data: Buffer.from([9]) }),
    ])
    expect(outcome).toMatchObject({
      answers: [
        { type: 'TYPE47', data: null },
        { type: 'CERT', data: GOOD },
        { type: 'TYPE16', data: null },
      ],
    })
  })

  test('the upper bits of the code are read from OPT, whatever its options hold (RFC 6891 6.1.3)', () => {
    const options = Buffer.from([0, 8, 0xff, 0xff, 9])
    const opt = record({ type: TYPE.OPT, class: 1232, ttl: 0x01000000, data: options })
    expect(read([], [], [opt])).toMatchObject({ rcode: 16 })
  })

  test('a TTL with the top bit set counts as zero (RFC 2181 8)', () => {
    expect(read([record({ ttl: 0x80000000 })])).toMatchObject({ answers: [{ ttl: 0 }] })
  })

  test('a dot within a label is not one between two', () => {
    expect(read([record({ owner: name('a.b', 'example') })])).toMatchObject({
      answers: [{ name: 'a\\046b.example' }],
    })
  })
})

describe('a message that does not add up is refused before there is work in it (DISC-6)', () => {
  const short = record({ data: Buffer.alloc(0) })

  test.each<[string, Buffer, RegExp]>([
    ['65,535 records in no bytes', message([], [0xffff, 0xffff, 0xffff]), /fewer records than it counts/],
    ['one record more than there is', message([[short]], [2]), /fewer records than it counts/],
    ['501 records', message([Array<Buffer>(501).fill(short)]), /more than 500 records/],
    [
      'a record that ends within its header',
      message([[record({ owner: name('abc', 'def') }).subarray(0, 11)]]),
      /within its header/,
    ],
    ['a length past the end', message([[record({ length: 0xffff })]]), /longer than the message/],
    ['an A record of 3 bytes', message([[record({ type: TYPE.A, data: Buffer.alloc(3) })]]), /wrong length/],
    [
      'an AAAA record of 4 bytes',
      message([[record({ type: TYPE.AAAA, data: Buffer.alloc(4) })]]),
      /wrong length/,
    ],
    [
      'an SRV record without a target',
      message([[record({ type: TYPE.SRV, data: Buffer.alloc(6) })]]),
      /ends outside/,
    ],
    [
      'an SRV record whose target goes on behind it',
      message([
        [record({ type: TYPE.SRV, data: Buffer.concat([Buffer.alloc(6), name('d', 'example')]), length: 9 })],
      ]),
      /RDATA that is not as long/,
    ],
    [
      'a CNAME with bytes behind its name',
      message([[record({ type: TYPE.CNAME, data: Buffer.concat([name('d'), Buffer.alloc(4)]) })]]),
      /RDATA that is not as long/,
    ],
    [
      'a SOA of 20 bytes',
      message([[record({ type: TYPE.SOA, data: Buffer.alloc(20) })]]),
      /RDATA that is not/,
    ],
  ])('%s', (_, bytes, why) => {
    expect(whyOf(readMessage(bytes, HEADER))).toMatch(why)
  })

  const firstName = HEADER
  test.each<[string, Buffer, RegExp]>([
    ['that points to itself', pointer(firstName), /not before it/],
    ['that points forward', pointer(firstName + 4), /not before it/],
    ['that points into the header', pointer(2), /not before it/],
    [
      'that leads to its own start',
      Buffer.concat([Buffer.from([1, 0x61]), pointer(firstName)]),
      /not before it/,
    ],
    ['with a label of a kind of its own', Buffer.from([0x41, 0x61]), /unknown kind/],
    ['of 256 bytes', name(...Array<string>(4).fill('a'.repeat(63))), /more than 255 bytes/],
    ['of 128 labels', name(...Array<string>(128).fill('a')), /more than 255 bytes/],
  ])('a name %s', (_, owner, why) => {
    expect(whyOf(read([record({ owner })]))).toMatch(why)
  })

  test('two names that point at each other', () => {
    const first = record({ type: TYPE.CNAME, owner: ROOT, data: pointer(HEADER + 11 + 2 + 11) })
    const second = record({ type: TYPE.CNAME, owner: ROOT, data: pointer(HEADER + 11) })
    expect(whyOf(read([first, second]))).toMatch(/not before it/)
  })

  test('a name of 255 bytes, and one of 16 pointers, is still read', () => {
    const long = name(...Array<string>(3).fill('a'.repeat(63)), 'a'.repeat(61))
    expect(long).toHaveLength(255)
    expect(whyOf(read([record({ owner: long })]))).toBe('read')
    expect(whyOf(readMessage(chained(16), HEADER))).toBe('read')
    expect(whyOf(readMessage(chained(17), HEADER))).toMatch(/more than 16 pointers/)
  })
})

/** A record of a type that nobody reads, full of pointers each to the one before, and a record whose name is the last. */
function chained(pointers: number): Buffer {
  const start = HEADER + 11
  const hops = Array.from({ length: pointers - 1 }, (_, i) =>
    pointer(i === 0 ? start : start + 1 + 2 * (i - 1)),
  )
  const chain = record({ type: 65_280, data: Buffer.concat([ROOT, ...hops]) })
  const last = hops.length === 0 ? start : start + 1 + 2 * (hops.length - 1)
  return message([[chain, record({ owner: pointer(last) })]])
}

test('a name ends where it is passed over as where it is read', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 13, maxLength: 300 }), fc.nat(299), (array, at) => {
      const bytes = Buffer.from(array)
      let end: number
      try {
        end = readName(bytes, at).end
      } catch (error) {
        expect(error).toBeInstanceOf(Malformed)
        return
      }
      expect(skipName(bytes, at)).toBe(end)
    }),
    { numRuns: 2000 },
  )
})
