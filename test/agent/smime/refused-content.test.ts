import { expect, test } from 'vitest'
import { envelope, keyTrans, opaque } from './hostile.ts'
import { header, judge, mail, signed } from './opening.ts'
import { bob, countingSpool } from './parties.ts'

const TO_BOB = { recipientInfos: [keyTrans(bob)] }
const encoded = (message: string) =>
  `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(message).toString('base64')}\r\n`

test.each([
  ['nothing', 'accept', null, `${header()}\r\nPlease see her.\r\n`],
  ['a control in its header', 'reject', 'MALFORMED', `${header({ 'X-A': 'b\u0007' })}\r\n`],
  ['no header', 'reject', 'MALFORMED', ''],
  ['an envelope', 'reject', 'MALFORMED', header() + opaque(envelope(signed(), TO_BOB))],
] as const)(
  'a wrapped message that came in base64 (IN-2) and holds %s leaves nothing in the spool (MSG-15)',
  async (_, verdict, code, message) => {
    const { spool, open } = countingSpool()
    {
      await using judged = await judge(mail(envelope(signed(encoded(message)), TO_BOB)), { tools: { spool } })
      expect([judged.verdict, judged.code]).toEqual([verdict, code])
    }
    expect(open()).toBe(0)
  },
)
