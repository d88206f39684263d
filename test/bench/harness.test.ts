import { describe, expect, test } from 'vitest'
import { drawChart } from '../../bench/harness/chart.ts'
import { contest } from '../../bench/harness/contest.ts'
import { compare, type Group, list } from '../../bench/harness/figures.ts'
import type { Report } from '../../bench/harness/report.ts'
import { table } from '../../bench/harness/table.ts'

const rounds = (name: string, ...values: number[]) => ({ name, values })
const atMost = (of: string, timesThatOf: string | null, wanted: number) =>
  ({ of, timesThatOf, bound: 'at most', wanted }) as const

describe('a figure', () => {
  test('has ratios that are taken round by round, so that a slow round meets both sides', () => {
    // In the second round the machine did something else, at a third of its speed.
    const { contenders } = compare('seal', [rounds('floor', 10, 30, 12), rounds('ours', 20, 60, 24)])
    expect(contenders).toEqual([
      { name: 'floor', value: 12, least: 10, most: 30, ratio: 1 },
      { name: 'ours', value: 24, least: 20, most: 60, ratio: 2 },
    ])
  })

  test('says of each limit what was found, and whether that is within it', () => {
    const all = [rounds('floor', 10), rounds('ours', 16), rounds('pkijs', 80)]
    const { limits } = compare('seal', all, [
      atMost('ours', 'floor', 1.5),
      atMost('ours', 'pkijs', 0.2),
      { of: 'ours', timesThatOf: 'floor', bound: 'at least', wanted: 1.6 },
    ])
    expect(limits.map(({ found, met }) => [found, met])).toEqual([
      [1.6, false],
      [0.2, true],
      [1.6, true],
    ])
  })

  test('of memory is held to a value, and nothing is compared', () => {
    const { contenders, limits } = list('open', [rounds('ours', 41, 39, 80)], [atMost('ours', null, 40)])
    expect(contenders[0]).toMatchObject({ value: 41, ratio: null })
    expect(limits[0]).toMatchObject({ found: 41, met: false })
  })

  test('cannot be held to somebody who took no part', () => {
    expect(() => compare('seal', [rounds('floor', 1)], [atMost('ours', 'floor', 1)])).toThrow(
      'ours took no part in "seal"',
    )
  })
})

describe('a contest', () => {
  test('gives everyone a turn to warm up, and then turns in each round', async () => {
    const turns: string[] = []
    const contenders = ['a', 'b'].map((name) => ({ name, run: () => turns.push(name) }))
    const all = await contest(contenders, { rounds: 2 })
    expect(turns.join('')).toBe('ababab')
    expect(all.map(({ name, values }) => [name, values.length])).toEqual([
      ['a', 2],
      ['b', 2],
    ])
  })

  test('begins no round after its time, once there were three', async () => {
    const [only] = await contest([{ name: 'a', run() {} }], { rounds: 9, budgetMs: 0 })
    expect(only?.values).toHaveLength(3)
  })
})

const group: Group = {
  title: 'Sealing <25 MB> & "more"',
  unit: 'ms',
  figures: [
    compare(
      'seal',
      [rounds('floor', 100), rounds('ours', 160), rounds('pkijs', 9000)],
      [atMost('ours', 'floor', 1.5)],
    ),
    compare('not limited', [rounds('floor', 100)]),
  ],
  note: 'A note.',
}

test('a table has a column for each contender, and what is wanted', () => {
  expect(table(group).split('\n')).toEqual([
    '',
    'Sealing <25 MB> & "more"',
    '                 floor            ours            pkijs   wanted',
    '  seal          100 ms   160 ms = 1.60   9000 ms = 90.0   at most 1.5 × floor: not met, 1.60',
    '  not limited   100 ms',
    '  A note.',
  ])
})

describe('the chart', () => {
  const report: Report = {
    version: 1,
    date: '2026-11-22T12:00:00.000Z',
    machine: {
      node: 'v24',
      openssl: '3',
      opensslCommand: null,
      platform: 'linux',
      cpu: 'A & B',
      cores: 2,
      memoryGB: 8,
    },
    load: { before: 0, after: 0 },
    seconds: 1,
    quick: false,
    parts: [{ part: 'seal', seconds: 1, failed: false, groups: [group] }],
  }
  const svg = drawChart(report)

  test('is well-formed XML whatever a name holds', () => {
    expect(svg).toContain('Sealing &lt;25 MB&gt; &amp; &quot;more&quot;')
    const open: string[] = []
    for (const [, end, name = '', attributes = ''] of svg.matchAll(
      /<(\/?)([a-z]+)((?: [a-zA-Z]+="[^"<]*")*)>/g,
    )) {
      if (end) expect([open.pop(), attributes]).toEqual([name, ''])
      else open.push(name)
    }
    expect(open).toEqual([])
    expect(svg.replaceAll(/<(\/?)([a-z]+)((?: [a-zA-Z]+="[^"<]*")*)>/g, '')).not.toMatch(/[<>]/)
  })

  test('shows what is limited, says whether it is met, and cuts off what goes too far out', () => {
    expect(svg).toContain('seal: at most 1.5 × floor')
    expect(svg).not.toContain('not limited')
    expect(svg.match(/class="bad"/g)).toHaveLength(1)
    expect(svg.match(/class="cut"/g)).toHaveLength(1)
    expect(svg.match(/class="limit"/g)).toHaveLength(1)
  })

  test('has colours for a light and for a dark page', () => {
    expect(svg).toContain('@media (prefers-color-scheme: dark)')
  })
})
