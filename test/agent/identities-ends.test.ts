import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { OwnCertificate } from '../../agent/identities/certificates.ts'
import { EndWatch, endNotices } from '../../agent/identities/end-watch.ts'
import { ownEnds, pinEnds } from '../../agent/identities/ends.ts'
import { createAgent } from '../../agent/index.ts'
import { type MintOptions, mint } from '../../fixtures/pki.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { clinicConfig, issuer, pki, temporaryFolder } from '../flow/clinics.ts'

const A = 'clinic-a.example'
const NOW = new Date('2026-11-22T12:00:00Z')
const DAY = 86_400_000
const inDays = (days: number) => new Date(NOW.getTime() + days * DAY)

const own = (days: number, more: MintOptions = {}, name = A): OwnCertificate => ({
  name,
  file: 'a.pem',
  intermediates: [],
  certificate: mint({
    issuer: issuer('root-a'),
    san: [name],
    key: 'clinic-a',
    to: inDays(days).toISOString(),
    ...more,
  }).certificate,
})
const told = (...all: readonly OwnCertificate[]) => endNotices(ownEnds(all, {}, NOW), new Set())

test.each([
  [61, null],
  [60.5, null],
  [60, 60],
  [31, 60],
  [30, 30],
  [14.2, 30],
  [14, 14],
  [7, 7],
  [1.5, 7],
  [1, 1],
  [0.01, 1],
])('%s days before its end a certificate has come to stage %s', (days, stage) => {
  expect(ownEnds([own(days)], {}, NOW).map((end) => end.stage)).toEqual(stage === null ? [] : [stage])
})

test('what ends is said in one sentence, with the days, the name and what to do', () => {
  expect(told(own(12))).toEqual([
    'the certificate of clinic-a.example ends in 12 days (2026-12-04); renew it: "direct cert request clinic-a.example"',
  ])
  expect(told(own(1))[0]).toContain('ends in 1 day (')
  expect(told(own(0.3))[0]).toContain('ends in less than a day (')
  const requested = endNotices(ownEnds([own(12)], {}, NOW), new Set([A]))
  expect(requested[0]).toContain('its renewal is requested: "direct cert import FILE"')
})

test('a newer certificate of the name is the end of it, unless it begins too late or cannot do the same', () => {
  expect(told(own(12), own(300))).toEqual([])
  expect(told(own(12), own(300, { from: inDays(10).toISOString() }))).toEqual([])
  expect(told(own(12), own(300, { from: inDays(20).toISOString() }))).toHaveLength(1)
  expect(told(own(12), own(300, { keyUsage: ['digitalSignature'] }))[0]).toMatch(
    /^the encryption certificate/,
  )
  expect(told(own(12), own(300, { san: ['clinic-b.example'] }))).toHaveLength(1)
})

test('each address of a domain has its own end, and the domain covers its addresses', () => {
  const [kim, lee] = ['dr.kim@clinic-a.example', 'dr.lee@clinic-a.example']
  const bound = (days: number, address: string) => own(days, { san: [address] })
  expect(told(bound(12, kim), bound(300, lee))).toEqual([expect.stringContaining(kim)])
  expect(told(bound(12, kim), own(300))).toEqual([])
  expect(told(bound(5, kim), own(12))).toEqual([expect.stringContaining('of clinic-a.example ends in 12')])
})

test('pins that end are told together, the first by its name', () => {
  const pin = (days: number, address: string) => ({ address, sha256: address, until: inDays(days) })
  const ends = pinEnds(
    [pin(20, 'b@x.example'), pin(3, 'a@x.example'), pin(99, 'c@x.example'), pin(-1, 'd@x')],
    NOW,
  )
  expect(endNotices(ends, new Set())).toEqual([
    'what is pinned to a@x.example ends in 3 days (2026-11-25), 1 more soon; "direct cert list" shows pins',
  ])
})

test('the daemon tells the present stage at its start, each later one once, and the end', () => {
  const lines: string[] = []
  const watch = new EndWatch({ info() {}, warn: (_, text) => void lines.push(text), error() {} })
  const one = own(45)
  for (let hours = 0; hours <= 46 * 24; hours += 6) {
    const now = new Date(NOW.getTime() + hours * 3_600_000)
    watch.look(ownEnds([one], {}, now), new Set(), now)
  }
  expect(lines.map((line) => /ends in ([^(]*) \(|has ended/.exec(line)?.slice(0, 2))).toEqual([
    [expect.anything(), '45 days'],
    [expect.anything(), '30 days'],
    [expect.anything(), '14 days'],
    [expect.anything(), '7 days'],
    [expect.anything(), '1 day'],
    ['has ended', undefined],
  ])
})

test('a renewal ends what the daemon has to tell', () => {
  const lines: string[] = []
  const watch = new EndWatch({ info() {}, warn: (_, text) => void lines.push(text), error() {} })
  watch.look(ownEnds([own(12)], {}, NOW), new Set(), NOW)
  for (const days of [0, 5, 13]) {
    const now = inDays(days)
    watch.look(ownEnds([own(12), own(300)], {}, now), new Set(), now)
  }
  expect(lines).toHaveLength(1)
})

test('notices tell it on every command; run logs it instead, by the clock that it is given', async () => {
  const dir = await temporaryFolder()
  const certificate = join(dir, 'a.pem')
  const { pem } = mint({ issuer: issuer('root-a'), san: [A], key: 'clinic-a', to: inDays(40).toISOString() })
  await writeFile(certificate, pem)
  const identities = [{ for: A, certificate, privateKey: pki('clinic-a.key') }]
  const config = { ...clinicConfig('a', dir), identities, mailboxes: [] }
  const warned: unknown[][] = []
  const log = { info() {}, warn: (...line: unknown[]) => void warned.push(line), error() {} }
  const agent = await createAgent(config, { resolver: literalZone({}), now: () => inDays(28), log })
  onTestFinished(() => agent[Symbol.asyncDispose]())
  expect(await agent.notices()).toEqual([expect.stringMatching(/ends in 12 days/)])
  expect(await agent.notices({ ends: false })).toEqual([])
  expect(await agent.notices({ own: false })).toEqual([])
  const stop = new AbortController()
  const running = agent.run({ signal: stop.signal })
  await vi.waitFor(() => expect(warned).toHaveLength(1), { timeout: 40_000 })
  expect(warned[0]).toEqual([
    expect.objectContaining({ for: A, daysLeft: 12 }),
    expect.stringContaining('ends in 12 days'),
  ])
  stop.abort()
  await running
})
