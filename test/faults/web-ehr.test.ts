import { expect, test } from 'vitest'
import { digest } from './ehr.ts'
import { WebEhr } from './web-ehr.ts'

const MESSAGE = 'Subject: a message\r\n\r\nas it was sent'

async function tell(ehr: WebEhr, key: string, message = MESSAGE, more: object = {}): Promise<void> {
  const form = new FormData()
  form.append(
    'delivery',
    JSON.stringify({ messageId: '<1@a>', innerSha256: digest(Buffer.from(message)), ...more }),
  )
  form.append('message', new Blob([message], { type: 'message/rfc822' }), 'message.eml')
  const headers = { 'direct-event': 'message', 'idempotency-key': key }
  await (await fetch(ehr.url, { method: 'POST', headers, body: form })).text()
}

async function tellEvent(ehr: WebEhr, key: string, type: string): Promise<void> {
  const headers = { 'content-type': 'application/json', 'direct-event': 'processed', 'idempotency-key': key }
  await (await fetch(ehr.url, { method: 'POST', headers, body: JSON.stringify({ key, type }) })).text()
}

async function told(tell: (ehr: WebEhr) => Promise<void>) {
  let life = 1
  await using ehr = await WebEhr.start(0, 1, () => ({ life: life++, kill: async () => false }))
  await tell(ehr)
  return {
    named: (await ehr.taken()).map(({ named }) => named),
    changed: ehr.findings.filter((finding) => finding.includes('other bytes')).length,
  }
}

test('the same again under its key is no finding', async () => {
  const twice = async (ehr: WebEhr) => {
    for (let i = 0; i < 2; i++) {
      await tell(ehr, 'k1')
      await tellEvent(ehr, 'e1', 'processed')
    }
  }
  expect(await told(twice)).toEqual({ named: [true], changed: 0 })
})

test.each<[string, (ehr: WebEhr) => Promise<void>]>([
  ['the bytes of a message', (ehr) => tell(ehr, 'k1', `${MESSAGE} `)],
  ['what is said beside it', (ehr) => tell(ehr, 'k1', MESSAGE, { cc: ['lee@b.example'] })],
])('a message that comes again under its key with %s changed is damaged', async (_, again) => {
  const both = async (ehr: WebEhr) => {
    await tell(ehr, 'k1')
    await again(ehr)
  }
  expect(await told(both)).toEqual({ named: [false], changed: 1 })
})

test('an event that comes again under its key with other words is a finding', async () => {
  const both = async (ehr: WebEhr) => {
    await tellEvent(ehr, 'e1', 'processed')
    await tellEvent(ehr, 'e1', 'failed')
  }
  expect(await told(both)).toEqual({ named: [], changed: 1 })
})
