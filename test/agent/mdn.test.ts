import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Address, parseAddress } from '../../agent/address.ts'
import { answersNothing, composeMdn, isNotification, readNotification, writeMdn } from '../../agent/mdn.ts'
import { readMessageHeader } from '../../agent/read.ts'
import { corpora } from '../corpora.ts'
import { collect, sourceOf } from './mime/streams.ts'

const address = (text: string) => parseAddress(text) as Address
const MDN = {
  from: address('lee@hisp.example'),
  to: address('kim@clinic.example'),
  originalMessageId: '<1@clinic.example>',
  messageId: '<2@hisp.example>',
  date: new Date('2026-11-21T12:00:00Z'),
  reportingUa: 'hisp.example; direct-agent',
  kind: 'processed',
} as const
const mail = (...lines: string[]) => sourceOf(lines.join('\r\n'))

describe('a processed MDN', () => {
  const written = Buffer.from(writeMdn(MDN)).toString('latin1')

  test('N-1: names the message, the recipient and the disposition exactly', () => {
    const part = written.split('Content-Type: message/disposition-notification\r\n\r\n')[1]
    expect(part?.split('\r\n').slice(0, 4)).toEqual([
      'Reporting-UA: hisp.example; direct-agent',
      'Final-Recipient: rfc822; lee@hisp.example',
      'Original-Message-ID: <1@clinic.example>',
      'Disposition: automatic-action/MDN-sent-automatically; processed',
    ])
  })

  test('N-2: refers to the message, says that it is automatic, and asks for no MDN', async () => {
    expect(await readMessageHeader(sourceOf(written))).toMatchObject({
      inReplyTo: MDN.originalMessageId,
      references: MDN.originalMessageId,
      autoSubmitted: 'auto-replied',
      messageId: MDN.messageId,
      notificationTo: { fields: 0 },
      mediaType: { type: 'multipart/report' },
    })
  })

  test('MSG-6: is CRLF and ASCII, and every field has its space', () => {
    expect(written).toMatch(/^([\t -~]{0,78}\r\n)+$/)
    expect(written).not.toMatch(/^[\w-]+:[^ ]/m)
  })

  test('N-1: sent again, it is the same', () => {
    expect(Buffer.from(writeMdn(MDN)).toString('latin1')).toBe(written)
  })

  test('is read as what it says, and is wrapped like any message', async () => {
    const composed = composeMdn(MDN)
    expect((await collect(composed.inner.read())).toString('latin1')).toBe(written)
    expect(composed.routing).toMatchObject({ messageId: MDN.messageId, to: [MDN.to], bcc: [] })
    expect(await readNotification(composed.inner)).toEqual({
      kind: 'mdn',
      originalMessageId: '<1@clinic.example>',
      recipients: [
        {
          address: 'lee@hisp.example',
          disposition: 'processed',
          detail: 'automatic-action/MDN-sent-automatically; processed',
        },
      ],
    })
  })

  test.each(['<1>\r\nBcc: x@y.example', '<1\0>', '<\u0085>', '<é@x>', '', 'x'.repeat(1000)])(
    'MSG-13: a hostile Message-ID is refused: %j',
    (originalMessageId) => {
      expect(() => writeMdn({ ...MDN, originalMessageId })).toThrow(
        expect.objectContaining({ name: 'DirectError', code: 'MESSAGE_INVALID' }),
      )
    },
  )
})

