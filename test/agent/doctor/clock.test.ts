import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { checkClock } from '../../../agent/doctor/clock.ts'
import type { DoctorTools } from '../../../agent/doctor/tools.ts'

const NOW = new Date('2026-11-22T12:00:00Z')

/** What is said by a clock at NOW, where the host of the trust bundle says another time. */
async function said(theirs: Date | null) {
  const server = createServer((request, response) => {
    response.sendDate = false
    if (theirs) response.setHeader('Date', theirs.toUTCString())
    response.statusCode = request.method === 'HEAD' ? 404 : 500
    response.end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://bundles.example:${(server.address() as AddressInfo).port}/a.p7b`
  const tools = {
    settings: { trust: [{ bundles: [{ url }] }] },
    existingStore: async () => null,
    lookup: async () => async () => ['127.0.0.1'],
    now: () => NOW,
  } as unknown as DoctorTools
  try {
    const findings = await Array.fromAsync(checkClock(tools, AbortSignal.timeout(5000)))
    return findings.map(({ level, code }) => `${level} ${code}`)
  } finally {
    server.close()
  }
}

const off = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)

test.each<readonly [string, Date | null, string]>([
  ['the same time', off(5), 'ok CLOCK_RIGHT'],
  ['two minutes later', off(120), 'warning CLOCK_OFF'],
  ['an hour earlier', off(-3600), 'error CLOCK_OFF'],
  ['no time', null, 'note CLOCK_NOT_COMPARED'],
])("a bundle's host that says %s", async (_, theirs, finding) => {
  expect(await said(theirs)).toEqual([finding])
})
