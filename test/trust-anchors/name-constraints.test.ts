import { describe, expect, test } from 'vitest'
import * as fixture from '../../fixtures/extensions.ts'
import { encodeName } from '../../trust-anchors/issue/issue.ts'
import { NameConstraints } from '../../trust-anchors/path/name-constraints.ts'
import { encode, encodeInteger, encodeOid, sequence } from '../../trust-anchors/x509/der-write.ts'
import { readGeneralNames } from '../../trust-anchors/x509/general-name.ts'
import { readName } from '../../trust-anchors/x509/name.ts'

type TestName = fixture.TestName

/** Of an otherName with some type-id: no rule of RFC 5280 compares it. */
const otherName: TestName = {
  der: encode(0xa0, encodeOid('1.2.3.4'), encode(0xa0, encode(0x0c, Buffer.from('x')))),
}
const dn = (cn: string, o?: string): TestName => ({
  directory: [...(o === undefined ? [] : [['O', o] as const]), ['CN', cn] as const],
})

interface Asked {
  readonly subject?: Parameters<typeof encodeName>[0]
  readonly names?: readonly TestName[]
  readonly subjectNames?: boolean
  readonly budget?: number
}

/** `NameConstraints` after CAs with these, from the anchor down; a `Failure` where one cannot be applied. */
function below(...cas: readonly fixture.Subtrees[]) {
  return cas.reduce<ReturnType<NameConstraints['add']>>(
    (above, subtrees, i) =>
      'code' in above ? above : above.add(fixture.nameConstraints(subtrees).value, `CA ${i}`),
    NameConstraints.none,
  )
}

function failure(cas: fixture.Subtrees | readonly fixture.Subtrees[], asked: Asked) {
  const constraints = below(...[cas].flat())
  if ('code' in constraints) return constraints
  const subject = readName(encodeName(asked.subject ?? []))
  const spend = budget(asked.budget)
  return constraints.failureOf(
    {
      subjectCanonical: subject.canonical,
      subjectEmails: subject.emails,
      commonNames: subject.commonNames,
      altNames: asked.names?.length ? readGeneralNames(fixture.altNames(asked.names).value) : [],
    },
    {
      role: 'the certificate 1234…',
      subjectNames: asked.subjectNames ?? false,
      spend,
    },
  )
}

const code = (...asked: Parameters<typeof failure>) => failure(...asked)?.code ?? 'ok'