describe('N-5: MDNs are read leniently', () => {
  const report = (...fields: string[]) =>
    readNotification(
      mail(
        'Content-Type: Multipart/Report; boundary=b; Report-Type="Disposition-Notification"',
        'In-Reply-To: <thread@x>',
        '',
        '--b',
        '',
        'text',
        '--b',
        'Content-Type: message/disposition-notification',
        '',
        ...fields,
        '--b--',
      ),
    )
  const disposition = async (value: string) =>
    (await report(`Disposition: ${value}`))?.recipients[0]?.disposition

  test.each([
    ['automatic-action/MDN-sent-automatically; processed', 'processed'],
    ['Automatic-Action/mdn-sent-AUTOMATICALLY;Processed', 'processed'],
    ['automatic-action/MDN-sent-automatically (really); dispatched', 'dispatched'],
    ['processed', 'processed'],
    ['automatic-action/MDN-sent-automatically; processed/warning', 'processed'],
    ['automatic-action/MDN-sent-automatically; failed', 'failed'],
    ['automatic-action/MDN-sent-automatically; denied', 'failed'],
    ['automatic-action/MDN-sent-automatically; processed/error', 'failed'],
    ['automatic-action/MDN-sent-automatically; dispatched/warning, Failed', 'failed'],
    ['manual-action/MDN-sent-manually; displayed', 'unknown'],
    ['automatic-action/MDN-sent-automatically; deleted', 'unknown'],
    ['automatic-action/MDN-sent-automatically (by (our) agent; "twice); processed (now)', 'processed'],
    ['automatic-action/MDN-sent-automatically; processed;', 'processed'],
    ['automatic-action/MDN-sent-automatically; processed; error', 'failed'],
    ['automatic-action/MDN-sent-automatically; (processed)', 'unknown'],
    ['automatic-action/MDN-sent-automatically', 'unknown'],
    ['', 'unknown'],
  ])('Disposition: %s is %s', async (value, expected) => {
    expect(await disposition(value)).toBe(expected)
  })

  test('a missing Disposition is no success', async () => {
    expect((await report('Final-Recipient: rfc822; a@x.example'))?.recipients).toEqual([
      { address: 'a@x.example', disposition: 'unknown', detail: null },
    ])
  })

  test('blanks before the colon, folds, any case, a missing type, a friendly name', async () => {
    for (const field of [
      'FINAL-RECIPIENT : RFC822;a@x.example',
      'final-recipient:\r\n rfc822;\r\n\ta@x.example',
      'Final-Recipient: a@x.example',
      'Final-Recipient: rfc822; Ann <a@x.example>',
      'Final-Recipient: rfc822; "Ann (cardiology; 2nd floor" <a@x.example>',
      'Final-Recipient: (to; whom) rfc822 (a type (of address)); a@x.example (Ann)',
    ])
      expect((await report(field, ''))?.recipients[0]?.address).toBe('a@x.example')
  })

  test('a Final-Recipient that is no address is none', async () => {
    for (const field of [
      'Final-Recipient: rfc822; nobody',
      'Final-Recipient: a@x.example, b@x.example',
      'X: y',
    ])
      expect((await report(field))?.recipients[0]?.address).toBeNull()
  })

  test.each(['<own@x>', 'own@x', '<own@x> (yours)', '(of; yours) own@x', '<own@\r\n x>'])(
    'Original-Message-ID: %j names the message, whose own has angle brackets and no blank',
    async (value) => {
      expect((await report(`Original-Message-ID: ${value}`))?.originalMessageId).toBe('<own@x>')
    },
  )

  test('without Original-Message-ID, In-Reply-To counts', async () => {
    expect((await report('Original-Message-ID: (none)'))?.originalMessageId).toBe('<thread@x>')
    expect((await report('Disposition: x'))?.originalMessageId).toBe('<thread@x>')
  })

  test('a report without its machine-readable part is a notification about nobody', async () => {
    const message = mail(
      'Content-Type: multipart/report; report-type=disposition-notification; boundary=b',
      'References: <0@x> <1@x>',
      '',
      '--b--',
    )
    expect(await readNotification(message)).toEqual({
      kind: 'mdn',
      originalMessageId: '<1@x>',
      recipients: [],
    })
  })
})

