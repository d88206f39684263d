import { type ChildProcess, spawn } from 'node:child_process'
import type { KeyObject } from 'node:crypto'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { PrivateKey } from '../../../agent/index.ts'
import type { Request, Response } from './module.ts'

const MODULE = fileURLToPath(new URL('module.ts', import.meta.url))

/** Without its number. */
type Question = Request extends infer One ? (One extends Request ? Omit<One, 'id'> : never) : never

/**
 * A stand-in for an HSM: the key is in another process, which signs and decrypts, and never gives it out. It counts what it
 * was asked, and can be away.
 */
export class FakeHsm implements PrivateKey {
  readonly asked = { sign: 0, decrypt: 0 }
  /** What it fails with. */
  away: Error | null = null
  readonly #module: ChildProcess
  readonly #waiting = new Map<number, (bytes: Buffer | null) => void>()
  #id = 0

  constructor(key: KeyObject) {
    const pem = key.export({ type: 'pkcs8', format: 'pem' }).toString()
    const module = spawn(process.execPath, [MODULE], {
      env: { ...process.env, MODULE_KEY: pem },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#module = module
    onTestFinished(() => void module.kill())
    createInterface({ input: module.stdout }).on('line', (line) => {
      const { id, bytes } = JSON.parse(line) as Response
      this.#waiting.get(id)?.(bytes === null ? null : Buffer.from(bytes, 'base64'))
      this.#waiting.delete(id)
    })
  }

  async sign(how: Parameters<PrivateKey['sign']>[0], data: Uint8Array): Promise<Uint8Array> {
    this.asked.sign++
    const signature = await this.#ask({ sign: how, data: Buffer.from(data).toString('base64') })
    if (signature === null) throw new Error('the module gives no signature')
    return signature
  }

  async decrypt(how: Parameters<PrivateKey['decrypt']>[0], input: Uint8Array): Promise<Uint8Array | null> {
    this.asked.decrypt++
    return this.#ask({ decrypt: how, data: Buffer.from(input).toString('base64') })
  }

  #ask(question: Question): Promise<Buffer | null> {
    if (this.away !== null) return Promise.reject(this.away)
    const id = this.#id++
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.#module.stdin?.write(`${JSON.stringify({ id, ...question })}\n`)
    })
  }
}
