import type { ImapFolder } from '../../mailbox/index.ts'

/** The visible header of a message. */
export async function headOf(folder: ImapFolder, uid: number): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of folder.fetch(uid)) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1').split('\r\n\r\n')[0] ?? ''
}

/** The first field of this name, anywhere in the text; null where there is none. */
export function fieldOf(text: string, name: string): string | null {
  const [, value] = new RegExp(`^${name}:\\s*(.*(?:\\r?\\n[ \\t].*)*)`, 'im').exec(text) ?? []
  return value?.trim() ?? null
}
