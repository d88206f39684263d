import { expect, onTestFinished, test } from 'vitest'
import { createAgent } from '../../agent/index.ts'
import { mint } from '../../fixtures/pki.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { clinicConfig, temporaryFolder } from '../flow/clinics.ts'
import { pkiWeb } from '../services/pki-web.ts'

const ended = mint({ ca: true, key: 'root-a', subject: 'An ended root', to: '2025-01-01' })
const root = mint({ ca: true, key: 'root-b', subject: 'A root' })

test("the query of a bundle's URL, which its members alone may know, stands in no notice, log, reason or explanation (TR-4)", async () => {
  await using web = await pkiWeb({
    '/good?member=canary': Buffer.from(ended.pem + root.pem),
    '/moved?member=canary': { redirect: '/gone?member=canary' },
  })
  const urls = ['/good', '/moved', '/gone'].map((path) => `${web.url(path)}?member=canary`)
  const lines: string[] = []
  const keep = (facts: object, text: string) => void lines.push(`${JSON.stringify(facts)} ${text}`)
  const agent = await createAgent(
    {
      ...clinicConfig('a', await temporaryFolder()),
      network: { allowPrivate: true },
      trust: [{ for: '*', bundles: urls.map((url) => ({ url })) }],
    },
    { resolver: literalZone({}), log: { info: keep, warn: keep, error: keep } },
  )
  onTestFinished(() => agent[Symbol.asyncDispose]())

  const reports = await agent.trust.bundles.refresh({ actor: 'kim' })
  expect(reports.map(({ url }) => url)).toEqual(urls)
  expect(reports.map(({ outcome }) => outcome)).toEqual(['refreshed', 'failed', 'failed'])
  const notices = await agent.notices()
  const explained = await agent.explain(
    { address: 'dr.lee@hisp.example' },
    { from: 'dr.kim@clinic-a.example' },
  )
  const said = JSON.stringify([notices, lines, reports.map(({ why, notes }) => [why, notes]), explained])
  expect(said).not.toContain('canary')
  for (const path of ['/good', '/moved', '/gone']) expect(notices.join()).toContain(`${web.url(path)}?…`)
  expect(lines.join()).toContain(`"url":"${web.url('/good')}?…"`)
})
