import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DirectError } from '../errors.ts'

/** What `delivery.json` says; the rest of it is as `describe` gave it. */
export interface Filing {
  readonly from: string | null
  readonly signer: { readonly sha256: string } | null
  readonly recipients: readonly Recipient[]
  readonly parts?: readonly unknown[]
}

interface Recipient {
  readonly address: string
  readonly verdict?: string
}

/** Null where there is none that can be read: an EHR may have taken it away, and left the folder. */
export async function readFiling(folder: string): Promise<Filing | null> {
  try {
    const filing = JSON.parse(await readFile(join(folder, 'delivery.json'), 'utf8')) as Filing
    return Array.isArray(filing?.recipients) ? filing : null
  } catch (error) {
    const absent = ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')
    if (absent || error instanceof SyntaxError) return null
    throw error
  }
}

/** Of whose message it is. */
export function authorDigest({ from, signer }: Filing): string {
  return createHash('sha256').update(`${from} ${signer?.sha256}`).digest('hex').slice(0, 16)
}

/** Names one delivery of a message: from whom, and to whom of us. */
export function deliveryDigest({ from, signer, recipients }: Filing): string {
  const to = recipients.map(({ address }) => address).sort()
  return createHash('sha256')
    .update([from, signer?.sha256, ...to].join(' '))
    .digest('hex')
    .slice(0, 12)
}

/** The digest of an unwrapped message does not cover its From: the same bytes may be another's message. */
export async function isSameAuthor(folder: string, { from, signer }: Filing): Promise<boolean> {
  const filed = await readFiling(folder)
  return filed !== null && filed.from === from && filed.signer?.sha256 === signer?.sha256
}

/**
 * What is to be said of a folder that is there for these recipients as well; null: it says so. The same message may come once
 * for each of several: none of them may be lost to the EHR. Throws ENOENT where the EHR has just taken it.
 */
export async function withRecipients(folder: string, filing: Filing): Promise<Filing | null> {
  const filed = await readFiling(folder)
  if (filed === null) {
    await stat(folder)
    throw new DirectError(
      'FILE_UNWRITABLE',
      `${folder} is there, and has no delivery.json that can be read`,
      {
        hint: 'Take the whole folder away once it has been read. The message is kept, and tried again: by the daemon after a pause, else by the next "direct receive".',
        temporary: true,
      },
    )
  }
  const added = filing.recipients.filter((one) => !filed.recipients.some((known) => saysOf(known, one)))
  const stay = filed.recipients.filter((known) => !added.some((one) => isSame(one, known)))
  return added.length === 0 ? null : { ...filed, recipients: [...stay, ...added] }
}

/** Who was refused once, and is trusted with it since, is told anew; not the other way round. */
function saysOf(known: Recipient, one: Recipient): boolean {
  return isSame(known, one) && (known.verdict === one.verdict || known.verdict === 'accept')
}

function isSame(one: Recipient, other: Recipient): boolean {
  return one.address.toLowerCase() === other.address.toLowerCase()
}

/** As a person reads it. */
export function jsonBytes(value: unknown): Uint8Array {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
}
