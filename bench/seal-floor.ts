import { createCipheriv, createDecipheriv, createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

/**
 * What no implementation can do without, from file to file, and nothing else: the bytes through SHA-256 and AES-256-CBC of
 * node:crypto, and the same base64 passes as a message with an attachment has, lines of 76 included.
 */

const KEY = Buffer.alloc(32, 1)
const IV = Buffer.alloc(16, 2)
const LINE = 76
const LINE_BYTES = 57

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
        const whole = sealed.length - (sealed.length % LINE_BYTES)
        yield inLines(sealed.subarray(0, whole))
        kept = sealed.subarray(whole)
      }
      yield inLines(Buffer.concat([kept, cipher.final()]))
    },
    createWriteStream(to),
  )
  hash.digest()
}

/** The attachment inside is decoded and hashed too, as whoever takes the message in wants it. */
export async function floorOpen(from: string, to: string): Promise<void> {
  const hash = createHash('sha256')
  const attachment = createHash('sha256')
  const decipher = createDecipheriv('aes-256-cbc', KEY, IV)
  const open = (text: string) => {
    const opened = decipher.update(Buffer.from(text, 'base64'))
    hash.update(opened)
    attachment.update(Buffer.from(opened.toString('latin1'), 'base64'))
    return opened
  }
  await pipeline(
    createReadStream(from, { encoding: 'latin1' }),
    async function* (chunks: AsyncIterable<string>) {
      let kept = ''
      for await (const chunk of chunks) {
        const text = kept + chunk
        const whole = text.lastIndexOf('\n') + 1
        yield open(text.slice(0, whole))
        kept = text.slice(whole)
      }
      yield open(kept)
      yield decipher.final()
    },
    createWriteStream(to),
  )
  hash.digest()
  attachment.digest()
}

function inLines(bytes: Buffer): Buffer {
  const flat = Buffer.from(bytes.toString('base64'), 'latin1')
  const out = Buffer.allocUnsafe(flat.length + 2 * Math.ceil(flat.length / LINE))
  let to = 0
  for (let at = 0; at < flat.length; at += LINE) {
    to += flat.copy(out, to, at, at + LINE)
    to += out.write('\r\n', to, 'latin1')
  }
  return out
}
