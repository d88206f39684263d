import { setTimeout as pause } from 'node:timers/promises'
import type { Agent } from '../../agent/index.ts'
import { seeded } from '../fuzz/mutate.ts'
import { KIM, LEE } from '../interop/cli-clinic.ts'
import { digest } from './ehr.ts'

/** One message that went in. */
export interface Injected {
  readonly n: number
  readonly messageId: string
  readonly attachmentSha256: string
  readonly bytes: number
}

export interface InjectOptions {
  readonly count: number
  readonly seed: number
  /** Of the attachment. */
  readonly minBytes: number
  readonly maxBytes: number
  /** Between two messages. */
  readonly everyMs: number
}

/** Sends messages of seeded sizes, one after the other, until all are sent. */
export async function inject(
  sender: Agent,
  { count, seed, minBytes, maxBytes, everyMs }: InjectOptions,
): Promise<readonly Injected[]> {
  const random = seeded(seed)
  const injected: Injected[] = []
  for (let n = 0; n < count; n++) {
    const bytes = minBytes + random(maxBytes - minBytes + 1)
    injected.push(await injectOne(sender, { n, seed, bytes }))
    await pause(everyMs)
  }
  return injected
}

/** Sends one message, whose attachment is drawn by `seed` and `n`. What SMTP did not take is queued, which will do. */
export async function injectOne(
  sender: Agent,
  { n, seed, bytes }: { readonly n: number; readonly seed: number; readonly bytes: number },
): Promise<Injected> {
  const content = contentOf(seed + n, bytes)
  const { messageId, recipients } = await sender.send({
    from: KIM,
    to: [LEE],
    subject: `message ${n}`,
    text: 'Please see attached.',
    attachments: [{ filename: `${n}.bin`, content }],
  })
  const [recipient] = recipients
  if (recipient?.result !== 'accepted' && recipient?.result !== 'queued')
    throw new Error(`message ${n} was not sent: ${JSON.stringify(recipient)}`)
  return { n, messageId, attachmentSha256: digest(content), bytes }
}

/** So many bytes, drawn by the seed. */
export function contentOf(seed: number, bytes: number): Buffer {
  const random = seeded(seed)
  return Buffer.from(Array.from({ length: bytes }, () => random(256)))
}
