import { parseCertificate } from '../trust-anchors/index.ts'
import { DirectError } from './errors.ts'
import { givenAddress } from './given-address.ts'
import type { Identities } from './identities.ts'
import { openOuter } from './open/outer.ts'
import { decrypt } from './smime/decrypt.ts'
import type { Source, Spool } from './smime/source.ts'
import { unwrap } from './smime/unwrap.ts'
import { verify } from './smime/verify.ts'

/**
 * Opens the record of a message of ours: what was sealed to the sender's own certificate comes back byte for byte,
 * for the tls route, which carries it only once TLS holds.
 */
export async function openRecord(
  body: Source,
  mailFrom: string,
  { identities, spool }: { readonly identities: Identities; readonly spool: Spool },
): Promise<Source & AsyncDisposable> {
  await using scope = new AsyncDisposableStack()
  const outer = await openOuter(body)
  if ('code' in outer) throw unreadable(mailFrom, outer.text)
  if ('code' in outer.cms) throw unreadable(mailFrom, outer.cms.text)
  const decrypted = await decrypt(outer.cms, identities.readingFor(givenAddress(mailFrom)), spool)
  if ('code' in decrypted) throw unreadable(mailFrom, decrypted.text)
  scope.use(decrypted)
  const verified = await verify(decrypted, { spool, parseCertificate })
  if ('code' in verified) throw unreadable(mailFrom, verified.text)
  scope.use(verified)
  const content = scope.use(await unwrap(verified.entity, spool))
  const kept = scope.move()
  return {
    bytes: content.inner.bytes,
    read: () => content.inner.read(),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

function unreadable(from: string, why: string): DirectError {
  return new DirectError(
    'IDENTITY_UNUSABLE',
    `the sealed record of a message from ${from} cannot be opened: ${why}`,
    {
      hint: 'Keep the old private key among identities until the outbox is empty.',
    },
  )
}
