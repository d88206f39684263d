import { expect, test } from 'vitest'
import { revocationText } from '../../cli/text/revocation.ts'

test('what spoke of a revocation says when it was made, and until when it speaks', () => {
  const facts = {
    sha256: 'ab'.repeat(32),
    status: 'good',
    by: 'crl',
    text: 'http://ca.example/crl',
    thisUpdate: new Date('2026-11-01T00:00:00Z'),
    nextUpdate: new Date('2026-12-01T00:00:00Z'),
    stale: false,
  } as const
  expect(revocationText(facts)).toBe(
    'revocation of abababababababab…: good (by crl of http://ca.example/crl, made 2026-11-01T00:00:00.000Z, until 2026-12-01T00:00:00.000Z)',
  )
})
