import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LogLines } from '../../cli/log-lines.ts'
import { temporaryFolder } from './direct.ts'

const lossLine = (lines: number) => `${lines} lost\n`
const line = (n: number) => `${String(n).padStart(9, '0')} ${'x'.repeat(989)}\n`

/** A pipe that is read when the test wants it to be. */
async function pipe() {
  const folder = await temporaryFolder()
  const path = join(folder.path, 'pipe')
  execFileSync('mkfifo', [path])
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  const buffer = Buffer.alloc(1 << 20)
  let read = ''
  return {
    fd,
    /** All that is in it, behind what was read before. */
    read(): string {
      for (;;) {
        try {
          read += buffer.toString('latin1', 0, readSync(fd, buffer))
        } catch {
          return read
        }
      }
    },
    async [Symbol.asyncDispose]() {
      closeSync(fd)
      await folder[Symbol.asyncDispose]()
    },
  }
}

test('lines are handed over at once, and whoever reads late gets them in their order, none in pieces', async () => {
  await using to = await pipe()
  await using lines = new LogLines(to.fd, lossLine)
  lines.write(line(0))
  expect(to.read()).toBe(line(0))
  const all = Array.from({ length: 500 }, (_, n) => line(n))
  for (const one of all.slice(1)) lines.write(one)
  while (to.read().length < all.join('').length) await new Promise((resolve) => setTimeout(resolve, 20))
  expect(to.read()).toBe(all.join(''))
})

test('of what nobody takes a megabyte is kept; the next line that is taken says how many are missing', async () => {
  await using to = await pipe()
  await using lines = new LogLines(to.fd, lossLine)
  const all = Array.from({ length: 5000 }, (_, n) => line(n))
  for (const one of all) lines.write(one)
  await lines[Symbol.asyncDispose]()
  const until = performance.now() + 60_000
  let before = -1
  while (before !== to.read().length || before < 1 << 20) {
    expect(performance.now()).toBeLessThan(until)
    before = to.read().length
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
  const kept = to.read().length / line(0).length
  expect(kept).toBeLessThan(1200)
  lines.write('there again\n')
  expect(to.read()).toBe(`${all.slice(0, kept).join('')}${5000 - kept} lost\nthere again\n`)
})

test('a disk that is full loses lines, and ends nothing', async () => {
  const full = openSync('/dev/full', 'w')
  await using lines = new LogLines(full, lossLine)
  for (let n = 0; n < 3; n++) lines.write(line(n))
  closeSync(full)
})

test('a line that a full disk cut stays alone: what is written next begins a line of its own', async () => {
  let [file, room] = ['', 1000]
  /** As a file on a disk that is full at some point: first what fits, then nothing. */
  const write = (_fd: number, bytes: Buffer) => {
    if (room === 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
    const taken = bytes.toString('latin1', 0, room)
    file += taken
    room -= taken.length
    return taken.length
  }
  await using lines = new LogLines(1, lossLine, write)
  lines.write('before\n')
  lines.write(line(1))
  lines.write('in vain\n')
  expect(file).toHaveLength(1000)
  room = 1000
  lines.write('after\n')
  expect(file).toBe(`before\n${line(1).slice(0, 993)}\n2 lost\nafter\n`)
})
