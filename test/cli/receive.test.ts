import { expect, test } from 'vitest'
import type { ReceiveReport } from '../../agent/index.ts'
import { rowOf } from '../../cli/receive.ts'

const refused: ReceiveReport = {
  messageId: '<m1@hisp.example>',
  verdict: 'reject',
  code: 'SIGNER_UNTRUSTED',
  why: [
    { code: 'SIGNER_UNTRUSTED', text: 'the signer 3364e418 leads to no anchor' },
    { code: 'UNKNOWN_ISSUER', text: 'its issuer is not known' },
  ],
  from: 'lee@hisp.example',
  to: ['kim@clinic-a.example'],
  signer: null,
  recipients: [],
  innerSha256: null,
  deliveredTo: null,
}

test('a message that is refused, or not known yet, says its first reason', () => {
  expect(rowOf(refused).slice(1)).toEqual([
    '<m1@hisp.example>',
    'SIGNER_UNTRUSTED: the signer 3364e418 leads to no anchor',
    '',
  ])
  expect(rowOf({ ...refused, verdict: 'undetermined' })[2]).toMatch(/^SIGNER_UNTRUSTED: the signer/)
  expect(rowOf({ ...refused, code: 'DUPLICATE', why: [] })[2]).toBe('DUPLICATE')
})
