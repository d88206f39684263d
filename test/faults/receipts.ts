import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Agent } from '../../agent/index.ts'
import { KIM } from '../interop/cli-clinic.ts'
import { fieldOf } from './headers.ts'
import type { World } from './world.ts'

/** An MDN, or our own notice of a failure, as it lies in the sender's mailbox. */
export interface Receipt {
  readonly uid: number
  /** Its own Message-ID. */
  readonly id: string
  /** The Message-ID that it answers. */
  readonly about: string
  /** E.g. `processed`; `failure notice`. */
  readonly disposition: string
}

/** Every MDN and notice in the sender's mailbox, opened; anything else that lies there is an error. */
export async function receiptsIn({ a, dir }: World, sender: Agent): Promise<Receipt[]> {
  const receipts: Receipt[] = []
  await using folder = await a.folder('INBOX')
  for (const uid of await folder.uids()) {
    const [sealed, opened] = [join(dir, `receipt-${uid}`), join(dir, `receipt-${uid}.opened`)]
    await writeFile(sealed, folder.fetch(uid))
    const { verdict, code } = await sender.open({ path: sealed, to: [KIM], out: opened })
    if (verdict !== 'accept')
      throw new Error(`uid ${uid} of the sender's mailbox was judged ${verdict}: ${code}`)
    const [outer, inner] = await Promise.all([sealed, opened].map((file) => readFile(file, 'latin1')))
    receipts.push({ uid, id: needed(outer as string, 'Message-ID'), ...contentOf(inner as string) })
    await Promise.all([rm(sealed), rm(opened)])
  }
  return receipts
}

function contentOf(inner: string): Pick<Receipt, 'about' | 'disposition'> {
  const disposition = fieldOf(inner, 'Disposition')
  if (disposition === null)
    return { about: needed(inner, 'X-Original-Message-ID'), disposition: 'failure notice' }
  return { about: needed(inner, 'Original-Message-ID'), disposition: disposition.split(';')[1]?.trim() ?? '' }
}

function needed(text: string, name: string): string {
  const value = fieldOf(text, name)
  if (value === null) throw new Error(`what lies in the sender's mailbox has no ${name}`)
  return value
}
