import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

const KEY = Buffer.alloc(32, 1)
const IV = Buffer.alloc(16, 2)

/** What no implementation can do without: the bytes through SHA-256, AES-256-CBC and base64, from file to file. */
export async function floorSeal(from: string, to: string): Promise<void> {
  const hash = createHash('sha256')
  const cipher = createCipheriv('aes-256-cbc', KEY, IV)
  await pipeline(
    createReadStream(from),
    async function* (chunks: AsyncIterable<Buffer>) {
      let kept = Buffer.alloc(0)
      for await (const chunk of chunks) {
        hash.update(chunk)
        const sealed = Buffer.concat([kept, cipher.update(chunk)])
        const whole = sealed.length - (sealed.length % 3)
        yield sealed.toString('base64', 0, whole)
        kept = sealed.subarray(whole)
      }
      yield Buffer.concat([kept, cipher.final()]).toString('base64')
    },
    createWriteStream(to),
  )
  hash.digest()
}

export async function floorOpen(from: string, to: string): Promise<void> {
  const hash = createHash('sha256')
  const decipher = createDecipheriv('aes-256-cbc', KEY, IV)
  await pipeline(
    createReadStream(from, { encoding: 'latin1' }),
    async function* (chunks: AsyncIterable<string>) {
      let kept = ''
      for await (const chunk of chunks) {
        const text = kept + chunk
        const whole = text.length - (text.length % 4)
        const opened = decipher.update(text.slice(0, whole), 'base64')
        hash.update(opened)
        yield opened
        kept = text.slice(whole)
      }
      yield decipher.final()
    },
    createWriteStream(to),
  )
  hash.digest()
}
