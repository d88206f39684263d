import { expect, test, vi } from 'vitest'
import type { ReceiveReport } from '../../agent/index.ts'
import { Output } from '../../cli/output.ts'
import { rowOf, tellLost } from '../../cli/receive.ts'

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

test('a receipt that cannot go is a note: of which message, to whom, the code and what has to be done', () => {
  const out = new Output()
  const talk = vi.spyOn(out, 'talk').mockReturnValue()
  tellLost(
    {
      about: '<m1@hisp.example>\u001b[2J',
      from: 'kim@clinic-a.example',
      to: 'lee@hisp.example',
      why: [{ code: 'NO_CERTIFICATE', text: 'no certificate is published for lee@hisp.example' }],
      advice: ['A receipt needs a certificate.', 'Ask the partner.'],
    },
    out,
  )
  expect(talk.mock.calls.flat()).toEqual([
    'direct: note: no receipt for <m1@hisp.example>\\u001b[2J goes from kim@clinic-a.example to lee@hisp.example: NO_CERTIFICATE, no certificate is published for lee@hisp.example',
    'direct: hint: A receipt needs a certificate.',
    'direct: hint: Ask the partner.',
  ])
})
