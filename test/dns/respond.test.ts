import { X509Certificate } from 'node:crypto'
import { type Answer, type DecodedPacket, decode, encode, type Packet, type RecordClass } from 'dns-packet'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { encodeCertRecord, type Zone, zoneOf } from '../../dns/index.ts'
import { respond } from '../../dns/serve/respond.ts'
import { makeCertificate } from './certificates.ts'
import { CODE, derOf, FLAG } from './scripted-server.ts'

let domain: Buffer
let lee: Buffer
let zone: Zone

beforeAll(() => {
  domain = makeCertificate('rsa:2048', 'd.example')
  lee = makeCertificate('ec', 'dr.lee@d.example')
  zone = zoneOf([
    { name: 'd.example', der: domain },
    { name: 'Dr.Lee@d.example', der: lee },
    { name: 'kim@other.example', der: lee },
  ])
})

type Type = 'CERT' | 'SOA' | 'NS' | 'A' | 'AXFR' | 'IXFR' | 'ANY'

function opt(udpPayloadSize: number, ednsVersion = 0): Answer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize,
    extendedRcode: 0,
    ednsVersion,
    flags: 0,
    flag_do: false,
    options: [],
  }
}

function question(name: string, type: Type = 'CERT', more: Packet & { class?: RecordClass } = {}): Buffer {
  // dns-packet knows ANY by name, its types do not.
  const asked = { name, type: type as 'CERT', class: more.class ?? 'IN' }
  return encode({ type: 'query', id: 77, flags: FLAG.RD, questions: [asked], ...more })
}

interface Read {
  readonly packet: DecodedPacket
  readonly rcode: number
  readonly bytes: Buffer
}

function ask(bytes: Buffer, transport: 'udp' | 'tcp' = 'tcp'): Read {
  const answer = respond(bytes, zone, transport)
  if (answer === null) throw new Error('no answer')
  const packet = decode(answer)
  expect(decode.bytes).toBe(answer.length)
  expect(packet.id).toBe(77)
  expect(packet.flag_qr).toBe(true)
  return { packet, rcode: answer.readUInt16BE(2) & 0xf, bytes: answer }
}

describe('what is published (H1, H2)', () => {
  test('the certificate at the domain and at the address, authoritative, without recursion', () => {
    for (const [name, der] of [
      ['d.example', domain],
      ['dr.lee.d.example', lee],
      ['kim.other.example', lee],
    ] as const) {
      const { packet, rcode } = ask(question(name))
      expect(rcode).toBe(0)
      expect(packet).toMatchObject({ flag_aa: true, flag_ra: false, flag_rd: true, flag_tc: false })
      expect(packet.answers).toEqual([
        expect.objectContaining({ name, type: 'CERT', data: encodeCertRecord(der) }),
      ])
    }
  })

  test('SOA and NS at each apex, the serial from the newest certificate', () => {
    const newest = Math.max(
      ...[domain, lee].map((der) => new X509Certificate(der).validFromDate.getTime() / 1000),
    )
    for (const apex of ['d.example', 'other.example']) {
      expect(ask(question(apex, 'SOA')).packet.answers).toMatchObject([
        { name: apex, type: 'SOA', data: { serial: newest, mname: `ns.${apex}` } },
      ])
      expect(ask(question(apex, 'NS')).packet.answers).toMatchObject([{ name: apex, type: 'NS' }])
    }
  })

  test('the name server can be named', () => {
    const named = zoneOf([{ name: 'd.example', der: domain }], {
      nameServers: [{ name: 'NS1.host.example.', addresses: [] }],
    })
    const answer = respond(question('d.example', 'NS'), named, 'udp') as Buffer
    expect(decode(answer).answers).toMatchObject([{ data: 'ns1.host.example' }])
  })

  test('names are matched without case, and the question comes back as it was spelled', () => {
    const { packet } = ask(question('Dr.LEE.d.eXample'))
    expect(packet.questions).toMatchObject([{ name: 'Dr.LEE.d.eXample', type: 'CERT' }])
    expect(packet.answers).toHaveLength(1)
  })
})

