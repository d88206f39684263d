import { describe, expect, test } from 'vitest'
import { judgeSet } from '../../dns/zone/check/judge.ts'
import { leftovers } from '../../dns/zone/check/leftover.ts'
import { besideNotes } from '../../dns/zone/check/notes.ts'
import type { Expectation, Observation, Seen, ServerRole } from '../../dns/zone/check/types.ts'

const NOW = new Date('2026-11-22T12:00:00Z')
const CLOCKS = { at: NOW, now: NOW }
const NEW = 'a'.repeat(64)
const OLD = 'b'.repeat(64)
const FOREIGN = 'c'.repeat(64)
/** A foreign one that strangers pass over. */
const IDLE = 'd'.repeat(64)

type Found = Extract<Seen, { readonly status: 'found' }>

const CERT: Expectation = {
  name: 'clinic.example',
  type: 'CERT',
  domain: 'clinic.example',
  for: 'clinic.example',
  values: [{ key: NEW, for: 'clinic.example', notAfter: new Date('2028-01-01') }],
  former: new Set([OLD]),
  tolerated: new Set(),
}

const absent: Seen = { status: 'absent', ttl: 1800 }
const failed: Extract<Seen, { readonly status: 'failed' }> = {
  status: 'failed',
  text: '192.0.2.1:53: answered SERVFAIL (UDP)',
  codes: ['SERVFAIL'],
}
function has(...keys: readonly string[]): Found {
  return {
    status: 'found',
    keys,
    idle: new Set(keys.filter((key) => key === IDLE)),
    leftOut: 0,
    garbled: 0,
    ttl: 600,
  }
}
const garbled: Seen = { ...has(NEW), garbled: 1 }

function at(role: ServerRole, ...answers: readonly Seen[]): readonly Observation[] {
  return answers.map((seen, i) => ({ server: `${role}-${i + 1}`, role, seen }))
}
const own = (...answers: readonly Seen[]) => at('name-server', ...answers)
const resolvers = (...answers: readonly Seen[]) => at('resolver', ...answers)

function statuses(expected: Expectation, observations: readonly Observation[]): readonly string[] {
  return judgeSet(expected, observations, CLOCKS).map(({ status }) => status)
}

describe('how one certificate stands (H1, H2)', () => {
  test.each<readonly [string, string, readonly Observation[]]>([
    ['everybody has it', 'visible', [...own(has(NEW)), ...resolvers(has(NEW), has(NEW))]],
    [
      'an old one of ours beside it does no harm',
      'visible',
      [...own(has(NEW, OLD)), ...resolvers(has(OLD, NEW))],
    ],
    [
      'a name server that does not answer is no name server that lacks it',
      'visible',
      [...own(failed), ...resolvers(has(NEW))],
    ],
    ['nor is a resolver that does not', 'visible', [...own(has(NEW)), ...resolvers(failed, has(NEW))]],
    [
      'a resolver remembers that there was nothing',
      'not-yet',
      [...own(has(NEW)), ...resolvers(has(NEW), absent)],
    ],
    [
      'one of two name servers does not have it: a stranger may well ask that one',
      'missing',
      [...own(has(NEW), absent), ...resolvers(has(NEW))],
    ],
    [
      'one of two name servers has the old set',
      'missing',
      [...own(has(NEW), has(OLD)), ...resolvers(has(NEW))],
    ],
    [
      'a foreign one beside ours that strangers pass over does no harm (DISC-10, D9)',
      'visible',
      [...own(has(NEW, IDLE)), ...resolvers(has(NEW, IDLE))],
    ],
    ['the same in the place of ours', 'wrong', [...own(has(IDLE)), ...resolvers(has(IDLE))]],
    [
      'without name servers, one resolver has it and another does not',
      'not-yet',
      resolvers(has(NEW), absent),
    ],
    ['a resolver remembers the old set', 'stale', [...own(has(NEW)), ...resolvers(has(OLD))]],
    ['whatever else it remembers is late as well', 'stale', [...own(has(NEW)), ...resolvers(has(FOREIGN))]],
    [
      'without name servers, one resolver has it and another something else',
      'stale',
      resolvers(has(NEW), has(FOREIGN)),
    ],
    ['the name servers have another', 'wrong', [...own(has(FOREIGN)), ...resolvers(has(NEW))]],
    [
      'a foreign one stands beside ours',
      'wrong',
      [...own(has(NEW, FOREIGN)), ...resolvers(has(NEW, FOREIGN))],
    ],
    ['a garbled one stands beside ours', 'wrong', [...own(garbled), ...resolvers(has(NEW))]],
    ['all resolvers have another', 'wrong', resolvers(has(FOREIGN), has(FOREIGN))],
    ['the name servers have nothing', 'missing', [...own(absent), ...resolvers(has(NEW))]],
    ['the name servers have only the old one', 'missing', [...own(has(OLD)), ...resolvers(has(OLD))]],
    [
      'no name server answers, and no resolver has it',
      'missing',
      [...own(failed), ...resolvers(absent, absent)],
    ],
    [
      'no name server answers, and every resolver that does has our older one: it is a memory, as after any renewal',
      'stale',
      [...own(failed), ...resolvers(has(OLD), failed)],
    ],
    [
      'the same, and another resolver has nothing',
      'missing',
      [...own(failed), ...resolvers(has(OLD), absent)],
    ],
    [
      'the same, and one that is not ours stands beside it',
      'wrong',
      [...own(failed), ...resolvers(has(OLD, FOREIGN))],
    ],
    ['records of other types are nothing for us (DISC-4)', 'missing', [...own(has()), ...resolvers(has())]],
    ['nobody answers', 'unanswered', [...own(failed), ...resolvers(failed)]],
    ['nobody could be asked', 'unanswered', []],
  ])('%s: %s', (_, status, observations) => {
    expect(statuses(CERT, observations)).toEqual([status])
  })

  test('one that ends within 30 days is expiring, with the days that are left', () => {
    const values = [{ key: NEW, for: 'clinic.example', notAfter: new Date('2026-12-12T13:00:00Z') }]
    const [record] = judgeSet({ ...CERT, values }, resolvers(has(NEW)), CLOCKS)
    expect(record).toMatchObject({
      status: 'expiring',
      until: new Date('2026-12-12T13:00:00Z'),
      advice: expect.stringContaining('20 days'),
    })
  })

  test('each certificate of a set has a status of its own', () => {
    const values = [NEW, FOREIGN].map((key) => ({ key, for: 'clinic.example', notAfter: null }))
    expect(statuses({ ...CERT, values }, own(has(NEW)))).toEqual(['visible', 'missing'])
    // That the other is there is no sign that this one was published.
    expect(statuses({ ...CERT, values }, resolvers(has(NEW)))).toEqual(['visible', 'missing'])
  })
})

