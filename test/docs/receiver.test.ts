import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder, twoClinics } from '../flow/clinics.ts'

const page = readFileSync(new URL('../../docs/daemon.md', import.meta.url), 'utf8')
const SECRET = 'a secret of this test alone'

/** The receiver of the page as it stands, in a folder of its own. */
async function startReceiver(secret: string) {
  const [, code = ''] = /^```js\n(.*?)^```/ms.exec(page) ?? []
  expect(code.split('\n').length).toBeLessThan(50)
  const dir = await temporaryFolder()
  await writeFile(join(dir, 'receiver.mjs'), code)
  const port = await freePort()
  const child: ChildProcess = spawn(process.execPath, ['receiver.mjs'], {
    cwd: dir,
    env: { ...process.env, DIRECT_WEBHOOK_SECRET: secret, PORT: String(port) },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  onTestFinished(async () => {
    child.kill()
    await once(child, 'exit')
  })
  const url = `http://127.0.0.1:${port}/direct`
  await expect
    .poll(() =>
      fetch(url, { method: 'POST' }).then(
        ({ status }) => status,
        () => 0,
      ),
    )
    .toBe(401)
  const told = async () => (await readdir(dir)).filter((name) => !name.includes('.'))
  return { dir, url, told }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function clinicWith(url: string, secret: string) {
  const deliver = { webhook: { url, secretEnv: 'DIRECT_WEBHOOK_SECRET' } }
  const { a, b } = await twoClinics({ b: { deliver }, parts: { env: { DIRECT_WEBHOOK_SECRET: secret } } })
  const stop = new AbortController()
  const running = b.run({ signal: stop.signal })
  onTestFinished(async () => {
    stop.abort()
    await running
  })
  return { a, b }
}

test('the receiver of docs/daemon.md, as written, files what it is handed, and knows it again', async () => {
  const { dir, url, told } = await startReceiver(SECRET)
  const { a } = await clinicWith(url, SECRET)
  await a.send({
    from: 'dr.kim@clinic-a.example',
    to: ['dr.lee@clinic-b.example'],
    subject: 'Referral',
    text: 'x',
  })
  await expect.poll(told, { timeout: 40_000 }).toHaveLength(1)
  const [key] = await told()
  const { innerSha256, ...delivery } = JSON.parse(await readFile(join(dir, `${key}`, 'told.json'), 'utf8'))
  const message = await readFile(join(dir, `${key}`, 'message.eml'))
  expect(createHash('sha256').update(message).digest('hex')).toBe(innerSha256)
  expect(delivery).toMatchObject({ key, subject: 'Referral' })
})

test('it takes nothing that is signed with another secret', async () => {
  const { url, told } = await startReceiver(SECRET)
  const { a, b } = await clinicWith(url, 'another secret of this test')
  await a.send({
    from: 'dr.kim@clinic-a.example',
    to: ['dr.lee@clinic-b.example'],
    subject: 'Referral',
    text: 'x',
  })
  await expect.poll(async () => (await b.health()).deliveries.waiting, { timeout: 40_000 }).toBe(1)
  expect(await told()).toEqual([])
})
