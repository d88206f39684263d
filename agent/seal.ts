import type { MessageAlgorithms } from '../store/index.ts'
import type { Certificate, VerifiedPath } from '../trust-anchors/index.ts'
import type { Address } from './address.ts'
import { fold } from './mime/encode-field.ts'
import { agreedAlgorithms, type CapabilitiesOf } from './seal/agreed.ts'
import type { Settings } from './settings.ts'
import { type Encrypted, type EncryptOptions, encrypt } from './smime/encrypt.ts'
import { keyEncryptionFor } from './smime/enveloped/recipient-info.ts'
import type { Signed, SignOptions } from './smime/sign.ts'
import { concatSources, type Source } from './smime/source.ts'

/** One message for one SMTP transaction: outer header and S/MIME body. */
export interface SealedMessage {
  readonly recipients: readonly Address[]
  readonly domain: string
  readonly message: Source
  readonly certificates: readonly string[]
  /** By what it is sealed for each recipient, by address. */
  readonly sealedBy: ReadonlyMap<string, MessageAlgorithms>
}

/** Who shows in the outer header: everyone of the inner To and Cc who was not rejected (MSG-11). */
export interface Visible {
  readonly to: readonly Address[]
  readonly cc: readonly Address[]
}

/** Signs one message: partners may want different digests. */
export type SignWith = (options: Pick<SignOptions, 'digest' | 'signature'>) => Promise<Signed>

/**
 * Signs and encrypts a message: one copy per recipient domain (MSG-10), and one for each Bcc recipient alone
 * (MSG-3). The copies of To and Cc come first. Who gets one is whom each path was verified for. A copy's algorithms are
 * those that its recipients and we have, by what they said (RFC 8551 2.7.1).
 */
export async function sealCopies(
  signWith: SignWith,
  paths: readonly VerifiedPath<'encrypt'>[],
  visible: Visible,
  algorithms: Settings['algorithms'],
  capabilitiesOf: CapabilitiesOf,
): Promise<readonly SealedMessage[]> {
  const shown = new Set([...visible.to, ...visible.cc].map(({ key }) => key))
  const isShown = ({ address }: VerifiedPath<'encrypt'>) => shown.has(address.key)
  const inOrder = [...paths.filter(isShown), ...paths.filter((path) => !isShown(path))]
  const groups = Map.groupBy(inOrder, (path) => (isShown(path) ? path.address.domain : path.address.key))
  const copies: SealedMessage[] = []
  for (const group of groups.values()) {
    const recipients = group.map(({ address }) => address)
    const { domain } = recipients[0] as Address
    const agreed = await agreedAlgorithms(domain, group, algorithms, capabilitiesOf)
    const signed = await signWith(agreed)
    const encrypted = await encrypt(signed, group, agreed)
    copies.push({
      recipients,
      domain,
      message: outerMessage(encrypted, visible),
      certificates: encrypted.certificates,
      sealedBy: new Map(group.map((path) => [String(path.address), sealedByOf(path.leaf, signed, agreed)])),
    })
  }
  return copies
}

/** By what a message was sealed for the owner of `leaf`. */
export function sealedByOf(
  leaf: Certificate,
  { form: { digest, scheme } }: Signed,
  { content, keyTransport }: EncryptOptions,
): MessageAlgorithms {
  return { content, keyTransport: keyEncryptionFor(leaf, keyTransport), digest, signature: scheme }
}

const OUTER_SUBJECT = 'Encrypted Message'

/** The transport message around an S/MIME body: routing only, and a subject that says nothing (MSG-3, MSG-4). */
export function outerMessage(encrypted: Encrypted, { to, cc }: Visible): Source {
  const { routing, entity } = encrypted
  const lines = [
    'MIME-Version: 1.0',
    `From: ${routing.from}`,
    `To: ${to.length > 0 ? to.join(', ') : 'undisclosed-recipients:;'}`,
    ...(cc.length > 0 ? [`Cc: ${cc.join(', ')}`] : []),
    `Date: ${routing.date}`,
    `Message-ID: ${routing.messageId}`,
    ...(routing.inReplyTo ? [`In-Reply-To: ${routing.inReplyTo}`] : []),
    ...(routing.references ? [`References: ${routing.references}`] : []),
    `Subject: ${OUTER_SUBJECT}`,
  ]
  // A long conversation has more references than a line has room for (RFC 5322 2.1.1).
  return concatSources([Buffer.from(lines.map(fold).join(''), 'latin1'), entity])
}