describe('until when it is normal', () => {
  test('not-yet: until the longest negative answer ends', () => {
    const late = resolvers({ status: 'absent', ttl: 60 }, { status: 'absent', ttl: 1800 })
    expect(judgeSet(CERT, [...own(has(NEW)), ...late], CLOCKS)[0]).toMatchObject({
      until: new Date('2026-11-22T12:30:00Z'),
      advice: expect.stringMatching(/resolver-1.*resolver-2.*30 to 60 minutes are usual, 48 hours the most/),
    })
  })

  test('a resolver that says no time is given an hour', () => {
    const late = resolvers({ status: 'absent', ttl: null })
    expect(judgeSet(CERT, [...own(has(NEW)), ...late], CLOCKS)[0]?.until).toEqual(
      new Date('2026-11-22T13:00:00Z'),
    )
  })

  test('stale: until the TTL of the old set ends', () => {
    const [record] = judgeSet(CERT, [...own(has(NEW)), ...resolvers(has(OLD))], CLOCKS)
    expect(record?.until).toEqual(new Date('2026-11-22T12:10:00Z'))
  })

  test('stale where no name server says what is published: what it means if waiting does not help', () => {
    const [record] = judgeSet(CERT, [...own(failed), ...resolvers(has(OLD))], CLOCKS)
    expect(record).toMatchObject({
      until: new Date('2026-11-22T12:10:00Z'),
      advice: expect.stringMatching(
        /^Wait: the resolver resolver-1 still has .*afterwards, the zone itself holds our older .*replace its record by what "direct zone generate/,
      ),
    })
  })

  test('not-yet: 48 hours at most, whatever a server says', () => {
    const late = resolvers({ status: 'absent', ttl: 2 ** 31 })
    expect(judgeSet(CERT, [...own(has(NEW)), ...late], CLOCKS)[0]?.until).toEqual(
      new Date('2026-11-24T12:00:00Z'),
    )
  })

  test('a name server that lacks it has no such time: its transfer is to be looked at', () => {
    const [record] = judgeSet(CERT, own(has(NEW), absent), CLOCKS)
    expect(record).toMatchObject({
      until: null,
      advice: expect.stringMatching(/^name-server-2 does not have it.*30 to 60 minutes.*not transferred/),
    })
  })
})

