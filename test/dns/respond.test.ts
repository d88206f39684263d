import { X509Certificate } from 'node:crypto'
import { type Answer, type DecodedPacket, decode, encode, type Packet, type RecordClass } from 'dns-packet'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { encodeCertRecord } from '../../dns/resolver/index.ts'
import { readEdns, readQuestion } from '../../dns/serve/query.ts'
import { respond, respondTruncated } from '../../dns/serve/respond.ts'
import { hostsWithoutAddress, type Zone, zoneOf } from '../../dns/zone/index.ts'
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

type Type = 'CERT' | 'SOA' | 'NS' | 'MX' | 'A' | 'AAAA' | 'SRV' | 'DS' | 'AXFR' | 'IXFR' | 'ANY'

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

function ask(bytes: Buffer, transport: 'udp' | 'tcp' = 'tcp', of = zone): Read {
  const answer = respond(bytes, of, transport)
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
      nameServers: ['NS1.host.example.'],
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

describe('directories and name servers (DISC-7)', () => {
  const served = () =>
    zoneOf(
      [
        { name: 'd.example', der: domain },
        { name: 'kim@other.example', der: lee },
      ],
      {
        nameServers: ['ns1.d.example', 'ns.elsewhere.example'],
        mailServers: ['MX1.d.example', 'mx2.elsewhere.example'],
        addresses: new Map([
          ['ns1.d.example', ['192.0.2.1', '2001:db8::1']],
          ['ns.elsewhere.example', ['198.51.100.1']],
          ['mx1.d.example', ['192.0.2.25']],
        ]),
        directories: [
          { host: 'ns1.d.example', port: 389 },
          { host: 'ldap.elsewhere.example', port: 636 },
        ],
        ttl: 600,
        serial: 7,
      },
    )

  test('SRV at each domain, the first directory preferred, with its addresses where they are ours', () => {
    for (const apex of ['d.example', 'other.example']) {
      const { packet } = ask(question(`_ldap._tcp.${apex}`, 'SRV'), 'udp', served())
      expect(packet.answers).toMatchObject([
        { type: 'SRV', ttl: 600, data: { priority: 0, weight: 0, port: 389, target: 'ns1.d.example' } },
        {
          type: 'SRV',
          ttl: 600,
          data: { priority: 1, weight: 0, port: 636, target: 'ldap.elsewhere.example' },
        },
      ])
      expect(packet.additionals).toMatchObject([
        { name: 'ns1.d.example', type: 'A', data: '192.0.2.1' },
        { name: 'ns1.d.example', type: 'AAAA', data: '2001:db8::1' },
      ])
    }
    expect(ask(question('_tcp.d.example', 'SRV'), 'udp', served()).rcode).toBe(0)
  })

  test('every name server is named, the first is the primary, and addresses are those of our own names alone', () => {
    const { packet } = ask(question('d.example', 'NS'), 'udp', served())
    expect(packet.answers).toMatchObject([{ data: 'ns1.d.example' }, { data: 'ns.elsewhere.example' }])
    expect(packet.additionals).toMatchObject([{ type: 'A' }, { type: 'AAAA' }])
    expect(ask(question('other.example', 'SOA'), 'udp', served()).packet.answers).toMatchObject([
      { data: { mname: 'ns1.d.example', serial: 7 } },
    ])
    expect(ask(question('ns1.d.example', 'AAAA'), 'udp', served()).packet.answers).toMatchObject([
      { data: '2001:db8::1' },
    ])
    expect(ask(question('ns.elsewhere.example', 'A'), 'udp', served()).rcode).toBe(CODE.REFUSED)
  })

  test('MX at each domain, the first mail server preferred, with its addresses where they are ours', () => {
    for (const apex of ['d.example', 'other.example']) {
      const { packet } = ask(question(apex, 'MX'), 'udp', served())
      expect(packet.answers).toMatchObject([
        { type: 'MX', data: { preference: 10, exchange: 'mx1.d.example' } },
        { type: 'MX', data: { preference: 20, exchange: 'mx2.elsewhere.example' } },
      ])
      expect(packet.additionals).toMatchObject([{ name: 'mx1.d.example', type: 'A', data: '192.0.2.25' }])
    }
    // An address takes no mail of its own, and a domain without mail servers says so (RFC 2308 2.2).
    expect(ask(question('kim.other.example', 'MX'), 'udp', served())).toMatchObject({ rcode: 0 })
    const { rcode, packet } = ask(question('d.example', 'MX'))
    expect({ rcode, answers: packet.answers }).toEqual({ rcode: 0, answers: [] })
    expect(packet.authorities).toMatchObject([{ type: 'SOA', name: 'd.example' }])
  })

  test('what nobody asked for is left out before the answer is truncated', () => {
    const nameServers = Array.from({ length: 13 }, (_, i) => `ns${i}.d.example`)
    const addresses = new Map(nameServers.map((name) => [name, ['192.0.2.1', '2001:db8::1']]))
    const many = zoneOf([{ name: 'd.example', der: domain }], { nameServers, addresses })
    const { packet } = ask(question('d.example', 'NS'), 'udp', many)
    expect(packet).toMatchObject({ flag_tc: false, additionals: [] })
    expect(packet.answers).toHaveLength(13)
    expect(ask(question('d.example', 'NS'), 'tcp', many).packet.additionals).toHaveLength(26)
  })

  test('a domain without a certificate is a zone all the same', () => {
    const empty = zoneOf([], { also: ['lee@d.example'], serial: 1 })
    expect(ask(question('d.example', 'SOA'), 'udp', empty).packet.answers).toHaveLength(1)
    expect(ask(question('d.example'), 'udp', empty)).toMatchObject({ rcode: 0 })
    expect(ask(question('lee.d.example'), 'udp', empty)).toMatchObject({ rcode: CODE.NXDOMAIN })
  })

  test('DS at the cut between two zones of ours belongs to the upper one (RFC 4035 3.1.4.1)', () => {
    const both = zoneOf([], { also: ['d.example', 'sub.d.example'], serial: 1 })
    const soaOf = (name: string) => ask(question(name, 'DS'), 'udp', both).packet.authorities
    expect(soaOf('sub.d.example')).toMatchObject([{ name: 'd.example', type: 'SOA' }])
    expect(soaOf('d.example')).toMatchObject([{ name: 'd.example', type: 'SOA' }])
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

  test('names that the question ends in are pointers, so that a certificate of RSA 2048 fits into 1232 bytes', () => {
    const { bytes, packet } = ask(question('d.example', 'CERT', { additionals: [opt(1232)] }), 'udp')
    const rdata = encodeCertRecord(domain)
    expect(bytes.length).toBe(12 + 15 + 2 + 10 + rdata.length + 11)
    expect(packet.answers).toMatchObject([{ name: 'd.example', data: rdata }])
  })

  test('DO, AD, CD and options that we know nothing of are passed over, and none comes back (RFC 6891 6.1.2)', () => {
    const asked = {
      ...opt(1232),
      flags: 0x8000,
      flag_do: true,
      options: [{ code: 3, data: Buffer.alloc(0) }],
    }
    const bytes = question('d.example', 'CERT', { additionals: [asked as Answer] })
    bytes.writeUInt16BE(bytes.readUInt16BE(2) | 0x30, 2)
    const { packet, rcode } = ask(bytes, 'udp')
    expect(rcode).toBe(0)
    expect(packet).toMatchObject({ flag_ad: false, flag_cd: false, answers: [{ type: 'CERT' }] })
    expect(packet.additionals).toMatchObject([{ type: 'OPT', flags: 0, options: [] }])
  })

  test('an OPT record elsewhere than at the root of the additional section is FORMERR', () => {
    const good = question('d.example', 'CERT', { additionals: [opt(1232)] })
    const inAnswers = Buffer.from(good)
    inAnswers.writeUInt16BE(1, 6)
    inAnswers.writeUInt16BE(0, 10)
    const owned = Buffer.concat([good.subarray(0, -11), Buffer.from([1, 0x61]), good.subarray(-11)])
    for (const bytes of [inAnswers, owned]) expect(ask(bytes).rcode).toBe(CODE.FORMERR)
  })

  test('bytes after the last record change nothing', () => {
    const bytes = Buffer.concat([question('d.example', 'CERT', { additionals: [opt(1232)] }), derOf(50)])
    expect(ask(bytes, 'udp').packet.answers).toHaveLength(1)
  })

  test('an answer that fits comes over UDP', () => {
    expect(
      ask(question('d.example', 'CERT', { additionals: [opt(1232)] }), 'udp').packet.answers,
    ).toHaveLength(1)
  })
})

describe('hostile packets', () => {
  const transports = fc.constantFrom('udp' as const, 'tcp' as const)
  const packets = () =>
    fc.oneof(
      fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
      mutated(question('dr.lee.d.example', 'CERT', { additionals: [opt(1232)] })),
      mutated(question('d.example', 'SOA', { additionals: [opt(512)] })),
      mutated(question('_ldap._tcp.d.example', 'SRV')),
    )

  test('no bytes make the responder throw, its answers can be read and have the room, and id and question come back', () => {
    fc.assert(
      fc.property(packets(), transports, (bytes, transport) => {
        const answer = respond(bytes, zone, transport)
        if (answer === null) {
          expect(bytes.length < 12 || (bytes.readUInt16BE(2) & 0x8000) !== 0).toBe(true)
          return
        }
        decode(answer)
        expect(decode.bytes).toBe(answer.length)
        expect(answer.readUInt16BE(0)).toBe(bytes.readUInt16BE(0))
        // QR, and never RA.
        expect(answer.readUInt16BE(2) & 0x8080).toBe(0x8000)
        const rcode = answer.readUInt16BE(2) & 0xf
        const asked = readQuestion(bytes)
        if (answer.readUInt16BE(4) === 0) expect([CODE.FORMERR, CODE.NOTIMP]).toContain(rcode)
        else expect(answer.subarray(12, 12 + (asked?.bytes.length ?? 0))).toEqual(asked?.bytes)
        const edns = asked === null ? null : readEdns(bytes, asked)
        const client = edns !== null && edns !== 'malformed' ? Math.max(edns.room, 512) : 512
        if (transport === 'udp') expect(answer.length).toBeLessThanOrEqual(Math.min(client, 1232))
      }),
      { numRuns: 3000 },
    )
  })

  test('what a flood is answered with is never longer than what came', () => {
    fc.assert(
      fc.property(packets(), (bytes) => {
        const answer = respondTruncated(bytes, zone)
        if (answer !== null) expect(answer.length).toBeLessThanOrEqual(bytes.length)
      }),
      { numRuns: 1000 },
    )
  })

  test('a name is read back as it was written, whatever its bytes are', () => {
    const label = fc.uint8Array({ minLength: 1, maxLength: 63 })
    fc.assert(
      fc.property(
        fc.array(label, { maxLength: 3 }),
        fc.nat(65_535),
        fc.nat(65_535),
        (labels, type, klass) => {
          const name = Buffer.concat([
            ...labels.flatMap((one) => [Buffer.from([one.length]), one]),
            Buffer.from([0]),
          ])
          const end = Buffer.alloc(4)
          end.writeUInt16BE(type, 0)
          end.writeUInt16BE(klass, 2)
          const header = question('.').subarray(0, 12)
          const read = readQuestion(Buffer.concat([header, name, end]))
          expect(read).toMatchObject({ type, class: klass, bytes: Buffer.concat([name, end]) })
          const back = (read?.name ?? '')
            .split('.')
            .map((one) => one.replace(/\\(\d{3})/g, (_, code) => String.fromCharCode(Number(code))))
          expect(back).toEqual(
            labels.length === 0 ? [''] : labels.map((one) => lowered(Buffer.from(one).toString('latin1'))),
          )
        },
      ),
    )
  })

  /** DNS folds the letters of ASCII alone (RFC 4343). */
  function lowered(text: string): string {
    return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
  }

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
    ['an address that would be a wildcard (RFC 4592)', '*@d.example', 'CONFIG_INVALID'],
    ['an address with a wildcard within', 'lee.*.kim@d.example', 'CONFIG_INVALID'],
    [
      'a domain before which _ldap._tcp. does not fit',
      `${'x'.repeat(49)}.`.repeat(5).slice(0, -6),
      'CONFIG_INVALID',
    ],
  ])('%s', (_, name, code) => {
    expect(() => zoneOf([{ name, der: domain }])).toThrow(expect.objectContaining({ code }))
  })

  test('a star beside other characters is an ordinary name', () => {
    expect(zoneOf([{ name: 'a*b@d.example', der: lee }]).names.has('a*b.d.example')).toBe(true)
  })

  test('a directory or a name server that is an address and no name', () => {
    const entries = [{ name: 'd.example', der: domain }]
    const invalid = expect.objectContaining({ code: 'CONFIG_INVALID' })
    expect(() => zoneOf(entries, { directories: [{ host: '192.0.2.1', port: 389 }] })).toThrow(invalid)
    expect(() => zoneOf(entries, { nameServers: ['::1'] })).toThrow(invalid)
  })

  test('more certificates at one name than a DNS message holds', () => {
    const many = Array.from({ length: 100 }, (_, i) => ({ name: 'd.example', der: padded(i) }))
    expect(() => zoneOf(many)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }))
  })

  /** Another certificate each: the serial number alone differs, and nobody here checks the signature. */
  function padded(i: number): Buffer {
    const der = Buffer.from(domain)
    const serial = der.indexOf(Buffer.from(new X509Certificate(domain).serialNumber, 'hex'))
    der.writeUInt8(i, serial + 4)
    return der
  }

  test('hosts of ours that have no address here are told', () => {
    const named = zoneOf([{ name: 'd.example', der: domain }], {
      nameServers: ['ns1.d.example'],
      mailServers: ['mx.d.example', 'mx.elsewhere.example'],
      directories: [
        { host: 'ldap.d.example', port: 389 },
        { host: 'ldap.elsewhere.example', port: 389 },
      ],
    })
    expect(hostsWithoutAddress(named)).toEqual(['ns1.d.example', 'mx.d.example', 'ldap.d.example'])
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
