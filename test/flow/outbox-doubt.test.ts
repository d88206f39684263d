import { expect, test } from 'vitest'
import { adviceOn } from '../../agent/advice.ts'
import { silent } from '../../agent/log.ts'
import { Lanes } from '../../agent/outbox/lanes.ts'
import { Outages } from '../../agent/outbox/outages.ts'
import { deliverCopies, type OutboxTools } from '../../agent/outbox.ts'
import type { RecipientOutcome } from '../../mailbox/index.ts'
import { createSmtpClient } from '../../mailbox/index.ts'
import type { Store } from '../../store/index.ts'
import { scriptedSmtp } from '../mailbox/scripted-smtp.ts'
import { memoryStore } from '../store/places.ts'
import { at, bytes, message } from '../store/scenario.ts'

const ANN = 'ann@hisp.example'
const LEE = 'lee@hisp.example'

/** The tools of an outbox whose clock stands where the test sets it, and what SMTP was asked for. */
function outboxOf(store: Store, say: (address: string) => RecipientOutcome['outcome']) {
  const asked: (readonly string[])[] = []
  const clock = { now: 0 }
  const tools: OutboxTools = {
    store,
    smtp: {
      submit: async (_server, { to }) => {
        asked.push(to)
        return to.map((address) => ({ address, outcome: say(address), reply: 'as scripted' }))
      },
      proveTls: () => Promise.reject(new Error('no tls route here')),
    },
    relay: { host: 'mx', port: 25, secure: false },
    tlsServers: new Map(),
    openRecord: () => Promise.reject(new Error('no tls route here')),
    now: () => at(clock.now),
    log: silent,
    lanes: new Lanes(),
    outages: new Outages(silent),
    random: () => 0,
  }
  return { tools, asked, clock }
}

test('what is in doubt waits two minutes for its MDN, whoever else of the copy failed; who was accepted is out of it', async () => {
  await using store = await memoryStore()
  await store.outbox.add(message(await store.bodies.write(bytes('sealed')), {}, [ANN, LEE]))
  const says = { [ANN]: 'accepted', [LEE]: 'unknown' } as const
  const { tools, asked, clock } = outboxOf(store, (address) => says[address as typeof ANN])
  const id = { messageId: '<m1@clinic.example>' }
  await deliverCopies(tools, id)
  clock.now = 119
  await deliverCopies(tools, id)
  expect(asked).toEqual([[ANN, LEE]])
  clock.now = 120
  await deliverCopies(tools, id)
  expect(asked).toEqual([[ANN, LEE], [LEE]])
})

test.each([
  ['before the last byte', false, 'message', 30],
  ['behind it, where the server may have the message', true, 'message', 120],
  ['behind it, of an MDN, of which no MDN tells', true, 'notification', 30],
] as const)(
  'killed in the midst of a transaction, %s: it is tried again when the hold ends',
  async (_, all, kind, seconds) => {
    await using store = await memoryStore()
    await store.outbox.add(message(await store.bodies.write(bytes('sealed')), { kind }, [LEE]))
    const { tools, asked, clock } = outboxOf(store, () => 'accepted')
    const id = { messageId: '<m1@clinic.example>' }
    const killed = Promise.withResolvers<void>()
    const smtp: OutboxTools['smtp'] = {
      ...tools.smtp,
      async submit(_server, { content, onAllSent, to }) {
        if (all) await Array.fromAsync(content())
        if (all) await onAllSent?.(to)
        killed.resolve()
        return new Promise(() => undefined)
      },
    }
    void deliverCopies({ ...tools, smtp, lanes: new Lanes() }, id)
    await killed.promise
    clock.now = seconds - 1
    await deliverCopies(tools, id)
    expect(asked).toEqual([])
    clock.now = seconds
    await deliverCopies(tools, id)
    expect(asked).toEqual([[LEE]])
  },
)

