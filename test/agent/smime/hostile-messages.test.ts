import { describe, expect, test } from 'vitest'
import { describeOpened } from '../../../agent/open/report.ts'
import { envelope, keyTrans } from './hostile.ts'
import { CATALOGUE } from './hostile-catalogue.ts'
import { flippedVectors, shownByOthers } from './hostile-gadgets.ts'
import { judge, mail, signed } from './opening.ts'
import { bob } from './parties.ts'

/**
 * What must not work. The same messages go through a mailbox, where nobody outside may hear of them, and through the
 * command line, in test/flow/hostile-messages.test.ts.
 */

test('the message that all of them are made from is accepted', async () => {
  await using judged = await judge(mail(envelope(signed(), { recipientInfos: [keyTrans(bob)] })))
  expect(describeOpened(judged)).toMatchObject({ verdict: 'accept', code: null, mdn: 'processed' })
})

describe.each(Object.entries(CATALOGUE))('%s', (_, messages) => {
  test.each(messages)(
    'mail with $name is refused as $code, with nothing of its content',
    async ({ mail, code }) => {
      await using judged = await judge(mail())
      expect(describeOpened(judged)).toMatchObject({ verdict: 'reject', code, mdn: 'none', parts: [] })
      expect(judged.trusted).toBeNull()
    },
  )
})

test('the malleability gadget is one: a program that shows what it decrypted would show an image whose address is the patient’s', () => {
  expect(shownByOthers()).toMatch(
    /^Content-Type:te\n.*<img ignore="a.*" src="\/\/eve\.ex\/.*must not be named/s,
  )
})

test('whichever bit of the initialisation vector is flipped, it is UNDECRYPTABLE, or what it was', async () => {
  const codes = new Map<string | null, number>()
  for (const mail of flippedVectors()) {
    await using judged = await judge(mail)
    codes.set(judged.code, (codes.get(judged.code) ?? 0) + 1)
  }
  // Twelve letters of `Content-Type` in the other case, the blank behind it and TAB, are the same header.
  expect([...codes.keys()].toSorted()).toEqual(['UNDECRYPTABLE', null].toSorted())
})
