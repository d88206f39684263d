import { DirectError, type Reason } from '../agent/errors.ts'
import type { MessageAlgorithms } from './types.ts'

/** The key under which two spellings of an address are one (MSG-13); Message-IDs have no such key. */
export function addressKey(address: string): string {
  return address.toLowerCase()
}

/** What was kept as JSON. Throws DirectError `STORE_DAMAGED` for what is none: it is not what we wrote. */
export function fromJson<T>(json: string): T {
  try {
    return JSON.parse(json) as T
  } catch {
    // Without the cause: its sentence holds what stands there.
    throw new DirectError('STORE_DAMAGED', 'a value in the store is not what was written', {
      hint: 'Run "direct store check", look after the disk, take a copy of the store, and restore a backup (direct store restore).',
    })
  }
}

/** Codes and sentences as the JSON text of a `why` column; whatever else the objects carry stays out. */
export function encodeWhy(why: readonly Reason[]): string {
  return JSON.stringify(why.map(({ code, text }) => ({ code, text })))
}

export function decodeWhy(json: string): readonly Reason[] {
  return fromJson(json)
}

export function encodeAlgorithms(algorithms: MessageAlgorithms | null): string | null {
  if (algorithms === null) return null
  const { content, keyTransport, digest, signature } = algorithms
  return JSON.stringify({ content, keyTransport, digest, signature })
}

export function decodeAlgorithms(json: string | null): MessageAlgorithms | null {
  return json === null ? null : fromJson(json)
}
