import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { decode, encode } from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createResolver } from '../../dns/resolver/index.ts'
import { AnswerLimit, networkOf } from '../../dns/serve/flood.ts'
import { serveZone } from '../../dns/serve/index.ts'
import { zoneOf } from '../../dns/zone/index.ts'
import { makeCertificate } from './certificates.ts'

describe('the network that answers are counted for', () => {
  test.each([
    ['192.0.2.7', '192.0.2.250', true],
    ['192.0.2.7', '192.0.3.7', false],
    ['::ffff:192.0.2.7', '192.0.2.9', true],
    ['2001:db8:1:2200::1', '2001:db8:1:22ff:a:b:c:d', true],
    ['2001:db8:1:2200::1', '2001:db8:1:2300::1', false],
    ['2001:db8::1', '2001:db8:0:0:1::', true],
    ['fe80::1%eth0', 'fe80::2%eth1', true],
    ['::1', '::2', true],
    ['::1', '2001::1', false],
  ])('%s and %s: the same is %s', (one, other, same) => {
    expect(networkOf(one) === networkOf(other)).toBe(same)
  })

  test('any spelling of an IPv6 address is the same network', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1)
        expect(networkOf(address)).toBe(networkOf(canonical))
      }),
    )
  })
})

describe('the limit', () => {
  function limit(options: { perSecond?: number; burst?: number; networks?: number } = {}) {
    const clock = { ms: 0 }
    return { clock, limit: new AnswerLimit({ perSecond: 10, burst: 20, ...options, now: () => clock.ms }) }
  }
  const allowed = (limit: AnswerLimit, questions: number, address = '192.0.2.1') =>
    Array.from({ length: questions }, () => limit.allows(address)).filter(Boolean).length

  test('a burst, and then so many a second', () => {
    const { limit: answers, clock } = limit()
    expect(allowed(answers, 1000)).toBe(20)
    clock.ms += 1000
    expect(allowed(answers, 1000)).toBe(10)
    clock.ms += 60_000
    expect(allowed(answers, 1000)).toBe(20)
  })

  test('one network does not use up what another has', () => {
    const { limit: answers } = limit()
    expect(allowed(answers, 1000)).toBe(20)
    expect(allowed(answers, 5, '192.0.2.200')).toBe(0)
    expect(allowed(answers, 5, '198.51.100.1')).toBe(5)
  })

  test('forged sources without end take no memory without end: who asked longest ago is forgotten', () => {
    const { limit: answers } = limit({ networks: 3 })
    expect(allowed(answers, 100, '192.0.2.1')).toBe(20)
    for (const n of [1, 2]) allowed(answers, 1, `198.51.${n}.1`)
    expect(allowed(answers, 100, '192.0.2.1')).toBe(0)
    for (const n of [3, 4, 5]) allowed(answers, 1, `198.51.${n}.1`)
    expect(allowed(answers, 100, '192.0.2.1')).toBe(20)
  })
})

test('a flood over UDP is answered truncated and no longer than it asked, and an honest client behind it comes back by TCP', async () => {
  const der = makeCertificate('ec', 'lee@d.example')
  const ending = new AbortController()
  const zone = zoneOf([{ name: 'lee@d.example', der }])
  const serving = await serveZone({
    listen: { host: '127.0.0.1', port: 0 },
    zone,
    signal: ending.signal,
    // None is filled up within the test.
    flood: { perSecond: 0.001, burst: 5 },
  })
  onTestFinished(async () => {
    ending.abort()
    await serving.closed
  })
  const flooder = createSocket('udp4')
  const question = encode({ type: 'query', id: 9, questions: [{ name: 'Lee.d.example', type: 'CERT' }] })
  const answers: Buffer[] = []
  for (let i = 0; i < 20; i++) {
    flooder.send(question, serving.address.port, serving.address.host)
    const [answer] = (await once(flooder, 'message')) as [Buffer]
    answers.push(answer)
  }
  flooder.close()
  const whole = answers.filter((answer) => !decode(answer).flag_tc)
  const truncated = answers.filter((answer) => decode(answer).flag_tc)
  expect([whole.length, truncated.length]).toEqual([5, 15])
  for (const answer of truncated) {
    expect(answer.length).toBeLessThanOrEqual(question.length)
    expect(decode(answer)).toMatchObject({
      id: 9,
      rcode: 'NOERROR',
      answers: [],
      questions: [{ name: 'Lee.d.example', type: 'CERT' }],
    })
  }
  const resolver = createResolver({ servers: [serving.address], timeoutMs: 5000 })
  expect(await resolver.resolve('lee.d.example', 'CERT')).toMatchObject({ status: 'found' })
})
