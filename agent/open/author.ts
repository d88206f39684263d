import { bindingOf } from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import type { MessageCode, Reason } from '../errors.ts'
import type { MessageFacts } from '../read.ts'
import type { CertificateLegacy, Settings } from '../settings.ts'
import type { ValidSigner } from '../smime/verify.ts'

/** A valid signature by someone bound to the author. */
export interface BoundSigner extends ValidSigner {
  readonly boundTo: 'address' | 'domain'
  readonly name: string
}

/** Who wrote the message, and the signatures that say so. Trust in them is another question. */
export interface Authorship {
  readonly author: Address
  readonly signers: readonly [BoundSigner, ...BoundSigner[]]
}

/**
 * IN-6: exactly one From field with one mailbox, and a valid signature bound to it. Other signers neither help nor
 * harm. Sender stands in for From only where a partner's switch allows it.
 */
export function findAuthor(
  facts: MessageFacts,
  signers: readonly ValidSigner[],
  settings: Pick<Settings, 'receive'> & { readonly legacy: CertificateLegacy },
): Authorship | Reason<MessageCode> {
  const from = oneMailbox(facts.from, 'From')
  if ('code' in from) return from
  const { legacy, receive } = settings
  const bound = (author: Address) =>
    signers.flatMap((signer) => {
      const binding = bindingOf(signer.certificate, author, { subjectEmail: legacy.subjectEmail })
      return binding === null ? [] : [{ ...signer, boundTo: binding.boundTo, name: binding.name }]
    })
  let author = from
  let found = bound(from)
  if (found.length === 0 && receive.senderOnlyFrom.includes(from.domain)) {
    const sender = oneMailbox(facts.sender, 'Sender')
    if (!('code' in sender)) {
      author = sender
      found = bound(sender)
    }
  }
  if (found.length === 0)
    return { code: 'SIGNER_NOT_FROM', text: `no valid signature is by a certificate bound to ${from}` }
  const sha1Allowed = legacy.sha1From.includes(author.domain)
  const [first, ...others] = found.filter(({ weak }) => !weak || sha1Allowed)
  if (first) return { author, signers: [first, ...others] }
  return {
    code: 'ALGORITHM_REFUSED',
    text: `the signature of ${author} uses ${found[0]?.digest}, and its domain is not in legacy.sha1From`,
  }
}

function oneMailbox(field: MessageFacts['from'], name: string): Address | Reason<MessageCode> {
  const { fields, mailboxes, problems } = field
  const [mailbox] = mailboxes
  if (fields === 1 && mailboxes.length === 1 && problems.length === 0 && mailbox) return mailbox.address
  const what =
    fields !== 1
      ? `${fields} ${name} fields`
      : problems[0] !== undefined
        ? `a ${name} field that is not one plain mailbox: ${withoutQuote(problems[0])}`
        : `${mailboxes.length} mailboxes in ${name}`
  return { code: 'MALFORMED', text: `the message has ${what}; exactly one is needed` }
}

/** What stands where an address belongs may be a person's name: reasons are kept, so it is not quoted (MSG-15). */
function withoutQuote(problem: string): string {
  return problem.replace(/"(?:[^"\\]|\\.)*"/g, 'what stands there')
}