describe('negative answers (RFC 2308)', () => {
  test.each<[string, Type, number]>([
    ['no.d.example', 'CERT', CODE.NXDOMAIN],
    ['deep.dr.lee.d.example', 'CERT', CODE.NXDOMAIN],
    ['lee.d.example', 'CERT', 0],
    ['d.example', 'A', 0],
    ['dr.lee.d.example', 'NS', 0],
    ['ns.d.example', 'A', 0],
    ['lee.d.example', 'ANY', 0],
    ['other.example', 'CERT', 0],
  ])('%s %s: code %i, with the SOA of its zone', (name, type, code) => {
    const { packet, rcode } = ask(question(name, type))
    expect(rcode).toBe(code)
    expect(packet.flag_aa).toBe(true)
    expect(packet.answers).toEqual([])
    const apex = name.endsWith('other.example') ? 'other.example' : 'd.example'
    expect(packet.authorities).toMatchObject([{ name: apex, type: 'SOA', ttl: 300, data: { minimum: 300 } }])
  })

  test('a dot within a label is no label break', () => {
    const name = Buffer.concat([Buffer.from('\x06dr.lee'), Buffer.from('\x01d\x07example\0')])
    const bytes = Buffer.concat([question('d.example').subarray(0, 12), name, Buffer.from([0, 37, 0, 1])])
    const { rcode, bytes: answer } = ask(bytes)
    expect(rcode).toBe(CODE.NXDOMAIN)
    expect(answer.subarray(12, 12 + name.length)).toEqual(name)
  })
})

describe('refusals', () => {
  test.each<[string, Buffer]>([
    ['a name outside', question('elsewhere.example')],
    ['a parent of ours', question('example')],
    ['the root', question('.')],
    ['a name that only ends alike', question('notd.example')],
    ['a transfer', question('d.example', 'AXFR')],
    ['an incremental transfer', question('d.example', 'IXFR')],
    [
      'another class',
      question('d.example', 'CERT', { questions: [{ name: 'd.example', type: 'CERT', class: 'CH' }] }),
    ],
  ])('%s is REFUSED, and gets nothing', (_, bytes) => {
    const { packet, rcode } = ask(bytes)
    expect(rcode).toBe(CODE.REFUSED)
    expect(packet).toMatchObject({ answers: [], authorities: [], flag_aa: false })
  })

  test('ANY brings one small record and no certificate (RFC 8482)', () => {
    const { packet } = ask(question('d.example', 'ANY'))
    expect(packet.answers).toMatchObject([{ type: 'HINFO' }])
    expect(ask(question('no.d.example', 'ANY')).rcode).toBe(CODE.NXDOMAIN)
  })

  test.each([1, 2, 4, 5])('opcode %i is NOTIMP', (opcode) => {
    const bytes = question('d.example')
    bytes.writeUInt16BE(opcode << 11, 2)
    expect(ask(bytes).rcode).toBe(CODE.NOTIMP)
  })

  test('no question, two questions, or one that cannot be read: FORMERR (RFC 9619)', () => {
    const one = { name: 'd.example', type: 'CERT' as const }
    const good = question('d.example')
    const pointing = Buffer.concat([good.subarray(0, 12), Buffer.from([0xc0, 12, 0, 37, 0, 1])])
    const odd = [
      question('d.example', 'CERT', { questions: [] }),
      question('d.example', 'CERT', { questions: [one, one] }),
      good.subarray(0, good.length - 3),
      pointing,
      question('d.example', 'CERT', { additionals: [opt(1232), opt(1232)] }),
      question('d.example', 'CERT', { additionals: [opt(1232)] }).subarray(0, -2),
    ]
    for (const bytes of odd) expect(ask(bytes).rcode).toBe(CODE.FORMERR)
  })

  test('answers, and what is too short for a header, are not answered', () => {
    const answer = ask(question('d.example')).bytes
    expect(respond(answer, zone, 'udp')).toBeNull()
    expect(respond(Buffer.alloc(11), zone, 'udp')).toBeNull()
    expect(respond(Buffer.alloc(0), zone, 'udp')).toBeNull()
  })
})