describe('a name within a permitted subtree is accepted, one outside is not (RFC 5280 4.2.1.10, CERT-5)', () => {
  test.each<[string, TestName, TestName, string]>([
    ['a mailbox', { rfc822: 'lee@hisp.example' }, { rfc822: 'lee@HISP.example' }, 'ok'],
    ['another mailbox', { rfc822: 'lee@hisp.example' }, { rfc822: 'kim@hisp.example' }, 'NAME_CONSTRAINT'],
    [
      'a local part in another case (7.5)',
      { rfc822: 'lee@h.example' },
      { rfc822: 'Lee@h.example' },
      'NAME_CONSTRAINT',
    ],
    ['a literal asterisk', { rfc822: '*@h.example' }, { rfc822: 'lee@h.example' }, 'NAME_CONSTRAINT'],
    ['any mailbox of a host', { rfc822: 'hisp.example' }, { rfc822: 'lee@hisp.example' }, 'ok'],
    [
      'a mailbox of a host below it',
      { rfc822: 'hisp.example' },
      { rfc822: 'lee@a.hisp.example' },
      'NAME_CONSTRAINT',
    ],
    ['a mailbox below a domain', { rfc822: '.hisp.example' }, { rfc822: 'lee@a.b.hisp.example' }, 'ok'],
    [
      'a mailbox at the domain itself',
      { rfc822: '.hisp.example' },
      { rfc822: 'lee@hisp.example' },
      'NAME_CONSTRAINT',
    ],
    ['a quoted local part', { rfc822: 'hisp.example' }, { rfc822: '"a@b"@hisp.example' }, 'ok'],
    ['two at signs', { rfc822: 'hisp.example' }, { rfc822: 'a@b@hisp.example' }, 'NAME_CONSTRAINT'],
    ['the domain', { dns: 'hisp.example' }, { dns: 'hisp.EXAMPLE' }, 'ok'],
    ['a domain below', { dns: 'hisp.example' }, { dns: 'a.b.hisp.example' }, 'ok'],
    ['a domain that only ends alike', { dns: 'hisp.example' }, { dns: 'nothisp.example' }, 'NAME_CONSTRAINT'],
    ['a domain above', { dns: 'a.hisp.example' }, { dns: 'hisp.example' }, 'NAME_CONSTRAINT'],
    ['a wildcard within', { dns: 'hisp.example' }, { dns: '*.hisp.example' }, 'ok'],
    ['a wildcard that is wider', { dns: 'a.hisp.example' }, { dns: '*.hisp.example' }, 'NAME_CONSTRAINT'],
    ['a name that begins with a dot', { dns: 'hisp.example' }, { dns: '.hisp.example' }, 'NAME_CONSTRAINT'],
    ['a name that ends with a dot', { dns: 'hisp.example' }, { dns: 'hisp.example.' }, 'NAME_CONSTRAINT'],
    ['every domain', { dns: '' }, { dns: 'hisp.example' }, 'ok'],
    ['a URI at the host', { uri: 'www.example' }, { uri: 'https://u:p@WWW.example:8443/a@b' }, 'ok'],
    [
      'a URI at a host below it',
      { uri: 'www.example' },
      { uri: 'https://a.www.example/' },
      'NAME_CONSTRAINT',
    ],
    ['a URI below the domain', { uri: '.example' }, { uri: 'ldap://a.b.example' }, 'ok'],
    [
      'a URI that hides its host',
      { uri: '.example' },
      { uri: 'http://evil.test\\@a.example/' },
      'NAME_CONSTRAINT',
    ],
    ['a URI with an address', { uri: '.example' }, { uri: 'http://192.0.2.1/' }, 'NAME_CONSTRAINT'],
    ['a URI without a host', { uri: '.example' }, { uri: 'urn:example:a' }, 'NAME_CONSTRAINT'],
    ['an address in the network', { ip: '192.0.2.0/25' }, { ip: '192.0.2.127' }, 'ok'],
    ['an address beside the network', { ip: '192.0.2.0/25' }, { ip: '192.0.2.128' }, 'NAME_CONSTRAINT'],
    ['an IPv6 address', { ip: '2001:db8::/33' }, { ip: '2001:db8:7fff::1' }, 'ok'],
    ['an IPv6 address beside it', { ip: '2001:db8::/33' }, { ip: '2001:db8:8000::1' }, 'NAME_CONSTRAINT'],
    ['an address of the other family', { ip: '0.0.0.0/0' }, { ip: '::1' }, 'NAME_CONSTRAINT'],
    ['a network instead of an address', { ip: '192.0.2.0/24' }, { ip: '192.0.2.0/24' }, 'NAME_CONSTRAINT'],
    [
      'a Name below',
      dn('a', 'Org'),
      {
        directory: [
          ['O', 'Org'],
          ['CN', 'a'],
          ['CN', 'b'],
        ],
      },
      'ok',
    ],
    ['a Name in another case and spacing (7.1)', dn('a', 'The  Org'), dn('A', 'the org'), 'ok'],
    ['a Name whose last value only begins alike', dn('a', 'Org'), dn('ab', 'Org'), 'NAME_CONSTRAINT'],
    ['a Name that forges the end of a value', dn('a'), dn('a",'), 'NAME_CONSTRAINT'],
    ['a name of a kind that is not constrained', { dns: 'hisp.example' }, { ip: '192.0.2.1' }, 'ok'],
  ])('%s', (_, permitted, name, expected) => {
    expect(code({ permitted: [permitted] }, { names: [name] })).toBe(expected)
  })
})

