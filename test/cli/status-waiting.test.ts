import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitingText } from '../../cli/status-waiting.ts'
import { openStore } from '../../store/index.ts'
import { accepted, at, bytes } from '../store/scenario.ts'
import { type Clinics, twoClinics } from './clinics.ts'
import { direct } from './direct.ts'

let clinics: Clinics
const run = (...args: readonly string[]) => direct(args, { cwd: clinics.a })
const why = [{ code: 'EHR_DENIED', text: 'ehr.example answers 401' }]

/** A message that was accepted, and posted in vain. */
beforeAll(async () => {
  clinics = await twoClinics()
  expect(await run('status', '--waiting')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringContaining('nothing that was received waits for the EHR'),
  })
  await using store = await openStore({ file: join(clinics.a, 'data', 'direct.db') })
  const body = await store.bodies.write(bytes('as it came'))
  const { id } = await store.inbox.begin('clinic/INBOX', '1', 7, body)
  await store.inbox.judged(id, accepted(['dr.kim@clinic-a.example']), [], at(1))
  const waiting = await store.deliveries.claim(at(2), at(32))
  if (waiting === null) throw new Error('nothing is due')
  await store.deliveries.putOff(waiting, { at: at(2), retryAt: at(10), failed: true, why })
})
afterAll(() => clinics[Symbol.asyncDispose]())

test('status --waiting: what the EHR has yet to take, since when, why, and when again', async () => {
  const { code, stdout } = await run('status', '--waiting')
  expect(code).toBe(0)
  expect(stdout.split('\n')).toEqual([
    '<m1@hisp.example>  from lee@hisp.example  to dr.kim@clinic-a.example',
    '  waits since 2026-01-01T00:00:01.000Z, tried once, next try 2026-01-01T00:00:10.000Z; it came by clinic/INBOX',
    '    EHR_DENIED: ehr.example answers 401',
    expect.stringMatching(
      /^ {4}do: .*has the secret that deliver\.webhook names, .*\. "direct run" posts it again while it runs; no other command does\.$/,
    ),
    '',
  ])
  const json = await run('status', '--waiting', 'm1@hisp.example', '--json')
  expect(JSON.parse(json.stdout)).toEqual({
    messageId: '<m1@hisp.example>',
    from: 'lee@hisp.example',
    recipients: ['dr.kim@clinic-a.example'],
    mailbox: 'clinic/INBOX',
    innerSha256: 'ef'.repeat(32),
    key: expect.stringMatching(/^[0-9a-f]{64}$/),
    since: '2026-01-01T00:00:01.000Z',
    tries: 1,
    next: '2026-01-01T00:00:10.000Z',
    heldUntil: null,
    why,
  })
  expect(await run('status', '--waiting', 'another@hisp.example')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringContaining('note: no message <another@hisp.example> waits for the EHR'),
  })
})

test('what cannot be filed in a folder is tried at each pass over its mailbox: no number of tries is told', async () => {
  const text = (tries: number, code: string) =>
    waitingText(
      {
        messageId: '<m2@hisp.example>',
        from: 'lee@hisp.example',
        recipients: ['dr.kim@clinic-a.example'],
        mailbox: 'clinic/INBOX',
        innerSha256: 'ef'.repeat(32),
        key: 'ab'.repeat(32),
        since: at(1),
        tries,
        next: at(31),
        heldUntil: null,
        why: [{ code, text: 'cannot file a message in ehr: ENOSPC' }],
      },
      () => [],
    ).split('\n')[1]
  expect(text(0, 'FILE_UNWRITABLE')).toBe(
    '  waits since 2026-01-01T00:00:01.000Z, tried at each pass over its mailbox, next try 2026-01-01T00:00:31.000Z; it came by clinic/INBOX',
  )
  expect(text(2, 'FILE_UNWRITABLE')).toContain('tried 2 times,')
  expect(text(0, 'REVOCATION_UNKNOWN')).not.toContain('tried')
})

test('a message that a killed process holds says so, and until when, in place of a try that is due', () => {
  const held = {
    messageId: '<m3@hisp.example>',
    from: 'lee@hisp.example',
    recipients: ['dr.kim@clinic-a.example'],
    mailbox: 'clinic/INBOX',
    innerSha256: 'ef'.repeat(32),
    key: 'ab'.repeat(32),
    since: at(1),
    tries: 0,
    next: at(1),
    heldUntil: at(31),
    why: [],
  }
  expect(waitingText(held, () => []).split('\n')[1]).toBe(
    '  waits since 2026-01-01T00:00:01.000Z, held until 2026-01-01T00:00:31.000Z by a process that is handing it over, or was killed at it; in that case the next try is then; it came by clinic/INBOX',
  )
})

test('status alone says beside its answer that something waits for the EHR; of a message that was received, where to ask', async () => {
  expect(await run('status')).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringContaining(
      'note: 1 message(s) that were received wait for the EHR: direct status --waiting',
    ),
  })
  expect(await run('status', '<m1@hisp.example>')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /no message <m1@hisp\.example> was sent from here\n.*hint: .*received.*direct status --waiting.*direct audit/,
    ),
  })
})
