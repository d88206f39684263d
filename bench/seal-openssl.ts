import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { pki } from './clinics.ts'

/**
 * `openssl cms` from file to file: two processes side by side and a pipe between them, and of the ways in which it does
 * the work the quickest (`-stream`). Signed with a detached signature, as ours; opened with the path to the anchor.
 */
const SEAL = `openssl cms -sign -binary -in "$1" -signer "$A.pem" -inkey "$A.key" -md sha256 |
  openssl cms -encrypt -stream -binary -aes256 -recip "$B.pem" -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -out "$2"`
const OPEN = `openssl cms -decrypt -in "$1" -recip "$B.pem" -inkey "$B.key" |
  openssl cms -verify -binary -purpose any -CAfile "$CA" -out "$2" 2>/dev/null`

export const opensslSeal = (from: string, to: string) => shell(SEAL, from, to)
export const opensslOpen = (from: string, to: string) => shell(OPEN, from, to)

async function shell(script: string, from: string, to: string): Promise<void> {
  const [A, B, CA] = ['clinic-a', 'clinic-b', 'root-a.pem'].map(pki)
  const child = spawn('sh', ['-c', `${script} || exit 1`, 'sh', from, to], {
    env: { ...process.env, A, B, CA },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`openssl ended with ${code}`)
}
