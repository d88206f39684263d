import { spawn } from 'node:child_process'
import { renameSync } from 'node:fs'
import { mkdir, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { Claim } from '../../agent/deliver/claim.ts'
import { deliverToFolder } from '../../agent/deliver/folder.ts'

import { openStore } from '../../store/index.ts'
import { all, temporaryFolder, twoClinics } from './clinics.ts'
import { replacing } from './faults.ts'
import { describe, describing, messageOf, messageThatSays, SHA256 } from './filed-message.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'

/** A process that files each message when it is told to. */
function filing(...words: readonly string[]) {
  const script = fileURLToPath(new URL('folder-child.ts', import.meta.url))
  const child = spawn(process.execPath, [script, ...words], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const lines: string[] = []
  let heard = () => {}
  let isOver = false
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    lines.push(...text.trim().split('\n'))
    heard()
  })
  child.on('close', () => {
    isOver = true
    heard()
  })
  return {
    go: () => child.stdin.write('\n'),
    /** When it has said so many lines. */
    said: async (count: number) => {
      while (lines.length < count) {
        if (isOver) throw new Error(`the child ended after ${lines.length} lines`)
        await new Promise<void>((resolve) => {
          heard = resolve
        })
      }
    },
  }
}

const ROUNDS = 12

test.each([
  [
    'for a recipient each: all are in its delivery.json',
    ['one@b.example', 'two@b.example', 'three@b.example'],
  ],
  ['for one recipient: it is filed whole', ['one@b.example', 'one@b.example', 'one@b.example']],
])('the same message is filed by several processes at once, %s (IN-10)', async (_, addresses) => {
  const [dir, beside] = [await temporaryFolder(), await temporaryFolder()]
  const children = addresses.map((address) => filing(dir, join(beside, 'lock'), address, String(ROUNDS)))
  for (let round = 1; round <= ROUNDS; round++) {
    await Promise.all(children.map(({ said }) => said(round)))
    for (const { go } of children) go()
  }
  await Promise.all(children.map(({ said }) => said(ROUNDS + 1)))
  const names = await readdir(dir)
  expect(names.filter((name) => !/^[0-9a-f]{64}$/.test(name))).toEqual([])
  expect(names).toHaveLength(ROUNDS)
  for (const name of names) {
    const { recipients } = JSON.parse(await readFile(join(dir, name, 'delivery.json'), 'utf8'))
    const filed = recipients.map(({ address }: { address: string }) => address).sort()
    expect(filed).toEqual([...new Set(addresses)].sort())
    expect((await readFile(join(dir, name, 'message.eml'))).length).toBeGreaterThan(50_000)
  }
})

test('what was claimed and is gone was got by the EHR; what is complete is gone on with, whoever wrote it', async () => {
  const [dir, taken] = [await temporaryFolder(), await temporaryFolder()]
  let written = 0
  const message = messageOf(async function* () {
    written++
    yield Buffer.from('Subject: x\r\n\r\n')
  })
  const stop = new Error('stopped')
  const stopped = deliverToFolder(dir, message, describe, { isWaiting: () => Promise.reject(stop) })
  await expect(stopped).rejects.toThrow(stop)
  const once = written
  const [claimed = ''] = await readdir(dir)
  // As a stop leaves it that comes while other tries are cleared away.
  await mkdir(join(dir, claimed.replace(/\.claim$/, ''), '0123456789ab'), { recursive: true })
  await deliverToFolder(dir, message, describe)
  expect(written).toBe(once)
  expect((await readdir(dir)).sort()).toEqual([expect.stringMatching(/^\..*\.claim$/), SHA256])
  await rename(join(dir, SHA256), join(taken, SHA256))
  const { recorded } = await deliverToFolder(dir, message, describe)
  await recorded()
  expect(await readdir(dir)).toEqual([])
})

/** Of others: the digest of an unwrapped message does not cover its From. */
const describingAnother = (deliveredTo: string) => ({
  ...describing(LEE),
  from: 'dr.lee@clinic-c.example',
  deliveredTo,
})
const describingAs = (deliveredTo: string) => ({ ...describe(), deliveredTo })
const saidIn = async (folder: string) =>
  JSON.parse(await readFile(join(folder, 'delivery.json'), 'utf8')) as Record<string, unknown>

