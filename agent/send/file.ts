import { neverSaid } from '../seal/agreed.ts'
import { type SealedMessage, sealCopies } from '../seal.ts'
import type { MessageFile, SealResult } from '../sending-types.ts'
import { isAmong, visible } from './copies.ts'
import { prepare, type SendTools, signatures } from './prepare.ts'

/**
 * Signs and encrypts a file for its Direct recipients; `write` gets each copy in order. Nothing is sent, and nothing that
 * was received before counts: the algorithms are the configured ones.
 */
export async function sealFile(
  message: MessageFile,
  write: (copy: SealedMessage, index: number) => Promise<string>,
  tools: SendTools,
): Promise<SealResult> {
  await using prepared = await prepare(message, {}, tools)
  const { composed, classified } = prepared
  const sealable = classified.filter(({ path }) => path !== null)
  const refused = classified
    .filter(({ path }) => path === null)
    .map(({ recipient: { address, route, why } }) => ({ address, route, why }))
  const { messageId } = composed.routing
  if (sealable.length === 0) return { messageId, copies: [], refused }
  const paths = sealable.flatMap(({ path }) => path ?? [])
  const shown = visible(composed, isAmong(sealable))
  const { algorithms } = tools.settings
  const sealed = await sealCopies(signatures(prepared, tools), paths, shown, algorithms, neverSaid)
  const copies = []
  for (const [index, copy] of sealed.entries())
    copies.push({
      file: await write(copy, index),
      recipients: copy.recipients.map(String),
      certificates: copy.certificates,
    })
  return { messageId, copies, refused }
}
