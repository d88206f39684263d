import type { Reason } from '../agent/errors.ts'
import type { MessageAlgorithms } from './types.ts'

/** The key under which two spellings of an address are one (MSG-13); Message-IDs have no such key. */
export function addressKey(address: string): string {
  return address.toLowerCase()
}

/** Codes and sentences as the JSON text of a `why` column; whatever else the objects carry stays out. */
export function encodeWhy(why: readonly Reason[]): string {
  return JSON.stringify(why.map(({ code, text }) => ({ code, text })))
}

export function decodeWhy(json: string): readonly Reason[] {
  return JSON.parse(json) as readonly Reason[]
}

export function encodeAlgorithms(algorithms: MessageAlgorithms | null): string | null {
  if (algorithms === null) return null
  const { content, keyTransport, digest, signature } = algorithms
  return JSON.stringify({ content, keyTransport, digest, signature })
}

export function decodeAlgorithms(json: string | null): MessageAlgorithms | null {
  return json === null ? null : (JSON.parse(json) as MessageAlgorithms)
}
