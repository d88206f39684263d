import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { masterName, recordLine } from '../../dns/zone/formats/master.ts'
import {
  bindText,
  factsOf,
  jsonText,
  ldifText,
  linesText,
  publishedRecords,
  zoneOf,
} from '../../dns/zone/index.ts'
import { mint } from '../../fixtures/pki.ts'

const { der, sha256 } = mint({ san: ['clinic.example'], to: '2028-03-01' }).certificate
const other = mint({ san: ['dr.lee@clinic.example'], key: 'ec-p256' }).certificate

function publishedFor(names: readonly string[], options: Parameters<typeof zoneOf>[1] = {}) {
  const entries = names.map((name) => ({ name, der }))
  return { entries, records: publishedRecords(zoneOf(entries, { serial: 7, ...options }), entries) }
}

function ofCertificates(names: readonly string[], options = {}) {
  return publishedFor(names, options).records.filter(({ record }) => record.type === 'CERT')
}

describe('owner names in master files (RFC 1035 5.1)', () => {
  test('what a master file reads as something else is escaped, all else stays', () => {
    expect(masterName("o'hara.$+*=?{|}~!#%&/^_`.clinic.example")).toBe(
      "o'hara.\\$+*=?{|}~!#%&/^_`.clinic.example.",
    )
    expect(masterName('a"b(c)d;e@f\\g.example')).toBe('a\\"b\\(c\\)d\\;e\\@f\\\\g.example.')
  })

  test('unescaped again it is the same name, whatever label DNS can carry', () => {
    const label = fc.stringMatching(/^[!-\-/-~]{1,20}$/)
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 4 }), (labels) => {
        const name = labels.join('.')
        expect(masterName(name).replace(/\\(.)/g, '$1')).toBe(`${name}.`)
      }),
    )
  })
})

describe('--format bind', () => {
  test('each certificate has a comment that says for whom, until when, and which', () => {
    const text = bindText(ofCertificates(['dr.lee@clinic.example']), [])
    expect(text).toContain(`; dr.lee@clinic.example, until 2028-03-01, SHA-256 ${sha256}\n`)
    expect(text).toMatch(
      /^dr\.lee\.clinic\.example\. 3600 IN CERT PKIX \d+ 5 \(\n( {2}[A-Za-z0-9+/=]{1,64}\n)+ {2}\)$/m,
    )
  })

  test('each domain has a heading of its own', () => {
    const text = bindText(ofCertificates(['clinic.example', 'clinic.test']), [])
    expect(text.match(/^; for the zone of .*/gm)).toEqual([
      expect.stringContaining('clinic.example'),
      expect.stringContaining('clinic.test'),
    ])
  })

  test('a directory whose address is not there is told beside its SRV record', () => {
    const { records } = publishedFor(['clinic.example'], {
      directories: [{ host: 'ldap.clinic.example', port: 389 }],
    })
    expect(bindText(records, ['ldap.clinic.example'])).toMatch(
      /; ldap\.clinic\.example needs an A or AAAA record.*\n_ldap\._tcp\.clinic\.example\. 3600 IN SRV 0 0 389 ldap\.clinic\.example\.\n/,
    )
  })
})

test('--format lines: one record a line, each absolute', () => {
  const lines = linesText(ofCertificates(['clinic.example', 'dr.lee@clinic.example'])).split('\n')
  expect(lines).toEqual([
    expect.stringMatching(/^clinic\.example\. 3600 IN CERT PKIX \d+ 5 [A-Za-z0-9+/=]+$/),
    expect.stringMatching(/^dr\.lee\.clinic\.example\. 3600 IN CERT PKIX \d+ 5 [A-Za-z0-9+/=]+$/),
    '',
  ])
})

describe('--format json', () => {
  test('a CERT record comes apart as a form asks for it, and as a line', () => {
    const [published] = ofCertificates(['dr.lee@clinic.example'])
    if (published === undefined) throw new Error('nothing is published')
    expect(factsOf(published)).toEqual({
      name: 'dr.lee.clinic.example',
      type: 'CERT',
      ttl: 3600,
      for: 'dr.lee@clinic.example',
      sha256,
      notAfter: new Date('2028-03-01'),
      certType: 1,
      keyTag: expect.any(Number),
      algorithm: 5,
      certificate: Buffer.from(der).toString('base64'),
      line: recordLine(published.record),
    })
  })

  test('SRV, SOA, NS, MX and addresses have their fields', () => {
    const { records } = publishedFor(['clinic.example'], {
      nameServers: ['ns.clinic.example'],
      mailServers: ['mx.elsewhere.example'],
      addresses: new Map([['ns.clinic.example', ['192.0.2.1', '2001:db8::1']]]),
      directories: [{ host: 'ldap.clinic.example', port: 636 }],
    })
    const facts = jsonText(records)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(facts).toMatchObject([
      { type: 'SOA', mname: 'ns.clinic.example', serial: 7, for: 'clinic.example', sha256: null },
      { type: 'NS', target: 'ns.clinic.example' },
      {
        type: 'MX',
        preference: 10,
        exchange: 'mx.elsewhere.example',
        line: 'clinic.example. 3600 IN MX 10 mx.elsewhere.example.',
      },
      { type: 'A', address: '192.0.2.1' },
      { type: 'AAAA', address: '2001:db8::1' },
      { type: 'SRV', priority: 0, weight: 0, port: 636, target: 'ldap.clinic.example' },
      { type: 'CERT', sha256 },
    ])
  })
})

describe('--format ldif (RFC 2849)', () => {
  test('a domain and an address have an entry each, with all their certificates', () => {
    const entries = [
      { name: 'clinic.example', der },
      { name: 'dr.lee@clinic.example', der },
      { name: 'dr.lee@clinic.example', der: other.der },
    ]
    const text = ldifText(entries, []).replaceAll('\n ', '')
    expect(text.match(/^dn: .*/gm)).toEqual([
      'dn: dc=clinic,dc=example',
      'dn: cn=clinic.example,dc=clinic,dc=example',
      'dn: cn=dr.lee@clinic.example,dc=clinic,dc=example',
    ])
    expect(text).toContain('\nmail: clinic.example\n')
    for (const one of [der, other.der])
      expect(text).toContain(`\nuserCertificate;binary:: ${Buffer.from(one).toString('base64')}\n`)
  })

  test('no line is longer than 76 characters, but for comments', () => {
    const lines = ldifText([{ name: 'dr.lee@clinic.example', der }], []).split('\n')
    expect(Math.max(...lines.filter((line) => !line.startsWith('#')).map((line) => line.length))).toBe(76)
  })

  test('names are escaped as RFC 4514 2.4 asks', () => {
    expect(ldifText([{ name: '#a+b@clinic.example', der }], [])).toContain(
      'dn: cn=\\#a\\+b@clinic.example,dc=',
    )
  })

  test('a comment says which SRV record leads there', () => {
    const { entries, records } = publishedFor(['clinic.example'], {
      directories: [{ host: 'ldap.clinic.example', port: 389 }],
    })
    expect(ldifText(entries, records)).toContain(
      '#   _ldap._tcp.clinic.example. 3600 IN SRV 0 0 389 ldap.clinic.example.\n',
    )
  })
})
