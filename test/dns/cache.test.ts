import { X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Answer, RecordType, Resolver } from '../../dns/index.ts'
import { type AnswerCacheOptions, createAnswerCache } from '../../dns/resolver/index.ts'
import { makeCertificate } from './certificates.ts'
import { certRdata, derOf } from './scripted-server.ts'

const SERVER = '192.0.2.1:53'
const DAY = 86_400

/** A resolver that answers all questions alike, and a clock that is set by hand. */
function scene(answer: Answer, options: AnswerCacheOptions = {}) {
  let ms = 5000
  const asked: string[] = []
  const behind: Resolver = {
    async resolve(name, type) {
      asked.push(`${type} ${name}`)
      return answer
    },
  }
  const cache = createAnswerCache({ now: () => ms, ...options })
  const resolver = cache.around(SERVER, behind)
  return {
    asked,
    behind,
    cache,
    ask: (name = 'd.example', type: RecordType = 'CERT') => resolver.resolve(name, type),
    pass: (seconds: number) => {
      ms += seconds * 1000
    },
  }
}

function found(ttl: number, ...rdata: readonly Buffer[]): Answer {
  const records = rdata.map((data) => ({ name: 'd.example', type: 'CERT' as const, ttl: ttl + 5, data }))
  return { status: 'found', records, ttl, server: SERVER }
}

describe('what was found is kept (DISC-11)', () => {
  test('for its TTL and no longer, says that it was kept, and what is left of its time', async () => {
    const { ask, pass, asked } = scene(found(600, certRdata(derOf(60))))
    const first = await ask()
    expect(first).not.toHaveProperty('kept')
    pass(599)
    const second = await ask()
    expect(second).toEqual({ ...first, ttl: 1, kept: true, records: [{ ...records(first)[0], ttl: 1 }] })
    pass(1)
    expect(await ask()).toEqual(first)
    expect(asked).toHaveLength(2)
  })

  test('for a day at most, however long its TTL', async () => {
    const { ask, pass, asked } = scene(found(604_800, certRdata(derOf(60))))
    await ask()
    pass(DAY - 1)
    expect(await ask()).toMatchObject({ ttl: 1 })
    pass(1)
    await ask()
    expect(asked).toHaveLength(2)
  })

  test('until the first of its certificates ends, where that is before its TTL', async () => {
    const der = makeCertificate('ec')
    const end = new X509Certificate(der).validToDate.getTime()
    const clock = () => new Date(end - 100_000)
    const { ask } = scene(found(3600, certRdata(derOf(60)), certRdata(der)), { clock })
    await ask()
    expect(await ask()).toMatchObject({ kept: true, ttl: 100 })
  })

  test('a certificate that has ended already shortens nothing', async () => {
    const clock = () => new Date(Date.now() + 31 * DAY * 1000)
    const { ask } = scene(found(3600, certRdata(makeCertificate('ec'))), { clock })
    await ask()
    expect(await ask()).toMatchObject({ kept: true, ttl: 3600 })
  })

  test('a TTL of 0 is for this one question', async () => {
    const { ask, asked } = scene(found(0, certRdata(derOf(60))))
    await ask()
    await ask()
    expect(asked).toHaveLength(2)
  })

  test('the case of a name and its last dot make no other question, its type does', async () => {
    const { ask, asked } = scene(found(600, certRdata(derOf(60))))
    await ask('D.Example.')
    expect(await ask('d.example')).toMatchObject({ kept: true })
    await ask('d.example', 'A')
    expect(asked).toEqual(['CERT D.Example.', 'A d.example'])
  })

  test('what one server said is not taken for what another says', async () => {
    const { ask, asked, cache, behind } = scene(found(600, certRdata(derOf(60))))
    await ask()
    await cache.around('192.0.2.2:53', behind).resolve('d.example', 'CERT')
    expect(asked).toHaveLength(2)
  })

  test('its RDATA does not hold on to the packet that it came in', async () => {
    const packet = Buffer.alloc(65_535)
    const rdata = certRdata(derOf(60)).copy(packet, 100)
    const { ask } = scene(found(600, packet.subarray(100, 100 + rdata)))
    await ask()
    const data = records(await ask())[0]?.data
    expect(data).toEqual(certRdata(derOf(60)))
    expect((data as Buffer).buffer.byteLength).toBe(rdata)
  })
})

test.each(['NXDOMAIN', 'NODATA'] as const)(
  '%s is kept as long as its answer says (DISC-11)',
  async (kind) => {
    const { ask, pass, asked } = scene({ status: 'absent', kind, ttl: 120, server: SERVER })
    await ask()
    pass(119)
    expect(await ask()).toEqual({ status: 'absent', kind, ttl: 1, server: SERVER, kept: true })
    pass(1)
    await ask()
    expect(asked).toHaveLength(2)
  },
)

test('what is not known is never kept, as absence least of all (DISC-11)', async () => {
  const tries = [{ server: SERVER, code: 'SERVFAIL' as const, text: 'answered SERVFAIL' }]
  const { ask, asked } = scene({ status: 'failed', tries })
  expect(await ask()).toEqual({ status: 'failed', tries })
  expect(await ask()).toEqual({ status: 'failed', tries })
  expect(asked).toHaveLength(2)
})

describe('it is bounded (DISC-11)', () => {
  test('in number: what was unused for longest makes room', async () => {
    const { ask, asked } = scene(found(600, certRdata(derOf(60))), { maxEntries: 2 })
    for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) await ask(name)
    expect(asked).toEqual(['CERT a', 'CERT b', 'CERT c', 'CERT b'])
  })

  test('in bytes', async () => {
    const { ask, asked } = scene(found(600, certRdata(derOf(60_000))), { maxBytes: 130_000 })
    for (const name of ['a', 'b', 'c', 'c', 'a']) await ask(name)
    expect(asked).toEqual(['CERT a', 'CERT b', 'CERT c', 'CERT a'])
  })

  test('one answer that is larger than all room pushes nothing out, and is not kept', async () => {
    const big = scene(found(600, certRdata(derOf(60_000))), { maxBytes: 50_000 })
    await big.ask('a')
    await big.ask('a')
    expect(big.asked).toHaveLength(2)
  })
})

test('who has given up is told so, although the answer is known', async () => {
  const { ask, cache, behind } = scene(found(600, certRdata(derOf(60))))
  await ask()
  const seen: (AbortSignal | undefined)[] = []
  const watched: Resolver = {
    resolve: (name, type, options) => {
      seen.push(options?.signal)
      return behind.resolve(name, type, options)
    },
  }
  await cache.around(SERVER, watched).resolve('d.example', 'CERT', { signal: AbortSignal.abort() })
  expect(seen).toHaveLength(1)
})

function records(answer: Answer) {
  return answer.status === 'found' ? answer.records : []
}
