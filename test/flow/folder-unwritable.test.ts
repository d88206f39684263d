import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { whyUnwritable } from '../../agent/deliver/writable.ts'
import type { Log } from '../../agent/log.ts'
import { all, eventually, temporaryFolder, twoClinics } from './clinics.ts'

test('a folder that nothing can be filed in is told from the start, before a message comes, and once it can (IN-10)', async () => {
  const lines: (readonly [level: string, said: unknown, text: unknown])[] = []
  const level =
    (name: string) =>
    (...[said, text]: readonly unknown[]) =>
      void lines.push([name, said, text])
  const log = { info: level('info'), warn: level('warn'), error: level('error') } as Log
  const { b } = await twoClinics({
    b: { mailboxes: [{ imap: 'imap://clinic-b.example@127.0.0.1:10143/INBOX', pollSeconds: 1 }] },
    partsB: { log },
  })
  const file = join(await temporaryFolder(), 'a file')
  await writeFile(file, '')
  const ehr = join(file, 'ehr')
  await expect(all(b.receiveOnce({ deliverTo: ehr }))).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
    temporary: true,
  })
  const stop = new AbortController()
  const ran = b.run({ deliverTo: ehr, signal: stop.signal })
  onTestFinished(async () => {
    stop.abort()
    await ran
  })
  const failures = async () => (await b.health()).mailboxes.map(({ failure }) => failure)
  await eventually(failures).toEqual(['FILE_UNWRITABLE'])
  const text = `cannot file a message in ${ehr}: ENOTDIR`
  const facts = {
    code: 'FILE_UNWRITABLE',
    hint: expect.stringContaining('Check that the folder is writable'),
  }
  expect(lines).toContainEqual(['warn', expect.objectContaining(facts), text])
  await rm(file)
  await eventually(failures).toEqual([null])
  await eventually(() => lines.map(([, , text]) => text)).toContain(`over: ${text}`)
})

test('a folder can be written to where it is not there and can be made, and where it is no file', async () => {
  const dir = await temporaryFolder()
  await writeFile(join(dir, 'file'), '')
  expect(await whyUnwritable(dir)).toBe(null)
  expect(await whyUnwritable(join(dir, 'not', 'there'))).toBe(null)
  expect(await whyUnwritable(join(dir, 'file'))).toBe('ENOTDIR')
  expect(await whyUnwritable(join(dir, 'file', 'below'))).toBe('ENOTDIR')
})
