import type { Output } from './output.ts'
import { printable } from './printable.ts'

/** One line `direct: …`, then `direct: hint: …` lines. */
export function say(out: Output, message: string, hint: string | undefined): void {
  out.fail(message)
  for (const line of hint?.split('\n') ?? []) out.talk(`direct: hint: ${printable(line)}`)
}
