import type { UntakenMessage } from '../agent/index.ts'
import { printable } from './printable.ts'
import { heldText, nextTry, triesText } from './text/tries.ts'

function nextText(next: Date | null, heldUntil: Date | null): string {
  if (heldUntil !== null) return heldText(heldUntil)
  return next === null ? 'next try at the next pass over its mailbox' : nextTry(next)
}

/** A message on a line; below it since when it waits, the reasons with their codes, and what to do. */
export function waitingText(
  { messageId, from, recipients, mailbox, since, tries, next, heldUntil, why }: UntakenMessage,
  adviceOn: (codes: readonly string[]) => readonly string[],
): string {
  const again = nextText(next, heldUntil)
  // Passes over a mailbox are not counted: they go on whatever becomes of one message.
  const isOfPasses = tries === 0 && why.some(({ code }) => code === 'FILE_UNWRITABLE')
  const tried = isOfPasses ? `tried at each pass over its mailbox, ${again}` : triesText(tries, again)
  return [
    `${messageId ?? '(no Message-ID)'}  from ${from ?? '?'}  to ${recipients.join(', ')}`,
    `  waits since ${since.toISOString()}, ${tried}; it came by ${mailbox}`,
    ...why.map(({ code, text }) => `    ${code}: ${text}`),
    ...adviceOn(why.map(({ code }) => code)).map((sentence) => `    do: ${sentence}`),
  ]
    .map(printable)
    .join('\n')
}
