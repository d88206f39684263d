import { describe, expect, test } from 'vitest'
import { DIVERGENCES } from './divergences.ts'
import { isFalseAccept, isFalseReject, judge, PKITS_ROWS, pkits } from './rows.ts'

const rows = pkits()

describe.skipIf(rows.length === 0)('NIST PKITS 1.0.1 (CERT-5, CERT-7)', () => {
  test.each(rows)('$id: $expect', (row) => {
    const { verdict } = judge(row)
    const pin = DIVERGENCES[row.id]
    if (pin !== undefined) expect(row.expect, 'the pin names what the suite expects').toBe(pin.they)
    expect(verdict.verdict, pin?.because ?? verdict.text ?? '').toBe(pin?.we ?? row.expect)
    if (pin !== undefined) expect(verdict.reason).toBe(pin.code)
  })

  test('all 247 are judged: none is accepted wrongly, and at most two are rejected wrongly', () => {
    const outcomes = rows.map(judge)
    expect(outcomes).toHaveLength(PKITS_ROWS)
    expect(outcomes.filter(isFalseAccept).map(({ row }) => row.id)).toEqual([])
    expect(outcomes.filter(isFalseReject).length).toBeLessThanOrEqual(2)
  })

  test('a rejected row says why, with a code and a sentence; an accepted one shows its path', () => {
    for (const { verdict } of rows.map(judge)) {
      const { reason, text, path } = verdict
      if (verdict.verdict === 'accept') expect([reason, text, path.length > 1]).toEqual([null, null, true])
      else expect([reason, text, path]).toEqual([expect.any(String), expect.stringMatching(/\w+ \w+/), []])
    }
  })

  test('every pin stands for a row of the suite, and for a divergence', () => {
    const ids = new Set(rows.map(({ id }) => id))
    const pins = Object.entries(DIVERGENCES).filter(([id]) => id.startsWith('pkits::'))
    for (const [id, { they, we }] of pins) expect([id, ids.has(id), they === we]).toEqual([id, true, false])
  })
})