test('a message whose folder becomes another author’s while it is filed, by another process, says where it lies', async () => {
  const dir = await temporaryFolder()
  const message = messageThatSays()
  const other = new Claim(dir, SHA256, 'another')
  let isFirst = true
  const isWaiting = async () => {
    if (isFirst) {
      const describeIt = () => describingAnother(join(dir, SHA256))
      const written = await other.write(message.inner, SHA256, describeIt)
      if (written.state !== 'whole') throw new Error('nobody else is at it')
      await other.file(written.draft, join(dir, SHA256))
      await other.removeFiled(written.draft)
    }
    isFirst = false
    return true
  }
  const { folder, recorded } = await deliverToFolder(dir, message, describingAs, { isWaiting })
  expect(folder).toMatch(new RegExp(`/${SHA256}-[0-9a-f]{16}$`))
  expect(await saidIn(folder)).toEqual(describingAs(folder))
  expect(await saidIn(join(dir, SHA256))).toEqual(describingAnother(join(dir, SHA256)))
  await recorded()
  expect(await readdir(dir)).toHaveLength(2)
})

test('a stop before it is filed: it says where it lies, though another author’s has gone from there; a stop behind: where it was filed is told', async () => {
  const [dir, taken] = [await temporaryFolder(), await temporaryFolder()]
  const message = messageThatSays()
  const another = () => deliverToFolder(dir, message, describingAnother)
  const take = (folder: string, name: string) => rename(folder, join(taken, name))
  await (await another()).recorded()
  const stop = new Error('stopped')
  const stopped = deliverToFolder(dir, message, describingAs, { isWaiting: () => Promise.reject(stop) })
  await expect(stopped).rejects.toThrow(stop)
  await take(join(dir, SHA256), 'another')
  const filed = await deliverToFolder(dir, message, describingAs)
  expect(filed.folder).toBe(join(dir, SHA256))
  expect(await saidIn(filed.folder)).toEqual(describingAs(filed.folder))
  // Stopped here: nothing is recorded.
  await take(filed.folder, 'it')
  await (await another()).recorded()
  const again = await deliverToFolder(dir, message, describingAs)
  expect(again.folder).toBe(filed.folder)
  await again.recorded()
  expect(await readdir(dir)).toEqual([SHA256])
})

test.each(['before its delivery.json is read', 'before it is written'] as const)(
  'a folder that the EHR takes while a recipient is added to it, %s, appears again for that one (IN-10)',
  async (when) => {
    const [dir, taken] = [await temporaryFolder(), await temporaryFolder()]
    const message = messageThatSays()
    const { recorded } = await deliverToFolder(dir, message, () => describing('one@b.example'))
    await recorded()
    const take = () => renameSync(join(dir, SHA256), join(taken, SHA256))
    let isTaken = false
    const takeOnce = () => {
      if (!isTaken) take()
      isTaken = true
    }
    let isAlone = false
    const alone = async () => {
      isAlone = true
      if (when === 'before its delivery.json is read') takeOnce()
      return { [Symbol.dispose]() {} }
    }
    const { recipients: others, ...author } = describing('two@b.example')
    const describeOther = () => ({
      ...author,
      // Who is alone asks for them when it has read who is there already.
      get recipients() {
        if (isAlone) takeOnce()
        return others
      },
    })
    await (await deliverToFolder(dir, message, describeOther, { alone })).recorded()
    for (const [place, address] of [
      [taken, 'one@b.example'],
      [dir, 'two@b.example'],
    ] as const) {
      const { recipients } = JSON.parse(await readFile(join(place, SHA256, 'delivery.json'), 'utf8'))
      expect(recipients).toEqual([{ address }])
    }
  },
)

test('a daemon that was stopped for longer than it holds a mailbox does not file again what the EHR has from another one (IN-10)', async () => {
  const ehr = await temporaryFolder()
  const taken = await temporaryFolder()
  const stores = await temporaryFolder()
  const file = join(stores, 'store.db')
  await using store = await openStore({ file })
  const other = await twoClinics({ partsB: { store } })
  const reached = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  // It stops when its verdict is durable, and nothing of the message is filed yet.
  const stopping = replacing(store, {
    inbox: replacing(store.inbox, {
      judged: async (...given) => {
        const judged = await store.inbox.judged(...given)
        reached.resolve()
        await goOn.promise
        return judged
      },
    }),
  })
  const slow = await twoClinics({ partsB: { store: stopping } })
  await other.a.send({ from: KIM, to: [LEE], subject: 'Referral', text: 'Please see her.' })
  const [mail] = other.post.handed
  if (mail === undefined) throw new Error('nothing was sent')
  slow.post.drop(LEE, KIM, mail.bytes)
  const late = all(slow.b.receiveOnce({ deliverTo: ehr }))
  await reached.promise
  expect(await all(other.b.receiveOnce({ deliverTo: ehr }))).toHaveLength(1)
  const [folder = ''] = await readdir(ehr)
  await rename(join(ehr, folder), join(taken, folder))
  goOn.resolve()
  await late
  expect(await readdir(ehr)).toEqual([])
  expect((await all(store.audit.list())).filter(({ event }) => event === 'delivered')).toHaveLength(1)
})