test.each([
  ['before the last byte', false],
  ['behind it', true],
])(
  'killed %s: whoever comes says whether it may have arrived, and nobody advises a second message for nothing',
  async (_, all) => {
    await using store = await memoryStore()
    const one = message(await store.bodies.write(bytes('sealed\r\n')), {}, [LEE])
    const recipients = one.recipients.map((recipient) => ({ ...recipient, deadline: at(600) }))
    await store.outbox.add({ ...one, recipients })
    const { tools } = outboxOf(store, () => 'temporary')
    const killed = Promise.withResolvers<void>()
    await using smtp = await scriptedSmtp({
      answer: (line) => {
        if (line !== (all ? 'END' : 'DATA')) return undefined
        killed.resolve()
        return ''
      },
    })
    const sending = {
      ...tools,
      relay: { host: 'mx', port: smtp.port, secure: false },
      smtp: createSmtpClient({ lookup: async () => ['127.0.0.1'] }),
    }
    void deliverCopies(sending, { messageId: one.messageId }).catch(() => undefined)
    await killed.promise
    const codes = async () =>
      (await store.tracking.status())[0]?.recipients.map(({ state, why }) => [
        state,
        why.map(({ code }) => code),
      ])
    expect(await codes()).toEqual([['queued', all ? ['SMTP_IN_DOUBT'] : []]])
    await store.tracking.expire(at(600), { limitMs: 600_000, graceMs: 0, readUntil: at(600) })
    expect(await codes()).toEqual([
      ['expired', all ? ['NOT_HANDED_OVER_IN_TIME', 'SMTP_IN_DOUBT'] : ['NOT_HANDED_OVER_IN_TIME']],
    ])
    const [{ why = [] } = {}] = (await store.tracking.status())[0]?.recipients ?? []
    expect(adviceOn(why.map(({ code }) => code)).join(' ')).toContain(
      all ? 'before you send it again' : 'send it again once',
    )
  },
)

test('a stop leaves in doubt what is in doubt, and lets the rest go on at once', async () => {
  for (const [outcome, due] of [
    ['unknown', 120],
    ['temporary', 0],
  ] as const) {
    await using store = await memoryStore()
    await store.outbox.add(message(await store.bodies.write(bytes('sealed')), {}, [LEE]))
    const stop = new AbortController()
    const { tools } = outboxOf(store, () => {
      stop.abort()
      return outcome
    })
    await deliverCopies(tools, { messageId: '<m1@clinic.example>', signal: stop.signal })
    expect(await store.outbox.nextDue()).toEqual(at(due))
  }
})

test('a 250 that was lost is not asked for again once the MDN has come: nothing goes twice (N-7)', async () => {
  await using store = await memoryStore()
  await store.outbox.add(message(await store.bodies.write(bytes('sealed')), {}, [ANN, LEE]))
  const { tools, asked, clock } = outboxOf(store, () => 'unknown')
  const id = { messageId: '<m1@clinic.example>' }
  await deliverCopies(tools, id)
  const notification = { originalMessageId: id.messageId, disposition: 'processed' } as const
  await store.tracking.notified({ ...notification, recipient: LEE }, at(30), [])
  clock.now = 120
  await deliverCopies(tools, id)
  expect(asked).toEqual([[ANN, LEE], [ANN]])
  await store.tracking.notified({ ...notification, recipient: ANN }, at(130), [])
  clock.now = 3600
  await deliverCopies(tools, id)
  expect(asked).toHaveLength(2)
  expect(await store.outbox.nextDue()).toBeNull()
})

test('a 250 that was lost is followed by the same bytes, and no second message', async () => {
  await using store = await memoryStore()
  await store.outbox.add(message(await store.bodies.write(bytes('sealed\r\n')), {}, [LEE]))
  await using smtp = await scriptedSmtp({
    answer: (line) => (line === 'END' && smtp.sessions.length === 1 ? null : undefined),
  })
  const { tools, clock } = outboxOf(store, () => 'temporary')
  const real = {
    ...tools,
    relay: { host: 'mx', port: smtp.port, secure: false },
    smtp: createSmtpClient({ lookup: async () => ['127.0.0.1'] }),
  }
  const id = { messageId: '<m1@clinic.example>' }
  await deliverCopies(real, id)
  expect(await store.tracking.status()).toMatchObject([
    { recipients: [{ state: 'queued', why: [{ code: 'SMTP_IN_DOUBT' }] }] },
  ])
  clock.now = 120
  await deliverCopies(real, id)
  expect(await store.tracking.status()).toMatchObject([{ recipients: [{ state: 'sent' }] }])
  expect(smtp.sessions.map(({ messages }) => messages)).toEqual([['sealed\r\n'], ['sealed\r\n']])
})
