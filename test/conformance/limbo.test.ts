import { describe, expect, test } from 'vitest'
import { DIVERGENCES, TIDINESS, type Tidiness } from './divergences.ts'
import { diverges, isFalseAccept, judge, LIMBO_ROWS, limbo, web } from './rows.ts'

const rows = limbo()
const judged = rows.filter(({ id }) => TIDINESS[id] === undefined)
const tidy = rows.filter(({ id }) => TIDINESS[id] !== undefined)

describe.skipIf(rows.length === 0)('x509-limbo (CERT-5, CERT-7)', () => {
  test.each(judged)('$id: $expect', (row) => {
    const { verdict } = judge(row)
    const pin = DIVERGENCES[row.id]
    if (pin !== undefined) expect(row.expect, 'the pin names what the suite expects').toBe(pin.they)
    expect(verdict.verdict, pin?.because ?? verdict.text ?? '').toBe(pin?.we ?? row.expect)
    if (pin !== undefined) expect(verdict.reason).toBe(pin.code)
  })

  test.each(tidy)('$id only asks its issuer to be tidy', (row) => {
    const { verdict, text } = judge(row).verdict
    const { we, because } = TIDINESS[row.id] as Tidiness
    expect([row.expect, verdict], text ?? because).toEqual(['reject', we])
  })

  test('all 137 rows are accounted for: 22 about tidiness apart, and 115 judged', () => {
    expect(rows).toHaveLength(LIMBO_ROWS)
    expect(tidy.map(({ id }) => id).sort()).toEqual(Object.keys(TIDINESS).sort())
    expect([tidy.length, judged.length]).toEqual([22, 115])
  })

  test('of the 115 none is accepted wrongly, and 95 % or more are right', () => {
    const outcomes = judged.map(judge)
    expect(outcomes.filter(isFalseAccept).map(({ row }) => row.id)).toEqual([])
    const right = outcomes.filter((outcome) => !diverges(outcome)).length
    expect(right / outcomes.length).toBeGreaterThanOrEqual(0.95)
  })

  test('every pin stands for a row that is judged, and for a divergence', () => {
    const ids = new Set(judged.map(({ id }) => id))
    const pins = Object.entries(DIVERGENCES).filter(([id]) => id.startsWith('limbo::'))
    for (const [id, { they, we }] of pins) expect([id, ids.has(id), they === we]).toEqual([id, true, false])
  })

  test('the rules of the web are run as well, and end with a verdict', () => {
    const outcomes = web().map(judge)
    expect(outcomes).toHaveLength(70)
    for (const { verdict } of outcomes) expect(['accept', 'reject']).toContain(verdict.verdict)
  })
})