describe('N-8: DSNs', () => {
  const dsn = (...groups: string[]) =>
    readNotification(
      mail(
        'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
        '',
        '--b',
        'Content-Type: message/delivery-status',
        '',
        groups.join('\r\n\r\n'),
        '--b--',
      ),
    )

  test('each recipient has its own state; only a failure counts', async () => {
    expect(
      await dsn(
        'Reporting-MTA: dns; x\r\nX-Original-Message-ID: <1@x>',
        'Final-Recipient: rfc822; a@x.example\r\nAction: failed\r\nStatus: 5.7.4\r\nDiagnostic-Code: x; no\u0001pe',
        'Final-Recipient: rfc822; b@x.example\r\nAction: delivered\r\nStatus: 2.0.0',
        'Final-Recipient: rfc822; c@x.example\r\nStatus: 5.0.0',
        'Final-Recipient: rfc822; d@x.example\r\nAction: delayed\r\nStatus: 4.0.0',
      ),
    ).toEqual({
      kind: 'dsn',
      originalMessageId: '<1@x>',
      recipients: [
        { address: 'a@x.example', disposition: 'failed', detail: '5.7.4 x; no?pe' },
        { address: 'b@x.example', disposition: 'unknown', detail: '2.0.0' },
        { address: 'c@x.example', disposition: 'failed', detail: '5.0.0' },
        { address: 'd@x.example', disposition: 'unknown', detail: '4.0.0' },
      ],
    })
  })

  test('N-5: an Action has a comment, and the message is named as an MDN does it', async () => {
    expect(
      await dsn(
        'Reporting-MTA: dns; x\r\nOriginal-Message-ID: 1@x',
        'Final-Recipient: rfc822; a@x.example\r\nAction: Failed (no such user)\r\nStatus: 5.1.1',
      ),
    ).toMatchObject({
      originalMessageId: '<1@x>',
      recipients: [{ address: 'a@x.example', disposition: 'failed' }],
    })
  })

  test.each(['text/rfc822-headers', 'message/rfc822'])(
    "N-5: a mail server's own DSN names the message by the %s that it returns",
    async (type) => {
      const message = mail(
        'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
        '',
        '--b',
        'Content-Type: message/delivery-status',
        '',
        'Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@x.example\r\nAction: failed\r\nStatus: 5.1.1',
        '--b',
        `Content-Type: ${type}`,
        '',
        'From: kim@clinic.example',
        'Message-ID: <1@x>',
        '--b--',
      )
      expect(await readNotification(message)).toMatchObject({
        originalMessageId: '<1@x>',
        recipients: [{ address: 'a@x.example', disposition: 'failed' }],
      })
    },
  )

  test('IN-11: a report that is too long is LIMIT_EXCEEDED', async () => {
    await expect(dsn('x'.repeat(2 << 20))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })
})

describe('what is a notification, and what is answered', () => {
  const facts = (...lines: string[]) => readMessageHeader(mail(...lines, '', ''))

  test('only a report of a known type is a notification, for reading and for judging alike', async () => {
    for (const [type, expected] of [
      ['multipart/report; report-type=disposition-notification; boundary=b', true],
      ['multipart/report; report-type="Delivery-Status"; boundary=b', true],
      ['multipart/report; report-type=feedback-report; boundary=b', false],
      ['multipart/report; boundary=b', false],
      ['multipart/mixed; report-type=disposition-notification; boundary=b', false],
      ['text/plain', false],
    ] as const) {
      const message = mail(`Content-Type: ${type}`, '', '--b--')
      expect(isNotification(await readMessageHeader(message)), type).toBe(expected)
      expect((await readNotification(message)) !== null, type).toBe(expected)
    }
  })

  test.each([
    [['Content-Type: multipart/report; report-type=disposition-notification'], true],
    [['Content-Type: multipart/report; report-type=delivery-status'], true],
    [['Auto-Submitted: auto-replied'], true],
    [['Auto-Submitted: Auto-Generated; x=y'], true],
    [['Auto-Submitted: (robot) auto-notified'], true],
    [['Auto-Submitted: No (a person)'], false],
    [['Subject: x'], false],
  ] as const)('N-2: %s', async (lines, expected) => {
    expect(answersNothing(await facts(...lines))).toBe(expected)
  })

  test('a million semicolons before a line separator are one parameter, read at once (N-2)', async () => {
    const autoSubmitted = `no${';'.repeat(1_000_000)}\u2028x`
    expect(answersNothing({ mediaType: { type: 'text/plain', parameters: new Map() }, autoSubmitted })).toBe(
      false,
    )
  })
})

const folder = corpora('messages/nhin-d')
describe.skipIf(folder === null)('the reference implementations’ own notifications', () => {
  // A fold stands within it, which is no part of it (N-5).
  const ID = '<9501051053.aa04167@IETF.CNRI.Reston.VA.US>'
  const US = 'externUser1@starugh-stateline.com'
  const CAROL = 'Carol@ivory.edu'
  test.each([
    ['agent_MDNMessage', ID, US, 'processed'],
    ['agent_MDNMessageNonCanonicalized', ID, 'llindsey@messaging.cernerdemos.com', 'processed'],
    ['agent_MDNResponse', null, null, 'processed'],
    ['common_MDNMessage', ID, US, 'processed'],
    ['common_MDNMessageFriendlyNameFinalRecip', ID, US, 'processed'],
    ['common_MDNMessageNoDisp', ID, US, 'unknown'],
    ['common_MDNMessageNoFinalRecip', ID, null, 'processed'],
    ['common_MDNMessageOrigInReplyTo', ID, US, 'processed'],
    ['common_MDNDispatchedTimeAndReliable', ID, US, 'dispatched'],
    ['common_MDNDispatchedTimeAndReliableLowerCaseOption', ID, US, 'dispatched'],
    ['agent_DSNMessage', null, CAROL, 'failed'],
    ['common_DSNMessage', ID, CAROL, 'failed'],
    ['common_DSNMessageNoActionOrStatus', ID, CAROL, 'unknown'],
    ['common_DSNMessageOrigInReplyTo', ID, CAROL, 'failed'],
  ])('%s', async (file, id, recipient, disposition) => {
    const message = sourceOf(readFileSync(join(folder as string, `${file}.txt`)))
    expect(await readNotification(message)).toMatchObject({
      originalMessageId: id,
      recipients: [{ address: recipient, disposition }],
    })
  })
})
