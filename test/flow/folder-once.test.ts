import { createHash } from 'node:crypto'
import promises, { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { basename, join, relative } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { deliverToFolder } from '../../agent/deliver/folder.ts'
import { deliveryName, Leftovers } from '../../agent/deliver/leftovers.ts'
import type { ReceiveReport } from '../../agent/index.ts'
import { all, temporaryFolder, twoClinics } from './clinics.ts'
import { DELIVERY, describe, describing, messageOf, messageThatSays, SHA256 } from './filed-message.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'

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
  const whole = messageThatSays()
  await expect(deliverToFolder(dir, whole, describe)).rejects.toMatchObject({
    code: 'FILE_UNWRITABLE',
    temporary: true,
    message: expect.stringContaining('ENOTDIR'),
    hint: expect.stringMatching(
      /tried again: by the daemon after a pause, else by the next "direct receive"/,
    ),
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
  const message = messageThatSays()
  const addresses = ['one', 'two', 'three', 'four'].map((name) => `${name}@clinic-b.example`)
  const file = (address: string) => deliverToFolder(dir, message, () => describing(address))
  await Promise.all(addresses.map(file))
  const filed = JSON.parse(await readFile(join(dir, SHA256, 'delivery.json'), 'utf8'))
  expect(filed.recipients).toEqual(addresses.map((address) => ({ address })))
})

test('messages that are filed side by side are whole, each in a folder of its own, and nothing else stays', async () => {
  const dir = join(await temporaryFolder(), 'not', 'there yet')
  const texts = Array.from({ length: 20 }, (_, n) => `Subject: ${n}\r\n\r\n${'x'.repeat(n)}`)
  const file = (text: string) => {
    const innerSha256 = createHash('sha256').update(text).digest('hex')
    return deliverToFolder(dir, messageThatSays(text, innerSha256), describe)
  }
  const filed = await Promise.all(texts.map(file))
  for (const [n, { folder, recorded }] of filed.entries()) {
    expect(await readFile(join(folder, 'message.eml'), 'utf8')).toBe(texts[n])
    await recorded()
  }
  expect((await readdir(dir)).sort()).toEqual(filed.map(({ folder }) => basename(folder)).sort())
})

test('half of a message that a stop left under its own name is written anew', async () => {
  const dir = await temporaryFolder()
  const whole = messageThatSays()
  const { folder, recorded } = await deliverToFolder(dir, whole, describe)
  await recorded()
  const unfinished = join(dir, `.${SHA256}.${DELIVERY}`)
  await rename(folder, unfinished)
  await rm(join(unfinished, 'delivery.json'))
  await writeFile(join(unfinished, 'message.eml'), 'Subj')
  await deliverToFolder(dir, whole, describe)
  expect(await readFile(join(folder, 'message.eml'), 'utf8')).toBe('Subject: x\r\n\r\n')
  expect((await readdir(folder)).sort()).toEqual(['attachments', 'delivery.json', 'message.eml'])
})

test('what kills left of what the store has settled is looked for once, and again once something has failed; of any other it goes with that', async () => {
  const dir = await temporaryFolder()
  const [settled, waiting] = ['1'.repeat(64), '2'.repeat(64)]
  const asked: (readonly string[])[] = []
  const leftovers = new Leftovers(dir, async (innerSha256s) => {
    asked.push(innerSha256s)
    return [settled]
  })
  const leave = async (key: string, end: string) => {
    const name = `.${SHA256}.${deliveryName(key)}${end}`
    await mkdir(join(dir, name, 'message'), { recursive: true })
    return name
  }
  const lying = async () => (await readdir(dir)).sort()
  for (const end of ['', '.claim', '.claim.0123456789ab']) await leave(settled, end)
  await mkdir(join(dir, `.${SHA256}.adding`, deliveryName(settled)), { recursive: true })
  const foreign = await leave('of another store', '')
  const other = [await leave(waiting, '.0123456789ab'), await leave(waiting, '.claim')]
  await mkdir(join(dir, SHA256))
  await leftovers.remove(SHA256, 'another')
  expect(asked).toEqual([[SHA256]])
  expect(await lying()).toEqual([foreign, ...other, SHA256].sort())
  await leftovers.remove(SHA256, deliveryName(waiting))
  expect(await lying()).toEqual([foreign, SHA256].sort())
  const more = await leave(settled, '.claim')
  await leftovers.remove(SHA256, 'another')
  expect(await lying()).toContain(more)
  leftovers.lookAgain()
  await leftovers.remove(SHA256, 'another')
  expect(await lying()).toEqual([foreign, SHA256].sort())
})

const TWO = 'dr.two@clinic-b.example'

const recipientsIn = async (folder: string): Promise<readonly string[]> =>
  JSON.parse(await readFile(join(folder, 'delivery.json'), 'utf8')).recipients.map(
    ({ address }: { address: string }) => address,
  )

test('a recipient who was added right before a stop is not filed again, though the EHR has taken the folder since (IN-10)', async () => {
  const [dir, taken] = [await temporaryFolder(), await temporaryFolder()]
  const message = messageThatSays()
  await (await deliverToFolder(dir, message, describe)).recorded()
  const add = () => deliverToFolder(dir, message, () => describing(TWO))
  await add()
  await rename(join(dir, SHA256), join(taken, SHA256))
  expect(await recipientsIn(join(taken, SHA256))).toEqual([LEE, TWO])
  const { folder, recorded } = await add()
  expect(folder).toBe(join(dir, SHA256))
  await recorded()
  expect(await readdir(dir)).toEqual([])
})

test('who was refused, and is trusted with the same message later, is told as that; who was accepted stays so, in any case of letters', async () => {
  const dir = await temporaryFolder()
  const message = messageThatSays()
  const told = async (...recipients: readonly (readonly [address: string, verdict: string])[]) => {
    const said = recipients.map(([address, verdict]) => ({ address, verdict }))
    const add = () => ({ ...describe(), recipients: said })
    await (await deliverToFolder(dir, message, add)).recorded()
    const filed = JSON.parse(await readFile(join(dir, SHA256, 'delivery.json'), 'utf8'))
    return filed.recipients.map((one: { address: string; verdict: string }) => [one.address, one.verdict])
  }
  await told([LEE, 'accept'], [TWO, 'reject'])
  const both = [
    [LEE, 'accept'],
    [TWO, 'accept'],
  ]
  expect(await told([TWO, 'accept'])).toEqual(both)
  expect(await told([TWO, 'reject'], [LEE.toUpperCase(), 'accept'])).toEqual(both)
})

test('a recipient whose message the EHR has taken is not added to the same message of another (IN-10)', async () => {
  const [dir, taken] = [await temporaryFolder(), await temporaryFolder()]
  const message = messageThatSays()
  await deliverToFolder(dir, message, describe)
  await rename(join(dir, SHA256), join(taken, SHA256))
  await (await deliverToFolder(dir, message, () => describing(TWO))).recorded()
  await (await deliverToFolder(dir, message, describe)).recorded()
  expect(await recipientsIn(join(dir, SHA256))).toEqual([TWO])
  expect(await readdir(dir)).toEqual([SHA256])
})

/** What is asked of the disk from now on. */
function watched() {
  const [opened, renamed] = [vi.spyOn(promises, 'open'), vi.spyOn(promises, 'rename')]
  syncBuiltinESMExports()
  onTestFinished(() => {
    opened.mockRestore()
    renamed.mockRestore()
    syncBuiltinESMExports()
  })
  return { opened, renamed }
}

test('a message appears when its claim is on the disk, and is told as filed when its folder is (IN-10)', async () => {
  const dir = await temporaryFolder()
  const { opened, renamed } = watched()
  await deliverToFolder(dir, messageThatSays(), describe)
  const claimed = join(dir, `.${SHA256}.${DELIVERY}.claim`)
  const steps = [
    ...opened.mock.calls.map(([path], n) => [opened.mock.invocationCallOrder[n] ?? 0, path] as const),
    ...renamed.mock.calls.map(([, path], n) => [renamed.mock.invocationCallOrder[n] ?? 0, path] as const),
  ].sort(([one], [other]) => one - other)
  const names = [claimed, dir, join(dir, SHA256)]
  const seen = steps.map(([, path]) => path).filter((path) => names.includes(String(path)))
  expect(seen).toEqual([claimed, dir, join(dir, SHA256), dir])
})

test.each([
  ['application/octet-stream', ['attachments']],
  // There is nothing in it.
  ['text/plain', []],
])('a claim gets its name when all that it holds has its own on the disk: %s (IN-10)', async (type, more) => {
  const dir = await temporaryFolder()
  const { opened, renamed } = watched()
  await deliverToFolder(dir, messageThatSays(`Content-Type: ${type}\r\n\r\nx`), describe)
  const [claimed = 0] = renamed.mock.invocationCallOrder
  const [own = ''] = renamed.mock.calls[0] ?? []
  const before = opened.mock.calls.filter((_, n) => (opened.mock.invocationCallOrder[n] ?? 0) < claimed)
  const synced = before
    .filter(([, flags]) => flags === 'r')
    .map(([path]) => relative(String(own), String(path)))
  const [draft = ''] = synced.filter((path) => /^[^/]+$/.test(path))
  const message = join(draft, 'message')
  expect(synced.sort()).toEqual(['', draft, message, ...more.map((name) => join(message, name))])
})

test('who finds a message filed by somebody who was stopped right then brings it onto the disk before saying so (IN-10)', async () => {
  const [dir, taken] = [await temporaryFolder(), await temporaryFolder()]
  const whole = messageThatSays()
  await deliverToFolder(dir, whole, describe)
  const { opened } = watched()
  await deliverToFolder(dir, whole, describe)
  expect(opened).toHaveBeenCalledWith(dir, 'r')
  // In which its recipients stand.
  expect(opened).toHaveBeenCalledWith(join(dir, SHA256), 'r')
  opened.mockClear()
  await rename(join(dir, SHA256), join(taken, SHA256))
  await deliverToFolder(dir, whole, describe)
  expect(opened).toHaveBeenCalledWith(dir, 'r')
})
