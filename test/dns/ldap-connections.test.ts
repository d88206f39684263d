import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import { createLdapClient } from '../../dns/ldap/index.ts'
import { behind, done, entry, scriptedDirectory } from './scripted-directory.ts'
import { derOf } from './scripted-server.ts'

const ONE = derOf(40, 1)
const BASE = 'dc=d,dc=example'
const FOUND = behind(
  [BASE],
  ({ id, socket }) => void socket.write(Buffer.concat([entry(id, { userCertificate: [ONE] }), done(id)])),
)
const mail = (name: string | number) => ({ mail: `${name}@d.example`, domain: 'd.example' })

describe('connections to directories', () => {
  test('hundreds of questions use one connection, and its rootDSE is read once', async () => {
    await using directory = await scriptedDirectory(FOUND)
    using client = createLdapClient({ timeoutMs: 20_000 })
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, index) => client.search(directory.server, mail(index))),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['found']))
    expect(directory.connections().opened).toBe(1)
    expect(directory.requests).toHaveLength(301)
  })

  test('one that ended while it rested is opened again, and the question is answered', async () => {
    await using directory = await scriptedDirectory(FOUND)
    using client = createLdapClient({ timeoutMs: 20_000 })
    await client.search(directory.server, mail('a'))
    expect((await client.search(directory.server, mail('again'))).questions[0]?.answer).toBe(
      `naming contexts: ${BASE}, known from before`,
    )
    directory.cut()
    expect(await client.search(directory.server, mail('b'))).toMatchObject({
      status: 'found',
      questions: [{ answer: `naming contexts: ${BASE}` }, {}],
    })
    expect(directory.connections().opened).toBe(2)
  })

  test('a directory that closes whenever it is asked is not asked for ever', async () => {
    await using directory = await scriptedDirectory(behind([BASE], ({ socket }) => void socket.end()))
    using client = createLdapClient({ timeoutMs: 20_000 })
    expect((await client.search(directory.server, mail('a'))).status).toBe('failed')
    expect(directory.connections().opened).toBe(1)
  })

  test('nobody waits on a connection over which an answer did not come in time', async () => {
    let silent = true
    await using directory = await scriptedDirectory(
      behind([BASE], ({ id, socket }) => void (silent || socket.write(done(id)))),
    )
    using client = createLdapClient({ timeoutMs: 100 })
    expect((await client.search(directory.server, mail('a'))).status).toBe('failed')
    silent = false
    expect((await client.search(directory.server, mail('a'))).status).toBe('empty')
    expect(directory.connections().opened).toBe(2)
  })

  test('they are closed when they have rested for a while, and when the client is disposed of', async () => {
    await using directory = await scriptedDirectory(FOUND)
    const client = createLdapClient({ timeoutMs: 20_000 })
    await client.search(directory.server, mail('a'))
    expect(directory.connections().open).toBe(1)
    await vi.waitFor(() => expect(directory.connections().open).toBe(0), 20_000)
    await client.search(directory.server, mail('b'))
    client[Symbol.dispose]()
    await vi.waitFor(() => expect(directory.connections()).toEqual({ opened: 2, open: 0 }), 20_000)
  })

  test('addresses are dialled in turn, and nothing but them: the host is not looked up', async () => {
    await using directory = await scriptedDirectory(FOUND)
    using client = createLdapClient({ timeoutMs: 20_000 })
    const server = { ...directory.server, host: 'localhost', addresses: ['127.0.0.2', '127.0.0.1'] }
    expect(await client.search(server, mail('a'))).toMatchObject({ status: 'found' })
    const nowhere = { ...server, addresses: ['127.0.0.3', '127.0.0.2'] }
    expect(await client.search(nowhere, mail('a'))).toMatchObject({
      status: 'failed',
      text: 'cannot be reached: the port is closed',
      questions: [{ name: `ldap://localhost:${server.port}`, type: 'LDAP' }],
    })
    expect(await client.search({ ...server, addresses: [] }, mail('a'))).toMatchObject({
      status: 'failed',
      text: 'has no address',
    })
    expect(directory.connections().opened).toBe(1)
  })

  test('whoever gives up is freed at once, and others get their answer', async () => {
    const { promise: asked, resolve } = Promise.withResolvers<() => void>()
    await using directory = await scriptedDirectory(
      behind([BASE], ({ id, socket }) => resolve(() => void socket.write(done(id)))),
    )
    using client = createLdapClient({ timeoutMs: 20_000 })
    const stop = new AbortController()
    const given = client.search(directory.server, mail('a'), { signal: stop.signal })
    const other = client.search(directory.server, mail('a'))
    const answer = await asked
    stop.abort()
    await expect(given).rejects.toMatchObject({ code: 'ABORTED' })
    answer()
    expect((await other).status).toBe('empty')
    await expect(client.search(directory.server, mail('b'), { signal: stop.signal })).rejects.toMatchObject({
      code: 'ABORTED',
    })
  })

  test('a connection that rests keeps no process alive', async () => {
    await using directory = await scriptedDirectory(FOUND)
    const dns = fileURLToPath(new URL('../../dns/ldap/index.ts', import.meta.url))
    const script = `import { createLdapClient } from ${JSON.stringify(dns)}
      const client = createLdapClient({ timeoutMs: 20000 })
      const { status } = await client.search(${JSON.stringify(directory.server)}, ${JSON.stringify(mail('a'))})
      console.log(status)
      // Of itself this keeps nothing alive: it speaks only if something else does.
      setTimeout(() => console.log('still alive'), 300).unref()`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
    expect(stdout).toBe('found\n')
  })
})