describe('what to do next', () => {
  const adviceFor = (observations: readonly Observation[], expected = CERT) =>
    judgeSet(expected, observations, CLOCKS)[0]?.advice

  test('nothing, where all is well', () => {
    expect(adviceFor(own(has(NEW)))).toBe(null)
  })

  test('missing: the record, and the two ways around a provider that takes no CERT', () => {
    expect(adviceFor(own(absent))).toMatch(
      /zone generate.*delegate clinic\.example.*certs serve.*publish\.directories/,
    )
  })

  test.each([
    ['CERT', /^Replace the record of our older certificate at clinic\.example by what "direct zone generate/],
    ['LDAP', /^Replace our older certificate in the entry with mail=clinic\.example/],
  ] as const)('missing where a server has our older %s: its renewal, and no other way', (type, expected) => {
    const advice = adviceFor(own(has(OLD)), { ...CERT, type })
    expect(advice).toMatch(expected)
    expect(advice).not.toMatch(/Add|delegate|publish\.directories/)
  })

  test('missing where the name servers have nothing: the record, whatever a resolver keeps', () => {
    expect(adviceFor([...own(absent), ...resolvers(has(OLD))])).toMatch(/^Add the record/)
  })

  test('missing beside another CERT record: its provider takes the type', () => {
    const values = [NEW, FOREIGN].map((key) => ({ key, for: 'clinic.example', notAfter: null }))
    const [, missing] = judgeSet({ ...CERT, values }, own(has(NEW)), CLOCKS)
    expect(missing?.advice).toMatch(/^Add the record .* to the zone of clinic\.example\.$/)
  })

  test.each(['REFUSED', 'NOTIMP'] as const)(
    'unanswered by %s: what a provider is that refuses CERT',
    (code) => {
      const advice = adviceFor(own({ ...failed, codes: [code] }))
      expect(advice).toMatch(/name-server-1 refused .* cannot publish certificates in DNS/)
      const srv = adviceFor(own({ ...failed, codes: [code] }), { ...CERT, type: 'SRV' })
      expect(srv).not.toContain('cannot publish')
    },
  )

  test('unanswered otherwise says nothing of the provider; SERVFAIL of a resolver may be the server behind it', () => {
    const advice = (code: 'SERVFAIL' | 'TIMEOUT' | 'UNREACHABLE') =>
      adviceFor(resolvers({ ...failed, codes: [code] }))
    expect(advice('SERVFAIL')).toMatch(
      /resolver-1 answered SERVFAIL: the server that clinic\.example is delegated to may be down\.$/,
    )
    expect(advice('TIMEOUT')).toBe('Try again once these answer: resolver-1.')
    expect(advice('UNREACHABLE')).toBe('Try again once these answer: resolver-1.')
  })

  test('wrong: which certificate is to be removed, by its fingerprint', () => {
    expect(adviceFor(own(has(NEW, OLD, FOREIGN)))).toContain(`Remove the certificate ${FOREIGN} from`)
  })

  test('an old one that is still published is told as a note', () => {
    expect(besideNotes(CERT, [...own(has(NEW, OLD)), ...resolvers(has(NEW))], CLOCKS)).toEqual([
      `clinic.example still has our certificate ${OLD}, which is out of use (at name-server-1): remove it`,
    ])
  })
})

describe('an old one of ours beside the new one, in resolvers alone', () => {
  test('is a memory of theirs where the name servers do not have it any more', () => {
    expect(besideNotes(CERT, [...own(has(NEW)), ...resolvers(has(NEW, OLD))], CLOCKS)).toEqual([])
  })

  test('is normal until its time is over where no name server answers, and nothing is to be removed', () => {
    const [note, ...others] = besideNotes(CERT, [...own(failed), ...resolvers(has(NEW, OLD))], CLOCKS)
    expect(note).toMatch(/still has our certificate b+, .*resolver-1.*normal until 2026-11-22T12:10:00\.000Z/)
    expect(note).not.toContain('remove')
    expect(others).toEqual([])
  })

  test('is to be removed from a directory', () => {
    const directory = at('directory', has(NEW, OLD))
    expect(besideNotes({ ...CERT, type: 'LDAP' }, directory, CLOCKS)).toEqual([
      expect.stringMatching(/^the entry of clinic\.example still has .*\(at directory-1\): remove it$/),
    ])
  })

  test('alone is told by its row', () => {
    expect(besideNotes(CERT, own(has(OLD)), CLOCKS)).toEqual([])
  })
})

describe('a hostile or broken server is told within bounds', () => {
  const many = Array.from({ length: 3000 }, (_, i) => i.toString(16).padStart(64, '0'))
  const few: Seen = { ...has(...many.slice(0, 20)), leftOut: 2980 }

  test('wrong: ten of what is to be removed are named, and how many there are besides', () => {
    const [record] = judgeSet(CERT, [...own(few), ...resolvers(few)], CLOCKS)
    expect(record?.advice?.match(/the certificate /g)).toHaveLength(10)
    expect(record?.advice).toContain(' and 2990 more from clinic.example')
  })

  test('leftovers: twenty rows of a name, and how many are not listed', () => {
    const { records, notes } = leftovers({ ...CERT, values: [] }, own(few, few), CLOCKS)
    expect(records).toHaveLength(20)
    expect(notes).toEqual(['clinic.example holds 2980 more that should not be there and are not listed'])
  })

  test('what strangers pass over: one sentence of a name', () => {
    const idle = many.slice(0, 20)
    const seen: Seen = { ...has(NEW, ...idle), idle: new Set(idle), leftOut: 5 }
    expect(besideNotes(CERT, [...own(seen), ...resolvers(seen)], CLOCKS)).toEqual([
      expect.stringMatching(
        /^clinic\.example has beside ours .* and 15 more \(at name-server-1\): remove it$/,
      ),
    ])
  })
})

describe('SRV (H3, H4)', () => {
  const OURS = '0 0 389 ldap.clinic.example'
  const SRV: Expectation = {
    ...CERT,
    name: '_ldap._tcp.clinic.example',
    type: 'SRV',
    values: [{ key: OURS, for: 'clinic.example', notAfter: null }],
    former: new Set(),
  }

  test('another target beside ours is wrong, and named', () => {
    const [record] = judgeSet(SRV, own(has(OURS, '0 0 389 old.example')), CLOCKS)
    expect(record).toMatchObject({ status: 'wrong', sha256: null, target: OURS })
    expect(record?.advice).toContain('Remove 0 0 389 old.example from _ldap._tcp.clinic.example')
  })

  test('another weight is another record', () => {
    expect(statuses(SRV, own(has('0 5 389 ldap.clinic.example')))).toEqual(['wrong'])
  })
})

describe('an address whose mail must come to its domain (DISC-1, D5)', () => {
  const EMPTY: Expectation = {
    ...CERT,
    name: 'dr.lee.clinic.example',
    for: 'dr.lee@clinic.example',
    values: [],
  }
  const rows = (expected: Expectation, observations: readonly Observation[]) =>
    leftovers(expected, observations, CLOCKS).records

  test('is not worth a line where it publishes nothing', () => {
    expect(leftovers(EMPTY, [...own(absent), ...resolvers(absent, failed)], CLOCKS)).toEqual({
      records: [],
      notes: [],
    })
  })

  test('hides the certificate of its domain by whatever was left there', () => {
    const [record] = rows(EMPTY, [...own(has(OLD)), ...resolvers(absent)])
    expect(record).toMatchObject({ name: 'dr.lee.clinic.example', status: 'wrong', sha256: OLD })
    expect(record?.advice).toMatch(/Remove it.*hides the certificate of clinic\.example/)
  })

  test('garbled ones hide it as well (DISC-4)', () => {
    expect(rows(EMPTY, own({ ...has(), garbled: 1 })).map(({ status }) => status)).toEqual(['wrong'])
  })

  test('hides nothing where it has the certificate of its domain, or one that the domain has too', () => {
    const tolerated = { ...EMPTY, tolerated: new Set([NEW]) }
    expect(rows(tolerated, own(has(NEW, OLD)))).toEqual([])
    expect(rows(tolerated, own(has(OLD))).map(({ status }) => status)).toEqual(['wrong'])
  })

  test('is late where only a resolver still has it', () => {
    const [record] = rows(EMPTY, [...own(absent), ...resolvers(has(OLD))])
    expect(record).toMatchObject({ status: 'stale', until: new Date('2026-11-22T12:10:00Z') })
  })

  test('and where only a resolver says that it has what was ours; what was never ours is wrong', () => {
    const [record] = rows(EMPTY, [...own(failed), ...resolvers(has(OLD))])
    expect(record).toMatchObject({
      status: 'stale',
      until: new Date('2026-11-22T12:10:00Z'),
      advice: expect.stringMatching(/^Wait: .*still so afterwards, the zone itself holds it/),
    })
    expect(rows(EMPTY, [...own(failed), ...resolvers(has(FOREIGN))])).toMatchObject([{ status: 'wrong' }])
  })
})
