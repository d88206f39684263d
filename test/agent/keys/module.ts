import { createPrivateKey, createPublicKey, diffieHellman, privateDecrypt, sign } from 'node:crypto'
import { createInterface } from 'node:readline'
import type { KeyTransport, PrivateKey } from '../../../agent/index.ts'
import { hashName, rsaPadding, signatureOptions } from '../../../agent/smime/algorithms.ts'

/** What is asked of the module: one JSON object a line. Bytes are base64. */
export type Request =
  | { readonly id: number; readonly sign: Parameters<PrivateKey['sign']>[0]; readonly data: string }
  | { readonly id: number; readonly decrypt: KeyTransport | 'ecdh'; readonly data: string }

/** Null: nothing comes out. */
export type Response = { readonly id: number; readonly bytes: string | null }

const key = createPrivateKey(process.env.MODULE_KEY ?? '')

function answer(request: Request): Buffer | null {
  const data = Buffer.from(request.data, 'base64')
  if ('sign' in request) {
    const { digest } = request.sign
    return sign(hashName(digest), data, { key, ...signatureOptions(request.sign, digest) })
  }
  try {
    if (request.decrypt !== 'ecdh') return privateDecrypt({ key, ...rsaPadding(request.decrypt) }, data)
    const publicKey = createPublicKey({ key: data, format: 'der', type: 'spki' })
    return diffieHellman({ privateKey: key, publicKey })
  } catch {
    // As hardware does: it says that it did not work, and not why.
    return null
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as Request
  const bytes = answer(request)?.toString('base64') ?? null
  process.stdout.write(`${JSON.stringify({ id: request.id, bytes } satisfies Response)}\n`)
}
