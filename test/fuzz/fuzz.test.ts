import { describe, expect, test } from 'vitest'
import { fuzz } from './fuzz.ts'
import { contents, MESSAGE_TARGETS } from './message-targets.ts'
import { mutate } from './mutate.ts'
import type { Target } from './target.ts'
import { client, responder } from './targets.ts'

const SHORT = { seed: 4398, inputs: 2000, maxMs: 50, maxGrowth: 64 << 20 }

describe('broken packets, as `npm run fuzz` makes a hundred thousand of them', () => {
  test.each([client, responder])(
    'the $name survives each, in bounded time and with a bounded answer',
    async (target) => {
      const { breakage, inputs } = await fuzz(target, SHORT)
      expect(breakage && `${breakage.why}\npacket ${breakage.input.toString('hex')}`).toBeNull()
      expect(inputs).toBe(SHORT.inputs)
    },
  )

  test('they get past the header: every way in which an answer can be read is taken', async () => {
    const kinds = [...(await fuzz(client, SHORT)).kinds.keys()]
    for (const kind of [
      'unrelated',
      'truncated',
      'malformed',
      'found',
      'NODATA',
      'NXDOMAIN',
      'alias',
      'failed',
    ])
      expect(kinds).toContain(kind)
    expect([...(await fuzz(responder, SHORT)).kinds.keys()]).toEqual(
      expect.arrayContaining(['none', 'code 0', 'code 1', 'code 3', 'code 5']),
    )
  })
})

describe('broken messages, as `npm run fuzz` makes two hundred thousand of them', () => {
  test.each([...MESSAGE_TARGETS])('$name: each ends in an answer', async (target) => {
    const { breakage } = await fuzz(target, { seed: 5083, inputs: 300, maxMs: 1000, maxGrowth: 256 << 20 })
    expect(breakage && `${breakage.why}\n${breakage.input.toString('base64')}`).toBeNull()
  })

  test('they get past the encryption: signatures, authors and trust are judged', async () => {
    const kinds = [...(await fuzz(contents, { ...SHORT, inputs: 400, maxMs: 1000 })).kinds.keys()]
    for (const kind of ['accept', 'UNDECRYPTABLE', 'NOT_SIGNED', 'SIGNATURE_INVALID'])
      expect(kinds).toContain(kind)
  })
})

describe('what would be found', () => {
  const target = (take: Target['take']): Target => ({
    name: 'a target',
    seeds: [Buffer.alloc(20)],
    heavy: [Buffer.alloc(20)],
    maxSize: 100,
    mutate,
    mend: (packet) => packet,
    take,
  })
  const few = { seed: 1, inputs: 10, maxMs: 50, maxGrowth: 64 << 20 }

  test('a throw, with the packet that caused it', async () => {
    const { breakage } = await fuzz(
      target(() => {
        throw new Error('it broke')
      }),
      few,
    )
    expect(breakage?.why).toContain('it broke')
    expect(Buffer.isBuffer(breakage?.input)).toBe(true)
  })

  test('an answer that is too large', async () => {
    const large = target(() => ({ kind: 'x', size: 101 }))
    expect((await fuzz(large, few)).breakage?.why).toContain('101 bytes')
  })

  test('a packet that always takes too long, not one that did once', async () => {
    const any = target(() => ({ kind: 'x', size: 1 }))
    expect((await fuzz(any, { ...few, maxMs: -1 })).breakage?.why).toContain('more than -1')
  })

  test('memory beyond what one input may take', async () => {
    const greedy = target(() => ({ kind: 'x', size: Buffer.alloc(200 << 20, 1).length & 1 }))
    expect((await fuzz(greedy, { ...few, maxMs: 5000 })).breakage?.why).toMatch(
      /it took \d+ MB, more than 64/,
    )
  })

  test('the same seed makes the same packets', async () => {
    const seen = async (seed: number) => {
      const packets: string[] = []
      const recording = target((packet) => {
        packets.push(packet.toString('hex'))
        return { kind: 'x', size: 1 }
      })
      await fuzz(recording, { ...few, seed })
      return packets
    }
    expect(await seen(1)).toEqual(await seen(1))
    expect(await seen(1)).not.toEqual(await seen(2))
  })
})
