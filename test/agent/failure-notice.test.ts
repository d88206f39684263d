import { expect, test } from 'vitest'
import { type Address, parseAddress } from '../../agent/address.ts'
import { readNotification } from '../../agent/mdn.ts'
import { type FailureFacts, writeFailureNotice } from '../../agent/notices/failure-notice.ts'
import { statusOf } from '../../agent/notices/status-code.ts'
import { concatSources } from '../../agent/smime/source.ts'

const facts: FailureFacts = {
  sender: parseAddress('dr.kim@clinic-a.example') as Address,
  messageId: '<n1@clinic-a.example>',
  date: new Date('2026-11-22T13:00:00Z'),
  originalMessageId: '<m1@clinic-a.example>',
  sentAt: new Date('2026-11-22T12:00:00Z'),
  concerned: [
    {
      address: 'dr.lee@clinic-b.example',
      state: 'expired',
      why: [{ code: 'NO_PROCESSED_IN_TIME', text: 'no answer by 13:00' }],
      at: new Date('2026-11-22T13:00:00Z'),
    },
    {
      address: 'ann@hisp.example',
      state: 'failed',
      why: [{ code: 'SMTP_REFUSED', text: '550 no such user\r\nBcc: evil@example.org Ωmega' }],
      at: new Date('2026-11-22T12:00:05Z'),
    },
  ],
}

test('a failure notice is as RFC 3464 has it, and says no more than who, when and why (N-8)', () => {
  const text = Buffer.from(writeFailureNotice(facts)).toString('latin1')
  expect(text).toBe(
    [
      'From: dr.kim@clinic-a.example',
      'To: dr.kim@clinic-a.example',
      'Subject: Not delivered',
      'Date: Sun, 22 Nov 2026 13:00:00 +0000',
      'Message-ID: <n1@clinic-a.example>',
      'In-Reply-To: <m1@clinic-a.example>',
      'References: <m1@clinic-a.example>',
      'Auto-Submitted: auto-generated',
      'MIME-Version: 1.0',
      'Content-Type: multipart/report; report-type=delivery-status;',
      ' boundary="BOUNDARY"',
      '',
      '--BOUNDARY',
      'Content-Type: text/plain; charset=us-ascii',
      '',
      'The message <m1@clinic-a.example>',
      'of Sun, 22 Nov 2026 12:00:00 +0000 did not reach, as far as is known:',
      '',
      'dr.lee@clinic-b.example',
      '  no answer by 13:00 (NO_PROCESSED_IN_TIME)',
      '  Reach the recipient by another way now, and ask whether it arrived: it may have, without a word of it reaching us.',
      '',
      'ann@hisp.example',
      '  550 no such user?Bcc: evil@example.org ?mega (SMTP_REFUSED)',
      '  The mail server says why: ask the recipient for the right address, or whoever runs the server; nothing is sent again.',
      '',
      '--BOUNDARY',
      'Content-Type: message/delivery-status',
      '',
      'Reporting-MTA: dns; clinic-a.example',
      'X-Original-Message-ID: <m1@clinic-a.example>',
      'Arrival-Date: Sun, 22 Nov 2026 12:00:00 +0000',
      '',
      'Final-Recipient: rfc822; dr.lee@clinic-b.example',
      'Action: failed',
      'Status: 5.4.7',
      'Diagnostic-Code: x-direct; NO_PROCESSED_IN_TIME',
      'Last-Attempt-Date: Sun, 22 Nov 2026 13:00:00 +0000',
      '',
      'Final-Recipient: rfc822; ann@hisp.example',
      'Action: failed',
      'Status: 5.0.0',
      'Diagnostic-Code: x-direct; SMTP_REFUSED',
      'Last-Attempt-Date: Sun, 22 Nov 2026 12:00:05 +0000',
      '',
      '--BOUNDARY',
      'Content-Type: text/rfc822-headers',
      '',
      'From: dr.kim@clinic-a.example',
      'To: dr.lee@clinic-b.example,',
      ' ann@hisp.example',
      'Date: Sun, 22 Nov 2026 12:00:00 +0000',
      'Message-ID: <m1@clinic-a.example>',
      '',
      '--BOUNDARY--',
      '',
    ]
      .join('\r\n')
      .replaceAll('BOUNDARY', /boundary="([^"]+)"/.exec(text)?.[1] as string),
  )
})

test('we read it as we read those of others', async () => {
  expect(await readNotification(concatSources([writeFailureNotice(facts)]))).toEqual({
    kind: 'dsn',
    originalMessageId: '<m1@clinic-a.example>',
    recipients: [
      {
        address: 'dr.lee@clinic-b.example',
        disposition: 'failed',
        detail: '5.4.7 x-direct; NO_PROCESSED_IN_TIME',
      },
      { address: 'ann@hisp.example', disposition: 'failed', detail: '5.0.0 x-direct; SMTP_REFUSED' },
    ],
  })
})

test.each([
  ['NO_CERTIFICATE', '5.7.4'],
  ['CERT_EXPIRED', '5.7.4'],
  ['UNKNOWN_ISSUER', '5.7.1'],
  ['NO_ANCHORS', '5.7.1'],
  ['NOT_HANDED_OVER_IN_TIME', '5.4.7'],
  ['NO_DISPATCHED_IN_TIME', '5.4.7'],
  ['NOTIFIED_FAILED', '5.0.0'],
])('%s is told as %s (N-8)', (code, status) => {
  expect(statusOf(code)).toBe(status)
})
