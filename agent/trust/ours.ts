import { namesFor } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import type { Settings } from '../settings.ts'

/**
 * Anchors are for who of ours believes: `*`, a domain or address of an identity or mailbox, or an address of such a
 * domain. Throws USAGE for any other name; where the configuration names nobody, for none.
 */
export function requireOurs(
  name: string,
  { mailboxes }: Pick<Settings, 'mailboxes'>,
  ourNames: readonly string[],
): void {
  const ours = new Set([
    ...ourNames,
    ...mailboxes.flatMap(({ addresses }) => (addresses ?? []).map((one) => one.toLowerCase())),
  ])
  const isOurs = [...ours].some((one) => namesFor(name).includes(one) || namesFor(one).includes(name))
  if (name === '*' || ours.size === 0 || isOurs) return
  throw new DirectError('USAGE', `${name} is nobody of ours`, {
    hint: `Say who of yours is to believe, not who is believed: ${[...ours].join(', ')}, or * for all of them.`,
  })
}
