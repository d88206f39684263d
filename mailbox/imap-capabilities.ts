import type { ImapFlow } from 'imapflow'

/** Whether a server knows an extension. They are part of IMAP4rev2: where that is spoken, it need not name them (RFC 9051 E). */
export function knows(
  { capabilities, enabled }: Pick<ImapFlow, 'capabilities' | 'enabled'>,
  extension: 'ESEARCH' | 'IDLE' | 'MOVE',
): boolean {
  const isRev2Alone = capabilities.has('IMAP4rev2') && !capabilities.has('IMAP4rev1')
  return capabilities.has(extension) || isRev2Alone || enabled.has('IMAP4REV2')
}
