import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type CliClinic,
  type CliClinics,
  KIM,
  LEE,
  messageIdsIn,
  reached,
  startClinics,
  until,
} from './cli-clinic.ts'

let clinics: CliClinics
beforeAll(async () => {
  clinics = await startClinics()
})
afterAll(() => clinics?.[Symbol.asyncDispose]())

async function delivered({ dir }: CliClinic): Promise<string[]> {
  await mkdir(join(dir, 'ehr'), { recursive: true })
  return (await readdir(join(dir, 'ehr'))).filter((name) => !name.startsWith('.'))
}

test('SIGHUP and SIGTERM again and again, at both ends, while messages go: each is filed once and answered once (IN-10, N-1)', async () => {
  const { a, b } = clinics
  const ids: string[] = []
  for (let n = 1; n <= 8; n++) {
    const sent = await a.run(['send', '--json', '--from', KIM, '--to', LEE, '--text', `message ${n}`])
    ids.push(JSON.parse(sent.stdout).messageId)
  }
  for (let round = 1; round <= 3; round++) {
    await using atA = a.daemon('--deliver', 'ehr')
    await using atB = b.daemon('--deliver', 'ehr')
    for (const each of [atA, atB]) await until(async () => each.log.includes('running; SIGTERM'))
    for (const afterMs of [100, 300 * round]) {
      await pause(afterMs)
      atA.hangUp()
      atB.hangUp()
    }
    await pause(200 * round)
    expect(await Promise.all([atA.end('SIGTERM'), atB.end('SIGTERM')])).toEqual([0, 0])
    for (const { log } of [atA, atB]) expect(log).not.toMatch(/"level":50/)
  }
  await using _atA = a.daemon('--deliver', 'ehr')
  await using _atB = b.daemon('--deliver', 'ehr')
  for (const id of ids) await reached(a, id, 'processed')
  expect(await delivered(b)).toHaveLength(ids.length)
  await until(async () => (await messageIdsIn(a, 'INBOX')).size >= ids.length)
  expect((await messageIdsIn(a, 'INBOX')).size).toBe(ids.length)
}, 120_000)