describe('EDNS and size (RFC 6891)', () => {
  const big = () => zoneOf([1, 2, 3].map(() => ({ name: 'd.example', der: makeCertificate('rsa:2048') })))

  test('EDNS is answered with EDNS of our own size, and not without', () => {
    const { packet } = ask(question('d.example', 'CERT', { additionals: [opt(4096)] }))
    expect(packet.additionals).toMatchObject([{ type: 'OPT', udpPayloadSize: 1232, ednsVersion: 0 }])
    expect(ask(question('d.example')).packet.additionals).toEqual([])
  })

  test('an unknown EDNS version is BADVERS', () => {
    const { packet, rcode } = ask(question('d.example', 'CERT', { additionals: [opt(1232, 1)] }))
    expect(rcode).toBe(0)
    expect(packet.additionals).toMatchObject([{ extendedRcode: 1 }])
    expect(packet.answers).toEqual([])
  })

  test.each<[string, Answer[]]>([
    ['512 bytes without EDNS', []],
    ['the client size', [opt(600)]],
    ['512 bytes where the client names less', [opt(1)]],
  ])('an answer over UDP that exceeds %s is truncated, and whole over TCP', (_, additionals) => {
    const bytes = question('d.example', 'CERT', { additionals })
    const { packet, bytes: answer } = ask(bytes, 'udp')
    expect(packet).toMatchObject({ flag_tc: true, flag_aa: true, answers: [] })
    expect(answer.length).toBeLessThan(512)
    expect(ask(bytes, 'tcp').packet).toMatchObject({ flag_tc: false, answers: [{ type: 'CERT' }] })
  })

  test('UDP brings no more than 1232 bytes, whatever the client allows', () => {
    const bytes = question('d.example', 'CERT', { additionals: [opt(65_535)] })
    expect(decode(respond(bytes, big(), 'udp') as Buffer)).toMatchObject({ flag_tc: true, answers: [] })
  })

  test('an answer that fits comes over UDP', () => {
    expect(
      ask(question('d.example', 'CERT', { additionals: [opt(1232)] }), 'udp').packet.answers,
    ).toHaveLength(1)
  })
})

describe('hostile packets', () => {
  test('no bytes make the responder throw, and what it says can be read', () => {
    const packets = fc.oneof(
      fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
      mutated(question('dr.lee.d.example', 'CERT', { additionals: [opt(1232)] })),
      mutated(question('d.example', 'SOA', { additionals: [opt(512)] })),
    )
    fc.assert(
      fc.property(packets, fc.constantFrom('udp' as const, 'tcp' as const), (bytes, transport) => {
        const answer = respond(bytes, zone, transport)
        if (answer === null) return
        decode(answer)
        expect(decode.bytes).toBe(answer.length)
        expect(answer.readUInt16BE(2) & 0x8000).toBe(0x8000)
        if (transport === 'udp') expect(answer.length).toBeLessThanOrEqual(1232)
      }),
      { numRuns: 1000 },
    )
  })

  /** A good packet with bytes changed, cut off or added. */
  function mutated(packet: Buffer): fc.Arbitrary<Buffer> {
    const change = fc.record({ at: fc.nat(packet.length - 1), to: fc.nat(255) })
    return fc
      .tuple(fc.array(change, { maxLength: 6 }), fc.nat(packet.length), fc.uint8Array({ maxLength: 40 }))
      .map(([changes, cut, more]) => {
        const bytes = Buffer.from(packet)
        for (const { at, to } of changes) bytes[at] = to
        return Buffer.concat([bytes.subarray(0, bytes.length - Math.floor(cut / 8)), more])
      })
  }
})

describe('a zone that cannot be', () => {
  test.each([
    ['a name that is neither', 'not a name', 'CONFIG_INVALID'],
    ['an address whose label is too long for DNS', `${'x'.repeat(64)}@d.example`, 'CONFIG_INVALID'],
  ])('%s', (_, name, code) => {
    expect(() => zoneOf([{ name, der: domain }])).toThrow(expect.objectContaining({ code }))
  })

  test('bytes that are no certificate', () => {
    expect(() => zoneOf([{ name: 'd.example', der: derOf(40) }])).toThrow(
      expect.objectContaining({ code: 'CERT_UNREADABLE' }),
    )
  })

  test('a domain that is also an address of its parent is one name in two zones', () => {
    const both = zoneOf([
      { name: 'a.b@d.example', der: lee },
      { name: 'a.b.d.example', der: domain },
    ])
    const answer = decode(respond(question('a.b.d.example'), both, 'tcp') as Buffer)
    expect(answer.answers).toHaveLength(2)
    const nothing = decode(respond(question('b.d.example'), both, 'tcp') as Buffer)
    expect(nothing.authorities).toMatchObject([{ name: 'd.example', type: 'SOA' }])
  })
})
