import { createHash } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { deliverToFolder } from '../../agent/deliver/folder.ts'
import type { ReceiveReport } from '../../agent/index.ts'
import type { TrustedMessage } from '../../agent/open/trusted-message.ts'
import { all, temporaryFolder, twoClinics } from './clinics.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const SHA256 = 'ab'.repeat(32)

/** What is filed of it is decided by `read`. */
const messageOf = (read: () => AsyncIterable<Uint8Array>) =>
  ({ inner: { bytes: 1, read }, innerSha256: SHA256 }) as unknown as TrustedMessage
const describe = () => ({ from: KIM, signer: null, recipients: [{ address: LEE }] })

test('a fault of ours while a message is filed is told as one, not as the disk, and leaves nothing behind', async () => {
  const dir = await temporaryFolder()
  const faulty = messageOf(async function* () {
    yield Buffer.from('S')
    throw new TypeError('a bug')
  })
  await expect(deliverToFolder(dir, faulty, describe)).rejects.toThrow(new TypeError('a bug'))
  expect(await readdir(dir)).toEqual([])
})

test('what the disk refuses is temporary, and names what it said', async () => {
  const dir = join(await temporaryFolder(), 'a file')
  await writeFile(dir, '')
  const whole = messageOf(async function* () {
    yield Buffer.from('Subject: x\r\n\r\n')
  })
  await expect(deliverToFolder(dir, whole, describe)).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
    temporary: true,
    message: expect.stringContaining('ENOTDIR'),
  })
})

test('one message that cannot be filed holds up no other, and its failure is told at the end', async () => {
  const { a, b } = await twoClinics()
  for (const text of ['one', 'two', 'three'])
    await a.send({ from: KIM, to: [LEE], subject: 'Referral', text })
  const [first] = await all(b.receiveOnce())
  if (first === undefined || 'notification' in first) throw new Error('a message was sent')
  const ehr = await temporaryFolder()
  // Files stand where its folder would be made, and where it would be made beside that.
  const author = createHash('sha256')
    .update(`${first.from} ${first.signer?.sha256}`)
    .digest('hex')
    .slice(0, 16)
  for (const name of [`${first.innerSha256}`, `${first.innerSha256}-${author}`])
    await writeFile(join(ehr, name), '')
  const reports: ReceiveReport[] = []
  const receive = async () => {
    for await (const report of b.receiveOnce({ deliverTo: ehr })) reports.push(report)
  }
  await expect(receive()).rejects.toMatchObject({ code: 'FILE_UNWRITABLE', temporary: true })
  expect(reports).toMatchObject([{ verdict: 'accept' }, { verdict: 'accept' }])
  expect(await readdir(ehr)).toHaveLength(4)
})

test('recipients who are added side by side, from several mailboxes, are all there', async () => {
  const dir = await temporaryFolder()
  const message = messageOf(async function* () {
    yield Buffer.from('Subject: x\r\n\r\n')
  })
  const addresses = ['one', 'two', 'three', 'four'].map((name) => `${name}@clinic-b.example`)
  const file = (address: string) =>
    deliverToFolder(dir, message, () => ({ from: KIM, signer: null, recipients: [{ address }] }))
  await Promise.all(addresses.map(file))
  const filed = JSON.parse(await readFile(join(dir, SHA256, 'delivery.json'), 'utf8'))
  expect(filed.recipients).toEqual(addresses.map((address) => ({ address })))
})
