/** TR-1: whom we believe is read at each question, so that what an administrator takes away counts at once. */
import { expect, onTestFinished, test } from 'vitest'
import { type Agent, createAgent } from '../../agent/index.ts'
import {
  all,
  clinicConfig,
  der,
  eventually,
  fingerprint,
  pki,
  temporaryFolder,
  twoClinics,
} from './clinics.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const referral = { from: KIM, to: [LEE], subject: 'Referral', text: 'Please see her.' }
const ROOT_A = fingerprint(der('root-a.pem'))
/** Two anchors, so that one is left. */
const trust = [{ for: '*', anchors: [pki('root-a.pem'), pki('root-b.pem')] }]

/** What an administrator does at the command line, beside the running agent. */
async function beside<T>(dataDir: string, act: (agent: Agent) => Promise<T>): Promise<T> {
  await using agent = await createAgent({ ...clinicConfig('b', dataDir), trust }, { network: false })
  return await act(agent)
}

const actor = 'admin'

test('an anchor that another process removes counts no more for the next address, and counts again once it is added', async () => {
  const { b, dirB } = await twoClinics({ b: { trust } })
  expect(await b.classify([KIM])).toMatchObject([{ route: 'direct' }])
  await beside(dirB, (other) => other.trust.remove(ROOT_A, { actor }))
  expect(await b.classify([KIM])).toMatchObject([{ route: 'insecure', why: [{ code: 'UNKNOWN_ISSUER' }] }])
  await beside(dirB, (other) => other.trust.add(pki('root-a.pem'), { for: '*', direction: 'both', actor }))
  expect(await b.classify([KIM])).toMatchObject([{ route: 'direct' }])
})

test('a message that came before the removal is refused after it; what waits for the EHR as well', async () => {
  const { a, b, dirB, post } = await twoClinics({ b: { trust } })
  await a.send(referral)
  const stop = new AbortController()
  for await (const _ of b.receive({ signal: stop.signal })) stop.abort()
  await a.send({ ...referral, subject: 'Another' })
  await beside(dirB, (other) => other.trust.remove(ROOT_A, { actor }))
  const ehr = await temporaryFolder()
  const reports = await all(b.receiveOnce({ deliverTo: ehr }))
  expect(reports).toMatchObject([
    { verdict: 'reject', code: 'SIGNER_UNTRUSTED' },
    { verdict: 'reject', code: 'SIGNER_UNTRUSTED' },
  ])
  expect(post.folders.get('clinic-b.example/Direct-Refused')).toHaveLength(2)
})

test('whoever has removed the last anchor keeps no daemon from starting: mail waits, and comes in once there is one again', async () => {
  const told: object[] = []
  const keep = (facts: object) => void told.push(facts)
  const log = { info: keep, warn: keep, error: keep }
  const ehr = await temporaryFolder()
  const { a, b, dirB, post } = await twoClinics({ partsB: { log } })
  await a.send(referral)
  await beside(dirB, (other) => other.trust.remove(ROOT_A, { actor }))
  const stop = new AbortController()
  const started = Promise.withResolvers<void>()
  const ran = b.run({ deliverTo: ehr, signal: stop.signal, onStarted: started.resolve })
  onTestFinished(async () => {
    stop.abort()
    await ran
  })
  await Promise.race([started.promise, ran])
  await eventually(() => told).toContainEqual(expect.objectContaining({ code: 'NO_ANCHORS' }))
  expect(post.folders.get('clinic-b.example/INBOX')).toHaveLength(1)
  stop.abort()
  await ran
  await b.trust.add(pki('root-a.pem'), { for: '*', direction: 'both', actor })
  expect(await all(b.receiveOnce({ deliverTo: ehr }))).toMatchObject([{ verdict: 'accept' }])
})

test('and what is wrong with our own certificates still does', async () => {
  const identities = [
    { for: 'clinic-b.example', certificate: pki('clinic-b.pem'), privateKey: pki('none.key') },
  ]
  const { b, dirB } = await twoClinics({ b: { identities } })
  await beside(dirB, (other) => other.trust.remove(ROOT_A, { actor }))
  const stop = AbortSignal.timeout(20_000)
  await expect(b.run({ deliverTo: await temporaryFolder(), signal: stop })).rejects.toMatchObject({
    code: 'KEY_UNREADABLE',
  })
})
