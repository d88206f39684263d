import { expect, test } from 'vitest'
import type { Log } from '../../agent/log.ts'
import { Lanes } from '../../agent/outbox/lanes.ts'
import { deliverCopies } from '../../agent/outbox.ts'
import { createSmtpClient } from '../../mailbox/index.ts'
import { closedPort } from '../cli/clinics.ts'
import { scriptedSmtp } from '../mailbox/scripted-smtp.ts'
import { memoryStore } from '../store/places.ts'
import { bytes, message } from '../store/scenario.ts'

/** What the log says of a message that goes to a server at this port. */
async function logged(port: number): Promise<readonly (readonly [object, string])[]> {
  await using store = await memoryStore()
  await store.outbox.add(message(await store.bodies.write(bytes('sealed')), { at: new Date() }))
  const lines: [object, string][] = []
  const line = (facts: object, text: string) => void lines.push([facts, text])
  const log: Log = { info: line, warn: line, error: line }
  await using smtp = createSmtpClient({ lookup: async () => ['127.0.0.1'] })
  const tools = {
    ...{ store, smtp, log, lanes: new Lanes(), now: () => new Date(), random: () => 0 },
    relay: { host: 'mx.clinic.example', port, secure: false },
    tlsServers: new Map(),
    openRecord: () => Promise.reject(new Error('no tls route here')),
  }
  await deliverCopies(tools, { messageId: '<m1@clinic.example>' })
  return lines
}

test('the log of a server that is away names it, and why by the code of the error', async () => {
  const port = await closedPort()
  expect(await logged(port)).toEqual([
    [
      expect.objectContaining({ server: `mx.clinic.example:${port}`, code: 'SMTP_UNREACHABLE' }),
      'not handed over; direct status tells why',
    ],
  ])
})

test('of a server that puts the message off the log names the server, and nothing that it said', async () => {
  await using server = await scriptedSmtp({
    answer: (line) => (line.startsWith('MAIL') ? '451 4.3.0 SaidCanary' : undefined),
  })
  const [[facts] = []] = await logged(server.port)
  expect(facts).toMatchObject({ server: `mx.clinic.example:${server.port}`, waiting: 1 })
  expect(facts).not.toHaveProperty('code')
  expect(JSON.stringify(facts)).not.toContain('SaidCanary')
})
