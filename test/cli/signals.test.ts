import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Clinics, silentNameServer, twoClinics } from './clinics.ts'
import { start } from './direct.ts'

let clinics: Clinics
beforeAll(async () => {
  clinics = await twoClinics()
})
afterAll(() => clinics[Symbol.asyncDispose]())

const parse = (line: string | undefined) => JSON.parse(line ?? '')

function follow(args: readonly string[]) {
  const child = start(args, { cwd: clinics.a })
  const errors: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
  return {
    child,
    lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](),
    ended: once(child, 'close').then(([code]) => code as number | null),
    stderr: () => Buffer.concat(errors).toString(),
  }
}

test('certs serve says where it answers when it is ready, and ends on SIGTERM with 0', async () => {
  const server = follow(['certs', 'serve', '--listen', '127.0.0.1:0', '--json'])
  const { value } = await server.lines.next()
  expect(parse(value)).toEqual({
    listen: expect.stringMatching(/^127\.0\.0\.1:[1-9]\d*$/),
    zones: ['clinic-a.example'],
    serial: expect.any(Number),
  })
  server.child.kill('SIGTERM')
  expect(await server.ended).toBe(0)
})

test('run logs in JSON from its first line, and ends on SIGTERM with 0, even while its servers are away', async () => {
  const daemon = follow(['run', '--deliver', 'inbox'])
  await once(daemon.child.stderr, 'data')
  daemon.child.kill('SIGTERM')
  expect(await daemon.ended).toBe(0)
  const log = daemon.stderr().trimEnd().split('\n').map(parse)
  expect(log[0]).toMatchObject({ level: 40, msg: expect.stringMatching(/TEST CA/) })
})

test('a configuration that is a pipe is read, and one that nobody writes does not keep a command from its end', async () => {
  const pipe = join(clinics.a, 'pipe')
  execFileSync('mkfifo', [pipe])
  const read = follow(['classify', 'x@elsewhere.example', '--no-network', '--config', pipe])
  await writeFile(pipe, await readFile(join(clinics.a, 'direct.yaml')))
  expect(await read.ended).toBe(75)

  const waits = follow(['run', '--config', pipe])
  await using _writer = await open(pipe, 'w')
  waits.child.kill('SIGTERM')
  // The second does not wait for whatever winds down; right behind the first it would be one with it.
  await pause(200)
  waits.child.kill('SIGTERM')
  expect(await waits.ended).toBe(0)
})

test('SIGINT in the midst of a lookup ends with 130 and no complaint', async () => {
  await using server = await silentNameServer()
  const config = await clinics.variant('silent.yaml', {
    "# dns: { servers: ['127.0.0.1:10053'], timeoutMs: 3000 }": `dns: { servers: ['127.0.0.1:${server.port}'], timeoutMs: 600000 }`,
  })
  const command = follow(['classify', 'x@elsewhere.example', '--config', config])
  await server.asked
  command.child.kill('SIGINT')
  expect(await command.ended).toBe(130)
  expect(command.stderr().replaceAll(/^direct: note: .*\n/gm, '')).toBe('')
})

test('a name server that does not answer leaves it undetermined (DISC-6): 75', async () => {
  await using server = await silentNameServer()
  const config = await clinics.variant('timeout.yaml', {
    "# dns: { servers: ['127.0.0.1:10053'], timeoutMs: 3000 }": `dns: { servers: ['127.0.0.1:${server.port}'], timeoutMs: 50 }`,
  })
  const command = follow(['classify', 'x@elsewhere.example', '--config', config, '--json'])
  const { value } = await command.lines.next()
  expect(parse(value)).toMatchObject({
    route: 'undetermined',
    directCapable: null,
    why: [{ code: 'LOOKUP_FAILED' }],
  })
  expect(await command.ended).toBe(75)
})

test('a reader of stdout that has gone (EPIPE) is no crash', async () => {
  const command = follow(['message', 'open', '--batch', '-', '--to', 'dr.kim@clinic-a.example'])
  command.child.stdin.on('error', () => {})
  const line = `${JSON.stringify({ id: 'x', file: 'message.eml' })}\n`
  command.child.stdin.write(line)
  await command.lines.next()
  command.child.stdout.destroy()
  command.child.stdin.end(line.repeat(50))
  expect(await command.ended).toBe(0)
  expect(command.stderr()).not.toMatch(/bug|EPIPE/)
})

test('batch answers each line before the next one comes', async () => {
  const command = follow(['message', 'open', '--batch', '-', '--to', 'dr.kim@clinic-a.example'])
  for (const id of ['first', 'second']) {
    command.child.stdin.write(`${JSON.stringify({ id, file: 'message.eml' })}\n`)
    const { value } = await command.lines.next()
    expect(parse(value)).toMatchObject({ id, verdict: 'reject' })
  }
  command.child.stdin.end()
  expect(await command.ended).toBe(0)
})

test('a batch that SIGTERM ends has not come to its end, whatever becomes of stdin: 143', async () => {
  const command = follow(['message', 'open', '--batch', '-', '--to', 'dr.kim@clinic-a.example'])
  command.child.stdin.write(`${JSON.stringify({ id: 'first', file: 'message.eml' })}\n`)
  await command.lines.next()
  command.child.kill('SIGTERM')
  await Promise.race([command.ended, pause(5000)])
  command.child.stdin.end()
  expect(await command.ended).toBe(143)
  expect(command.stderr().replaceAll(/^direct: note: .*\n/gm, '')).toBe('')
})

test('an answer of some length is read to its end by a slow reader too, and the exit code is its own', async () => {
  const addresses = Array.from({ length: 2500 }, (_, n) => `somebody.${n}@clinic-${n}.example`)
  const from = ['--from', 'dr.kim@clinic-a.example']
  const child = start(['classify', '--no-network', '--json', ...from, ...addresses], { cwd: clinics.a })
  const ended = once(child, 'close')
  await pause(1500)
  child.stdout.resume()
  expect(await ended).toEqual([75, null])
})
