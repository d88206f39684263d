import type { NewBody, NewCopy, Store } from '../../store/index.ts'
import type { Address } from '../address.ts'
import { rememberedCapabilities } from '../capabilities.ts'
import type { Classified } from '../classify.ts'
import { type SignWith, sealCopies, type Visible } from '../seal.ts'
import type { Settings } from '../settings.ts'
import type { Composed } from '../smime/wrap.ts'
import { toStore } from '../stored-source.ts'

/** Whom copies are made of, and for whom. */
export interface ToCopy {
  readonly composed: Composed
  readonly signWith: SignWith
  /** Each gets a copy, by the route that it was classified for. */
  readonly reached: readonly Classified[]
  /** Who of the inner To and Cc stays in the outer ones (MSG-11). */
  readonly stays: (address: Address) => boolean
  /** The message, sealed to the sender's own certificate. */
  readonly recordBody: NewBody
}

/** Somebody who gets a copy: by Direct, or over TLS. */
export const isReachable = ({ path, tls }: Classified): boolean => path !== null || tls !== null

/** Whether somebody is one of these. */
export function isAmong(some: readonly Classified[]): (address: Address) => boolean {
  const keys = new Set(some.map(({ address }) => address?.key))
  return ({ key }) => keys.has(key)
}

/** Rejected recipients leave the outer To and Cc only (MSG-11). */
export function visible({ routing }: Composed, stays: (address: Address) => boolean): Visible {
  return { to: routing.to.filter(stays), cc: routing.cc.filter(stays) }
}

/**
 * What SMTP will be given, for the outbox to make it durable before; nothing readable by anyone but its owner (MSG-15). One
 * copy per recipient domain (MSG-10), and one for each Bcc recipient alone (MSG-3).
 */
export async function newCopies(
  { composed, signWith, reached, stays, recordBody }: ToCopy,
  { settings, store }: { readonly settings: Settings; readonly store: Store },
): Promise<readonly NewCopy[]> {
  const { routing } = composed
  const mailFrom = routing.from.toString()
  const paths = reached.flatMap(({ path }) => path ?? [])
  const copies: NewCopy[] = []
  for (const { message, domain, recipients, sealedBy } of await sealCopies(
    signWith,
    paths,
    visible(composed, stays),
    settings.algorithms,
    rememberedCapabilities(store.capabilities),
  ))
    copies.push({
      route: 'direct',
      domain,
      mailFrom,
      recipients: recipients.map(String),
      body: await toStore(message, store),
      sealedBy,
    })
  const shown = new Set([...routing.to, ...routing.cc].map(({ key }) => key))
  const tls = reached.flatMap(({ address, tls }) => (address && tls ? [address] : []))
  for (const [, group] of Map.groupBy(tls, ({ key, domain }) => (shown.has(key) ? domain : key)))
    copies.push({
      route: 'tls',
      domain: (group[0] as Address).domain,
      mailFrom,
      recipients: group.map(String),
      // Until TLS holds, what this route carries is kept as the sealed record.
      body: recordBody,
    })
  return copies
}
