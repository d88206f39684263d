import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { pki } from './clinics.ts'

/** `openssl cms`: two processes and a pipe for each message. What it seals is not wrapped; the bytes are as many. */
const SEAL = `openssl cms -sign -binary -in "$1" -signer "$A.pem" -inkey "$A.key" -md sha256 |
  openssl cms -encrypt -binary -aes256 -recip "$B.pem" -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -out "$2"`
const OPEN = `openssl cms -decrypt -in "$1" -recip "$B.pem" -inkey "$B.key" |
  openssl cms -verify -binary -purpose any -CAfile "$CA" -out "$2" 2>/dev/null`

export const opensslSeal = (from: string, to: string) => shell(SEAL, from, to)
export const opensslOpen = (from: string, to: string) => shell(OPEN, from, to)

async function shell(script: string, from: string, to: string): Promise<void> {
  const [A, B, CA] = ['clinic-a', 'clinic-b', 'root-a.pem'].map(pki)
  const child = spawn('bash', ['-o', 'pipefail', '-c', script, 'openssl', from, to], {
    env: { ...process.env, A, B, CA },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`openssl ended with ${code}`)
}
