import { describe, expect, test } from 'vitest'
import { orderTargets } from '../../dns/ldap/targets.ts'
import type { SrvData } from '../../dns/records/srv-record.ts'

const target = (host: string, priority: number, weight: number): SrvData => ({
  target: host,
  priority,
  weight,
  port: 389,
})
const hosts = (targets: readonly SrvData[]) => targets.map(({ target }) => target)

/** Numbers that come again and again, all below 1. */
function draws(...numbers: readonly number[]): () => number {
  let next = 0
  return () => numbers[next++ % numbers.length] as number
}

describe('the order of SRV targets (DISC-7, RFC 2782)', () => {
  test('a lower priority comes first, whatever the weights and the order of the records', () => {
    const targets = [target('c', 20, 900), target('a', 0, 0), target('b', 10, 1)]
    for (const order of [targets, targets.toReversed()])
      expect(hosts(orderTargets(order, draws(0.99)))).toEqual(['a', 'b', 'c'])
  })

  test('D16: of weights 0 and 100, the one with 100 is first in each of thirty draws', () => {
    for (let draw = 0; draw < 30; draw++) {
      const random = draws(draw / 30)
      expect(hosts(orderTargets([target('zero', 0, 0), target('hundred', 0, 100)], random))).toEqual([
        'hundred',
        'zero',
      ])
    }
  })

  test.each([
    [0, ['a', 'b', 'c']],
    [0.09, ['a', 'b', 'c']],
    [0.1, ['b', 'a', 'c']],
    [0.39, ['b', 'c', 'a']],
    [0.4, ['c', 'b', 'a']],
    [0.999, ['c', 'b', 'a']],
  ])('weights 10, 30 and 60 at %d of the way', (at, order) => {
    const targets = [target('a', 0, 10), target('b', 0, 30), target('c', 0, 60)]
    expect(hosts(orderTargets(targets, () => at))).toEqual(order)
  })

  test('weights are shares: over all draws, each comes first as often as its weight says', () => {
    const targets = [target('a', 0, 10), target('b', 0, 30), target('c', 0, 60)]
    const first = Array.from({ length: 100 }, (_, at) => hosts(orderTargets(targets, () => at / 100))[0])
    expect(['a', 'b', 'c'].map((host) => first.filter((one) => one === host).length)).toEqual([10, 30, 60])
  })

  test('those of weight 0 come after all others of their priority, as they came', () => {
    const targets = [target('z1', 0, 0), target('b', 0, 1), target('z2', 0, 0), target('last', 1, 5)]
    expect(hosts(orderTargets(targets, draws(0.5)))).toEqual(['b', 'z1', 'z2', 'last'])
  })

  test('every target comes once, and what was given is not changed', () => {
    const targets = Object.freeze([target('a', 0, 65_535), target('b', 0, 65_535), target('c', 0, 0)])
    expect(hosts(orderTargets(targets, draws(0.7, 0.2))).toSorted()).toEqual(['a', 'b', 'c'])
    expect(orderTargets([], draws(0))).toEqual([])
  })
})