describe('what a directory said is kept for a while (DISC-11)', () => {
  test('as long as the asker says, and it tells what is left of its time', async () => {
    let now = 0
    await using directory = await scriptedDirectory(FOUND)
    using client = createLdapClient({ timeoutMs: 20_000, now: () => now })
    const first = await client.search(directory.server, mail('a'), { ttl: 60 })
    expect(first).not.toHaveProperty('kept')
    now = 50_000
    expect(await client.search(directory.server, mail('a'), { ttl: 60 })).toEqual({ ...first, kept: 10 })
    expect(directory.requests).toHaveLength(2)
    now = 60_000
    expect(await client.search(directory.server, mail('a'), { ttl: 60 })).not.toHaveProperty('kept')
    expect(directory.requests.length).toBeGreaterThan(2)
  })

  test('another address, another server, or other addresses of it are other questions', async () => {
    await using directory = await scriptedDirectory(FOUND)
    using client = createLdapClient({ timeoutMs: 20_000 })
    const { server } = directory
    await client.search(server, mail('a'), { ttl: 60 })
    for (const [at, question] of [
      [server, mail('b')],
      [{ ...server, host: 'other.test' }, mail('a')],
    ] as const)
      expect(await client.search(at, question, { ttl: 60 })).not.toHaveProperty('kept')
    expect(await client.search({ ...server, addresses: ['127.0.0.9'] }, mail('a'))).toMatchObject({
      status: 'failed',
    })
  })

  test('absence is kept too; a failure never is', async () => {
    const codes = [52, 0]
    await using directory = await scriptedDirectory(
      behind([BASE], ({ id, socket }) => void socket.write(done(id, codes.shift() ?? 80))),
    )
    using client = createLdapClient({ timeoutMs: 20_000 })
    const ask = async () => (await client.search(directory.server, mail('a'), { ttl: 60 })).status
    expect([await ask(), await ask(), await ask()]).toEqual(['failed', 'empty', 'empty'])
    expect(codes).toEqual([])
  })

  test('the same question at the same time is put once', async () => {
    await using directory = await scriptedDirectory(FOUND)
    using client = createLdapClient({ timeoutMs: 20_000 })
    await Promise.all(Array.from({ length: 20 }, () => client.search(directory.server, mail('a'))))
    expect(directory.requests).toHaveLength(2)
  })
})
