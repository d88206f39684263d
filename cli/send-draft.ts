import { isUtf8 } from 'node:buffer'
import { basename } from 'node:path'
import { DirectError } from '../agent/errors.ts'
import type { Draft, MessageFile, SendOptions } from '../agent/index.ts'
import { readInput } from './read-input.ts'

/** The options of `direct send`, as parsed. */
export interface SendFlags {
  readonly from: string
  readonly to?: readonly string[]
  readonly cc?: readonly string[]
  readonly bcc?: readonly string[]
  readonly subject?: string
  readonly text?: string
  readonly textFile?: string
  readonly attach?: readonly string[]
  readonly message?: string
  readonly actor?: string
  readonly patient?: string
  readonly document?: readonly string[]
  readonly idempotencyKey?: string
  readonly dryRun?: true
  readonly keepTrying?: number
  readonly wait?: number
  readonly finalDelivery?: true
}

/** A draft, or the file that is the message. Attachments are named, not read. */
export async function draftOf(options: SendFlags, signal: AbortSignal): Promise<Draft | MessageFile> {
  const { from, to = [], cc = [], bcc = [], message } = options
  if (to.length + cc.length + bcc.length === 0)
    throw new DirectError('USAGE', 'nobody to send to', { hint: 'Add --to ADDRESS (or --cc, --bcc).' })
  if (message !== undefined) return { from, to, cc, bcc, message: { path: message } }
  const text = options.textFile === undefined ? options.text : await readText(options.textFile, signal)
  return {
    from,
    to,
    cc,
    bcc,
    ...(options.subject !== undefined && { subject: options.subject }),
    ...(text !== undefined && { text }),
    attachments: (options.attach ?? []).map((path) => ({ filename: basename(path), content: { path } })),
  }
}

/** What goes into the audit, and how to send. */
export function auditOf(flags: SendFlags): SendOptions {
  const { actor, patient, document, idempotencyKey, finalDelivery, keepTrying } = flags
  return {
    ...(actor !== undefined && { actor }),
    ...(patient !== undefined && { patient }),
    ...(document !== undefined && { documents: document }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(finalDelivery && { finalDelivery }),
    ...(keepTrying !== undefined && { keepTryingHours: keepTrying }),
  }
}

/** A letter is shorter. */
const MOST_TEXT = 10 << 20

async function readText(file: string, signal: AbortSignal): Promise<string> {
  const hint = 'Name a readable file of UTF-8 text with --text-file; attach what is long.'
  const bytes = await readInput({ file, hint, what: 'the text file ', mostBytes: MOST_TEXT, signal })
  if (isUtf8(bytes)) return new TextDecoder().decode(bytes)
  throw new DirectError('FILE_UNREADABLE', `the text file ${file} is not UTF-8`, { hint })
}
