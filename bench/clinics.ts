import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import makeKeysPrivate from '../test/key-files.ts'

await makeKeysPrivate()

export const FROM = 'dr.kim@clinic-a.example'
export const TO = 'dr.lee@clinic-b.example'

export function pki(name: string): string {
  return fileURLToPath(new URL(`../fixtures/pki/${name}`, import.meta.url))
}

export function pem(name: string): string {
  return readFileSync(pki(name), 'utf8')
}

/** The configuration of one of the fixtures' two clinics; it knows the other's certificate, and asks no network. */
export function clinic(letter: 'a' | 'b', dataDir: string): Record<string, unknown> {
  const own = `clinic-${letter}`
  return {
    dataDir,
    identities: [{ for: `${own}.example`, certificate: pki(`${own}.pem`), privateKey: pki(`${own}.key`) }],
    trust: [{ for: '*', anchors: [pki('root-a.pem')] }],
    certificates: [pki('clinic-a.pem'), pki('clinic-b.pem')],
    smtp: { url: 'smtp://127.0.0.1:25' },
    mailboxes: [{ imap: `imap://${own}@127.0.0.1:143/INBOX`, addresses: [`${own}.example`] }],
  }
}

/** A folder that goes with the bench. */
export async function folder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'direct-bench-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** An RFC 5322 message with an attachment of `bytes` random bytes, 7-bit clean and with CRLF. */
export async function messageFile(dir: string, bytes: number): Promise<string> {
  const path = join(dir, `message-${bytes}.eml`)
  await writeFile(path, message(bytes))
  return path
}

const LINE_BYTES = 57
const CHUNK = LINE_BYTES * 16_384

function* message(bytes: number): Generator<string> {
  const header = [
    `From: ${FROM}`,
    `To: ${TO}`,
    'Date: Sat, 21 Nov 2026 12:00:00 +0000',
    `Message-ID: <${randomUUID()}@clinic-a.example>`,
    'MIME-Version: 1.0',
    'Content-Type: application/octet-stream; name="scan.bin"',
    'Content-Transfer-Encoding: base64',
  ]
  yield `${header.join('\r\n')}\r\n\r\n`
  for (let at = 0; at < bytes; at += CHUNK) yield inLines(randomBytes(Math.min(CHUNK, bytes - at)))
}

/** Base64 in lines of 76, the last one ended as well. */
export function inLines(bytes: Buffer): string {
  return bytes.toString('base64').replace(/.{1,76}/g, '$&\r\n')
}
