import { constants, createReadStream, fstatSync, openSync } from 'node:fs'
import type { Readable } from 'node:stream'

/**
 * The bytes of whatever a path leads to. A pipe is polled, as stdin is: a thread that waits for what a writer may never
 * write would keep the process from its end, whatever signal comes. Throws what the system says.
 */
export async function fileBytes(file: string): Promise<Readable> {
  const fd = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK)
  if (!fstatSync(fd).isFIFO()) return createReadStream(file, { fd })
  // Few read a pipe, and this takes a command 10 ms to load.
  const { Socket } = await import('node:net')
  return new Socket({ fd, writable: false })
}
