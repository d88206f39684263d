import { describe, expect, test } from 'vitest'
import { mint } from '../../fixtures/pki.ts'
import { type AnchorSet, AnchorSets } from '../../trust-anchors/index.ts'
import { address } from './judging.ts'

const everyone = mint({ ca: true, subject: 'Everyone' }).certificate
const clinic = mint({ ca: true, subject: 'Clinic' }).certificate
const doctor = mint({ ca: true, subject: 'Doctor' }).certificate
const set = (
  name: string,
  direction: AnchorSet['direction'],
  ...certificates: AnchorSet['certificates']
) => ({
  for: name,
  direction,
  certificates,
})
const a = address('dr.kim@clinic.example')

describe('the most specific entry for a direction decides alone (TR-1)', () => {
  const sets = new AnchorSets([
    set('*', 'both', everyone),
    set('clinic.example', 'outgoing', clinic),
    set('Dr.Kim@clinic.example', 'incoming', doctor),
  ])

  test('address before domain before *', () => {
    expect(sets.incoming(a)).toEqual([doctor])
    expect(sets.outgoing(a)).toEqual([clinic])
    expect(sets.incoming(address('other@clinic.example'))).toEqual([everyone])
    expect(sets.outgoing(address('x@elsewhere.example'))).toEqual([everyone])
  })

  test('an entry for user@d holds for user+tag@d, unless that has its own (MSG-13)', () => {
    expect(sets.incoming(address('dr.kim+lab@clinic.example'))).toEqual([doctor])
    const own = new AnchorSets([set(a.key, 'both', doctor), set('dr.kim+lab@clinic.example', 'both', clinic)])
    expect(own.incoming(address('dr.kim+lab@clinic.example'))).toEqual([clinic])
  })

  test('notifications are judged by incoming ∪ outgoing (TR-3)', () => {
    expect(sets.either(a)).toEqual([doctor, clinic])
    expect(sets.either(address('x@elsewhere.example'))).toEqual([everyone])
  })

  test('an entry without anchors narrows to nobody', () => {
    const narrowed = new AnchorSets([set('*', 'both', everyone), set('clinic.example', 'both')])
    expect(narrowed.incoming(a)).toEqual([])
  })

  test('several entries for one name add up, each anchor once', () => {
    const several = new AnchorSets([set('*', 'both', everyone, clinic), set('*', 'incoming', clinic, doctor)])
    expect(several.incoming(a)).toEqual([everyone, clinic, doctor])
    expect(several.outgoing(a)).toEqual([everyone, clinic])
  })

  test('a parent domain’s entry does not count', () => {
    expect(new AnchorSets([set('example', 'both', everyone)]).incoming(a)).toEqual([])
  })
})

test('candidates are judged by the anchors of From, else of the only identity, else of * (DISC-10)', () => {
  const sets = new AnchorSets([
    set('*', 'both', everyone),
    set('clinic.example', 'both', clinic),
    set('dr.kim@clinic.example', 'both', doctor),
  ])
  expect(sets.outgoingFor(a, 'elsewhere.example')).toEqual([doctor])
  expect(sets.outgoingFor(null, 'clinic.example')).toEqual([clinic])
  expect(sets.outgoingFor(null, 'dr.kim@clinic.example')).toEqual([doctor])
  expect(sets.outgoingFor(null, 'third.example')).toEqual([everyone])
  expect(sets.outgoingFor(null, null)).toEqual([everyone])
  expect(new AnchorSets([]).outgoingFor(a, null)).toEqual([])
})

describe('what was taken out for one name', () => {
  const removed = (name: string) => [{ for: name, sha256: everyone.sha256 }]

  test('does not come back by a less specific entry', () => {
    const sets = new AnchorSets([set('*', 'both', everyone, clinic)], removed('Clinic.example'))
    expect(sets.incoming(a)).toEqual([clinic])
    expect(sets.incoming(address('x@elsewhere.example'))).toEqual([everyone, clinic])
  })

  test('does not bind an entry that is more specific', () => {
    const sets = new AnchorSets([set(a.key, 'both', everyone)], removed('clinic.example'))
    expect(sets.incoming(a)).toEqual([everyone])
  })
})

describe('a bundle that was never had', () => {
  const sets = new AnchorSets([
    set('*', 'both', everyone),
    { ...set('clinic.example', 'incoming'), missing: 'the bundle is missing' },
  ])

  test('is missing where its entry decides, and nowhere else', () => {
    expect(sets.missing('incoming', a)).toEqual(['the bundle is missing'])
    expect(sets.missing('either', a)).toEqual(['the bundle is missing'])
    expect(sets.missing('outgoing', a)).toEqual([])
    expect(sets.missing('incoming', address('x@elsewhere.example'))).toEqual([])
    expect(sets.missingFor(null, 'clinic.example')).toEqual([])
  })

  test('is no reason to say that nobody is trusted', () => {
    const only = new AnchorSets([{ ...set('*', 'incoming'), missing: 'the bundle is missing' }])
    expect([only.trustsNobody('incoming'), only.trustsNobody('outgoing')]).toEqual([false, true])
  })
})