describe('a name within an excluded subtree is refused, permitted or not', () => {
  test.each<[string, TestName, TestName, string]>([
    ['a mailbox', { rfc822: 'lee@hisp.example' }, { rfc822: 'lee@hisp.example' }, 'NAME_CONSTRAINT'],
    [
      'in another case, which is the same mailbox (MSG-13)',
      { rfc822: 'Lee@h.example' },
      { rfc822: 'lee@h.example' },
      'NAME_CONSTRAINT',
    ],
    ['another mailbox', { rfc822: 'lee@hisp.example' }, { rfc822: 'kim@hisp.example' }, 'ok'],
    [
      'a wildcard that stands for it',
      { dns: 'a.hisp.example' },
      { dns: '*.hisp.example' },
      'NAME_CONSTRAINT',
    ],
    ['a wildcard of one label, two below', { dns: 'b.a.hisp.example' }, { dns: '*.hisp.example' }, 'ok'],
    ['a value that cannot be compared', { dns: 'a.example' }, { dns: 'b..example' }, 'NAME_CONSTRAINT'],
    ['all addresses', { ip: '0.0.0.0/0' }, { ip: '192.0.2.1' }, 'NAME_CONSTRAINT'],
  ])('%s', (_, excluded, name, expected) => {
    expect(code({ excluded: [excluded] }, { names: [name] })).toBe(expected)
  })

  test('excluded outweighs permitted', () => {
    const dns = [{ dns: 'hisp.example' }]
    expect(code({ permitted: dns, excluded: dns }, { names: dns })).toBe('NAME_CONSTRAINT')
  })
})

test('every name has to be within, not one of them', () => {
  const names = [{ dns: 'hisp.example' }, { dns: 'evil.example' }]
  expect(code({ permitted: [{ dns: 'hisp.example' }] }, { names })).toBe('NAME_CONSTRAINT')
})

test('a CA below narrows what is permitted and cannot widen it (6.1.4 g)', () => {
  const a = { dns: 'a.example' }
  const b = { dns: 'b.example' }
  expect(code([{ permitted: [a, b] }, { permitted: [b] }], { names: [a] })).toBe('NAME_CONSTRAINT')
  expect(code([{ permitted: [b] }, { permitted: [a, b] }], { names: [a] })).toBe('NAME_CONSTRAINT')
  expect(code([{ permitted: [a] }, { permitted: [{ rfc822: 'x.example' }] }], { names: [a] })).toBe('ok')
  expect(code([{ excluded: [a] }, { excluded: [b] }], { names: [a] })).toBe('NAME_CONSTRAINT')
})

describe('the subject', () => {
  test('is constrained as a directoryName, whatever the subjectAltName says', () => {
    const permitted = [dn('foo')]
    expect(code({ permitted }, { subject: [['CN', 'bar']], names: [dn('foo')] })).toBe('NAME_CONSTRAINT')
    expect(code({ permitted }, { subject: [['CN', 'foo']] })).toBe('ok')
  })

  test('that is empty is not', () => {
    expect(code({ permitted: [dn('foo')] }, { names: [{ dns: 'a.example' }] })).toBe('ok')
  })

  test('has its emailAddress constrained as an rfc822Name', () => {
    const subject = [['emailAddress', 'lee@evil.example'] as const]
    expect(code({ permitted: [{ rfc822: 'hisp.example' }] }, { subject })).toBe('NAME_CONSTRAINT')
  })

  test.each([
    ['lee@evil.example', true, 'NAME_CONSTRAINT'],
    ['evil.example', true, 'NAME_CONSTRAINT'],
    ['Dr. Lee', true, 'ok'],
    ['lee@evil.example', false, 'ok'],
  ])(
    'has its common name %s constrained where the legacy switch reads it (CERT-1): %s',
    (cn, subjectNames, expected) => {
      const cas = { permitted: [{ rfc822: 'hisp.example' }, { dns: 'hisp.example' }] }
      expect(code(cas, { subject: [['CN', cn]], subjectNames })).toBe(expected)
    },
  )
})

describe('a kind of name that cannot be compared', () => {
  test('is refused where it is constrained and appears', () => {
    const found = failure({ excluded: [otherName] }, { names: [otherName] })
    expect(found?.code).toBe('NAME_CONSTRAINT')
    expect(found?.text).toContain('otherName')
  })

  test('does no harm where it does not appear, or is not constrained', () => {
    expect(code({ excluded: [otherName] }, { names: [{ dns: 'a.example' }] })).toBe('ok')
    expect(code({ excluded: [{ dns: 'b.example' }] }, { names: [otherName] })).toBe('ok')
  })
})

