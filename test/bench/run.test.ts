import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { Report } from '../../bench/harness/report.ts'

const MAIN = fileURLToPath(new URL('../../bench/main.ts', import.meta.url))
const PARTS = ['seal', 'process', 'rates', 'memory', 'delay', 'store-size']

const measured = z.strictObject({
  name: z.string().min(1),
  value: z.number().nonnegative(),
  least: z.number().nonnegative(),
  most: z.number().nonnegative(),
  ratio: z.number().nonnegative().nullable(),
})
const limit = z.strictObject({
  of: z.string(),
  timesThatOf: z.string().nullable(),
  bound: z.enum(['at most', 'at least']),
  wanted: z.number(),
  found: z.number(),
  met: z.boolean(),
})
const figure = z.strictObject({
  name: z.string().min(1),
  contenders: z.array(measured).min(1),
  limits: z.array(limit),
})
const group = z.strictObject({
  title: z.string().min(1),
  unit: z.enum(['ms', '/s', 'MB', 'questions', 'searches']),
  figures: z.array(figure).min(1),
  note: z.string().nullable(),
})
const schema = z.strictObject({
  version: z.literal(1),
  date: z.iso.datetime(),
  machine: z.strictObject({
    node: z.string().startsWith('v'),
    openssl: z.string(),
    opensslCommand: z.string().startsWith('OpenSSL').nullable(),
    platform: z.string(),
    cpu: z.string(),
    cores: z.int().positive(),
    memoryGB: z.number(),
  }),
  load: z.strictObject({ before: z.number(), after: z.number() }),
  seconds: z.number(),
  quick: z.literal(true),
  parts: z.array(
    z.strictObject({
      part: z.string(),
      seconds: z.number(),
      failed: z.literal(false),
      groups: z.array(group),
    }),
  ),
})

describe('npm run bench, small', () => {
  let out: string
  let ran: { readonly stdout: string; readonly stderr: string }
  let report: Report
  beforeAll(async () => {
    out = await mkdtemp(join(tmpdir(), 'direct-bench-test-'))
    const args = [MAIN, '--quick', '--only', PARTS.join(','), '--out', join(out, 'results')]
    ran = await promisify(execFile)(process.execPath, args)
    report = JSON.parse(await readFile(join(out, 'results', 'speed.json'), 'utf8'))
  })
  afterAll(() => rm(out, { recursive: true, force: true }))

  const figures = () => report.parts.flatMap(({ groups }) => groups.flatMap((one) => one.figures))

  test('speed.json has every figure, its contenders, and what is wanted of them', () => {
    expect(schema.parse(report)).toEqual(report)
    expect(report.parts.map(({ part }) => part)).toEqual(PARTS)
    for (const { contenders, limits } of figures())
      for (const { of, timesThatOf } of limits) {
        const names = contenders.map(({ name }) => name)
        expect(names).toContain(of)
        if (timesThatOf !== null) expect(names).toContain(timesThatOf)
      }
  })

  test('sealing and opening have the floor, direct-agent, pkijs; whole processes openssl cms beside what is built', () => {
    const contenders = (part: string) =>
      report.parts
        .find((one) => one.part === part)
        ?.groups[0]?.figures.map((one) => [one.name, ...one.contenders.map(({ name }) => name)])
    expect(contenders('seal')).toEqual([
      ['seal 10 KB', 'floor', 'direct-agent', 'pkijs'],
      ['open 10 KB', 'floor', 'direct-agent', 'pkijs'],
    ])
    expect(contenders('process')).toEqual([
      ['seal 10 KB', 'openssl cms', 'direct message', 'node:crypto alone'],
      ['open 10 KB', 'openssl cms', 'direct message', 'node:crypto alone'],
    ])
  })

  test('in a pipe there are tables alone: no progress, and nothing on stderr', () => {
    expect(ran.stderr).toBe('')
    expect(ran.stdout).not.toContain('\u001b')
    for (const { title } of report.parts.flatMap(({ groups }) => groups)) expect(ran.stdout).toContain(title)
  })

  test('speed.svg shows each figure of which something is wanted', async () => {
    const svg = await readFile(join(out, 'results', 'speed.svg'), 'utf8')
    expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 \d+ \d+"/)
    for (const { name } of figures().filter(({ limits }) => limits.length > 0)) expect(svg).toContain(name)
  })
}, 120_000)

test.each([
  [['--only', 'seal,nothing'], 'no part is called nothing; there are seal, process'],
  [['--only', 'text', '--record'], '--record is for a whole run'],
])('%j is refused before anything is measured', (args, why) => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' })
  expect([status, stdout]).toEqual([2, ''])
  expect(stderr).toContain(why)
})
