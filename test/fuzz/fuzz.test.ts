import { describe, expect, test } from 'vitest'
import { fuzz } from './fuzz.ts'
import { client, responder, type Target } from './targets.ts'

const SHORT = { seed: 4398, packets: 2000, maxMs: 50 }

describe('broken packets, as `npm run fuzz` makes a hundred thousand of them', () => {
  test.each([client, responder])(
    'the $name survives each, in bounded time and with a bounded answer',
    (target) => {
      const { breakage, packets } = fuzz(target, SHORT)
      expect(breakage && `${breakage.why}\npacket ${breakage.packet.toString('hex')}`).toBeNull()
      expect(packets).toBe(SHORT.packets)
    },
  )

  test('they get past the header: every way in which an answer can be read is taken', () => {
    const kinds = [...fuzz(client, SHORT).kinds.keys()]
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
    expect([...fuzz(responder, SHORT).kinds.keys()]).toEqual(
      expect.arrayContaining(['none', 'code 0', 'code 1', 'code 3', 'code 5']),
    )
  })
})

describe('what would be found', () => {
  const target = (take: Target['take']): Target => ({
    name: 'a target',
    seeds: [Buffer.alloc(20)],
    heavy: [Buffer.alloc(20)],
    maxSize: 100,
    mend: (packet) => packet,
    take,
  })
  const few = { seed: 1, packets: 10, maxMs: 50 }

  test('a throw, with the packet that caused it', () => {
    const { breakage } = fuzz(
      target(() => {
        throw new Error('it broke')
      }),
      few,
    )
    expect(breakage?.why).toContain('it broke')
    expect(Buffer.isBuffer(breakage?.packet)).toBe(true)
  })

  test('an answer that is too large', () => {
    expect(
      fuzz(
        target(() => ({ kind: 'x', size: 101 })),
        few,
      ).breakage?.why,
    ).toContain('101 bytes')
  })

  test('a packet that always takes too long, not one that did once', () => {
    expect(
      fuzz(
        target(() => ({ kind: 'x', size: 1 })),
        { ...few, maxMs: -1 },
      ).breakage?.why,
    ).toContain('more than -1')
  })

  test('the same seed makes the same packets', () => {
    const seen = (seed: number) => {
      const packets: string[] = []
      fuzz(
        target((packet) => {
          packets.push(packet.toString('hex'))
          return { kind: 'x', size: 1 }
        }),
        { ...few, seed },
      )
      return packets
    }
    expect(seen(1)).toEqual(seen(1))
    expect(seen(1)).not.toEqual(seen(2))
  })
})
