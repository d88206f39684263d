import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import type { Literal } from '../dns/literal-zone.ts'
import {
  all,
  BOTH_PUBLISHED,
  canaryDraft,
  clock,
  mintedIdentity,
  TLS_PARTNER,
  temporaryFolder,
  twoClinics,
} from './clinics.ts'

/** By what a message was sealed and opened stands in the audit, and of a sent one in its status (ALG). */

const TO = 'dr.lee@clinic-b.example'
const OURS = {
  content: 'aes-256-cbc',
  keyTransport: 'rsa-oaep-sha256',
  digest: 'sha-256',
  signature: 'rsa-pkcs1',
}

async function rowsOf(agent: Awaited<ReturnType<typeof twoClinics>>['a'], messageId: string) {
  const rows = await all(agent.audit({ messageId }))
  return rows.map(({ event, address, algorithms }) => ({ event, address, algorithms }))
}

test('what was sealed, what SMTP took and what was read of it say the same; so does the receipt', async () => {
  const { a, b } = await twoClinics({ a: { algorithms: { digest: 'sha-384', content: 'aes-128-gcm' } } })
  const { messageId } = await a.send(canaryDraft())
  const sealed = { ...OURS, digest: 'sha-384', content: 'aes-128-gcm' }
  expect(await rowsOf(a, messageId)).toEqual([
    { event: 'queued', address: TO, algorithms: sealed },
    { event: 'sent', address: TO, algorithms: sealed },
  ])
  expect(await a.status(messageId)).toMatchObject([{ recipients: [{ address: TO, algorithms: sealed }] }])
  await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))
  const atB = await rowsOf(b, messageId)
  expect(atB).toContainEqual({ event: 'received', address: TO, algorithms: sealed })
  // What A says that it can read is better than what B would have used (RFC 8551 2.7.1).
  const receipt = atB.find(({ event }) => event === 'mdn-queued')
  expect(receipt?.algorithms).toEqual({ ...OURS, content: 'aes-256-gcm' })
  expect(atB.find(({ event }) => event === 'mdn-sent')?.algorithms).toEqual(receipt?.algorithms)
})

test('an EC key signs by ECDSA, and mail to its certificate goes by ECDH, whatever is configured', async () => {
  const identity = await mintedIdentity('clinic-b.example', {
    key: 'ec-p256',
    keyUsage: ['digitalSignature', 'keyAgreement'],
  })
  const { raw } = new X509Certificate(await readFile(identity.certificate))
  const clinics = await twoClinics({ b: { identities: [identity] }, zone: { 'clinic-b.example': [raw] } })
  const { messageId } = await clinics.a.send(canaryDraft())
  expect(await rowsOf(clinics.a, messageId)).toContainEqual({
    event: 'sent',
    address: TO,
    algorithms: { ...OURS, keyTransport: 'ecdh-sha256' },
  })
})

test('whoever waits is sealed for once it is known how; what goes by TLS is not sealed', async () => {
  const { now, pass } = clock()
  const zone: Record<string, Literal> = { ...BOTH_PUBLISHED, 'clinic-b.example': 'SERVFAIL' }
  const { a } = await twoClinics({ zone, a: TLS_PARTNER, partsA: { now, random: () => 1 } })
  const draft = canaryDraft({ to: [TO, 'mom@partner.example'] })
  const { messageId } = await a.send(draft, { keepTryingHours: 24 })
  const none = { algorithms: null }
  expect(await a.status(messageId)).toMatchObject([{ recipients: [none, { ...none, route: 'tls' }] }])
  zone['clinic-b.example'] = BOTH_PUBLISHED['clinic-b.example'] as Literal
  pass(10)
  await all(a.receiveOnce({ deliverTo: await temporaryFolder() }))
  expect(await a.status(messageId)).toMatchObject([{ recipients: [{ algorithms: OURS }, none] }])
  const rows = (await rowsOf(a, messageId)).filter(({ address }) => address === TO)
  expect(rows).toEqual([
    { event: 'queued', address: TO, algorithms: null },
    { event: 'queued', address: TO, algorithms: OURS },
    { event: 'sent', address: TO, algorithms: OURS },
  ])
})
