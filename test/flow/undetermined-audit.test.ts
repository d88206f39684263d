/** What waits is in the audit: when it began, once, and what it came to. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { GuardedFetch } from '../../agent/index.ts'
import { mint } from '../../fixtures/pki.ts'
import { makeCrl } from '../../fixtures/revocation.ts'
import { all, BOTH_PUBLISHED, issuer, pki, temporaryFolder, twoClinics } from './clinics.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const URL = 'http://crl.ca.example/root.crl'
const root = issuer('root-a')
const minted = mint({ issuer: root, key: 'dr-lee', san: ['clinic-a.example'], crlUrls: [URL] })

test('a message of which nothing final is known is audited when it begins to wait, not at each look, and when it is known', async () => {
  const certificate = join(await temporaryFolder(), 'certificate.pem')
  await writeFile(certificate, minted.pem)
  const identities = [{ for: 'clinic-a.example', certificate, privateKey: pki('dr-lee.key') }]
  const zone = { ...BOTH_PUBLISHED, 'clinic-a.example': [Buffer.from(minted.certificate.der)] }
  let now = Date.parse('2026-11-21T12:00:00Z')
  let crl: Uint8Array | null = null
  const fetch: GuardedFetch = async ({ url }) => {
    if (crl !== null) return { status: 'ok', body: crl }
    return { status: 'failed', why: 'no answer', text: `${url} cannot be fetched now: no answer` }
  }
  const { a, b } = await twoClinics({ zone, a: { identities }, parts: { fetch, now: () => new Date(now) } })
  const { messageId } = await a.send({ from: KIM, to: [LEE], subject: 'Referral', text: 'Please see her.' })
  const ehr = await temporaryFolder()
  for (let looks = 0; looks < 3; looks++, now += 120_000) await all(b.receiveOnce({ deliverTo: ehr }))
  const rows = async () => await all(b.audit({ messageId }))
  expect(await rows()).toMatchObject([
    {
      event: 'undetermined',
      outcome: 'undetermined',
      from: KIM,
      address: LEE,
      certificate: minted.certificate.sha256,
      at: new Date('2026-11-21T12:00:00Z'),
      why: [{ code: 'REVOCATION_UNKNOWN', text: expect.stringContaining(URL) }],
    },
  ])
  crl = makeCrl({ issuer: root }).der
  await all(b.receiveOnce({ deliverTo: ehr }))
  expect((await rows()).map(({ event, outcome }) => [event, outcome]).slice(0, 2)).toEqual([
    ['undetermined', 'undetermined'],
    ['received', 'accepted'],
  ])
})