describe('constraints without a meaning are refused, not passed over', () => {
  test.each<[string, TestName]>([
    ['a wildcard', { dns: '*.hisp.example' }],
    ['a leading dot in a dNSName', { dns: '.hisp.example' }],
    ['an address without a mask', { ip: '192.0.2.1' }],
    ['a mask with gaps', { der: encode(0x87, Uint8Array.of(192, 0, 2, 0, 255, 0, 255, 0)) }],
    ['two at signs', { rfc822: 'a@b@hisp.example' }],
    ['an empty host', { rfc822: '' }],
    ['a URI instead of its host', { uri: 'https://hisp.example/' }],
    ['a control in a name', { dns: 'hisp.example\u0000.evil.example' }],
    ['a tag that no GeneralName has', { der: encode(0x89, Buffer.from('x')) }],
  ])('%s', (_, permitted) => {
    const made = below({ permitted: [permitted] })
    expect(made).toMatchObject({ code: 'NAME_CONSTRAINT', text: expect.stringContaining('CA 0 has') })
  })

  test.each([
    ['an empty sequence', sequence()],
    ['no subtree at all', sequence(encode(0xa0))],
    [
      'a minimum',
      sequence(
        encode(0xa0, sequence(fixture.generalName({ dns: 'a.example' }), encode(0x80, Uint8Array.of(1)))),
      ),
    ],
    [
      'a maximum',
      sequence(
        encode(0xa1, sequence(fixture.generalName({ dns: 'a.example' }), encode(0x81, Uint8Array.of(9)))),
      ),
    ],
    ['another type', encodeInteger(1)],
  ])('%s', (_, value) => {
    expect(NameConstraints.none.add(value, 'CA 0')).toMatchObject({ code: 'NAME_CONSTRAINT' })
  })
})

describe('a failure says which CA constrains and what is outside', () => {
  test('with the domain in full', () => {
    expect(failure({ permitted: [{ dns: 'a.example' }] }, { names: [{ dns: 'b.example' }] })?.text).toBe(
      'the certificate 1234… has the domain b.example, which is not among those permitted by CA 0',
    )
  })

  test('with neither mailbox nor subject of a person', () => {
    const cas = { excluded: [{ rfc822: 'hisp.example' }, dn('Dr. Lee')] }
    const mailbox = failure(cas, { names: [{ rfc822: 'lee@hisp.example' }] })?.text
    expect(mailbox).toContain('an address at hisp.example, which is excluded by CA 0')
    expect(mailbox).not.toContain('lee')
    expect(failure(cas, { subject: [['CN', 'Dr. Lee']] })?.text).not.toContain('Lee')
  })
})

describe('the work is bounded (CERT-5)', () => {
  test('and counted: one for each name and subtree of its kind', () => {
    const cas = { permitted: [{ dns: 'example' }], excluded: [{ dns: 'test' }, { ip: '192.0.2.0/24' }] }
    const names = [{ dns: 'a.example' }, { dns: 'b.example' }]
    expect(code(cas, { names, budget: 4 })).toBe('ok')
    expect(code(cas, { names, budget: 3 })).toBe('WORK_LIMIT')
  })

  test('and thousands of names under thousands of constraints end with WORK_LIMIT', () => {
    const many = Array.from({ length: 2_000 }, (_, i) => ({ dns: `t${i}.test` }))
    expect(code({ permitted: many, excluded: [{ dns: 'x.test' }] }, { names: many, budget: 250_000 })).toBe(
      'WORK_LIMIT',
    )
  })
})

test('nothing is compared where no CA constrains anything', () => {
  expect(code([], { names: [{ dns: '..' }], budget: 0 })).toBe('ok')
})

test('a subjectAltName without a single entry is malformed (RFC 5280 4.2.1.6)', () => {
  expect(() => readGeneralNames(sequence())).toThrow('ends too early')
})

function budget(steps = 1_000): (n: number) => boolean {
  let left = steps
  return (n) => {
    left -= n
    return left >= 0
  }
}
