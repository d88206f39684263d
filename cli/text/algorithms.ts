import type { Opened } from '../../agent/index.ts'

/** By what a message was signed and encrypted, each with what it is for; empty where nothing is known. */
export function algorithmsText(algorithms: Opened['algorithms']): string {
  if (algorithms === null) return ''
  const { signature, digest, content, keyTransport } = algorithms
  return [
    ...(signature === null ? [] : [`signature ${signature}`]),
    ...(digest === null ? [] : [`digest ${digest}`]),
    `content ${content}`,
    `key ${keyTransport}`,
  ].join(', ')
}
