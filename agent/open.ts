import { createHash } from 'node:crypto'
import { type Certificate, parseCertificate, VerifiedPath } from '../trust-anchors/index.ts'
import type { Address } from './address.ts'
import type { MessageCode, Reason } from './errors.ts'
import type { Identities } from './identities.ts'
import { isNotification } from './mdn.ts'
import { type BoundSigner, findAuthor } from './open/author.ts'
import { readContent } from './open/content.ts'
import { checkEnvelope, type MailFrom } from './open/envelope.ts'
import { whileKeyIsAway } from './open/key-away.ts'
import { openOuter } from './open/outer.ts'
import { refuseParts } from './open/parts.ts'
import { claimsToBeFrom, refuseTripleDes } from './open/triple-des.ts'
import { type NotBelieved, trustBy } from './open/trust-by.ts'
import { TrustedMessage } from './open/trusted-message.ts'
import type { Findings, Judged, MessageVerdict, RecipientVerdict } from './open/verdict.ts'
import type { Settings } from './settings.ts'
import { type Decrypted, decrypt } from './smime/decrypt.ts'
import type { Identity } from './smime/identity.ts'
import type { Source, Spool } from './smime/source.ts'
import { verify, verifyInVain } from './smime/verify.ts'
import type { BeliefTools } from './trust/believe.ts'

/** What opening asks of its neighbours. */
export interface OpenTools extends BeliefTools {
  readonly identities: Pick<Identities, 'readingFor'>
  /** Certificates in hand that may complete a path. */
  readonly intermediates: readonly Certificate[]
  readonly receive: Settings['receive']
  /** Domains of partners whose 3DES may pass; absent: nobody's. */
  readonly tripleDesFrom?: readonly string[]
  readonly spool: Spool
  readonly at: () => Date
  /** Milliseconds for all that is waited for. */
  readonly patienceMs?: number
  /** What is not known by now is refused. */
  readonly isLastLook?: boolean
}

/** The envelope as the transport gave it. */
export interface Envelope {
  readonly recipients: readonly Address[]
  /** Undefined: not given; the outer header's Return-Path is asked then. */
  readonly mailFrom: MailFrom
}

/**
 * Decrypt, verify, trust: one message, one verdict for each recipient of its envelope. Stateless. While one recipient's
 * is undetermined, the whole message is, and nobody's is acted on: the ledger and IN-10 know a message as a whole, a
 * second pass over half of one could deliver or answer twice, and what is not known is most often the same for all of
 * them, a CRL of the signer's own CA. Rejects with ABORTED when `signal` fires.
 */
export async function openMessage(
  raw: Source,
  envelope: Envelope,
  tools: OpenTools,
  signal?: AbortSignal,
): Promise<Judged> {
  await using scope = new AsyncDisposableStack()
  const found: Findings = {
    outerMessageId: null,
    facts: null,
    signer: null,
    algorithms: null,
    wrapped: null,
    inner: null,
    innerSha256: null,
    warnings: [],
  }
  const judgement = await judge(raw, envelope, tools, found, scope, signal).catch((error: unknown) =>
    whileKeyIsAway(error, envelope.recipients),
  )
  const kept = scope.move()
  return { ...found, ...judgement, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

async function judge(
  raw: Source,
  envelope: Envelope,
  tools: OpenTools,
  found: Findings,
  scope: AsyncDisposableStack,
  signal?: AbortSignal,
): Promise<MessageVerdict> {
  const refuse = (reason: Reason<MessageCode>, why: readonly Reason[] = [reason]): MessageVerdict => ({
    verdict: 'reject',
    trusted: null,
    code: reason.code,
    why,
    recipients: envelope.recipients.map((address) => ({
      address,
      verdict: 'reject',
      code: reason.code,
      why,
    })),
  })
  const outer = await openOuter(raw)
  if ('code' in outer) return refuse(outer)
  found.outerMessageId = outer.header.first('Message-ID')?.trim() ?? null
  if ('code' in outer.cms) return refuse(outer.cms)

  const keys = envelope.recipients.map((recipient) => tools.identities.readingFor(recipient))
  const verifyTools = { spool: tools.spool, parseCertificate }
  const { tripleDesFrom = [] } = tools
  const decrypted = await decrypt(outer.cms, [...new Set(keys.flat())], tools.spool, {
    inVain: (plaintext, key) => verifyInVain(plaintext, key, verifyTools),
    tripleDes: claimsToBeFrom(tripleDesFrom, outer.header),
  })
  if ('code' in decrypted) return refuse(decrypted)
  scope.use(decrypted)

  const verified = await verify(decrypted, verifyTools)
  // Nothing that is shown tells one failure of decryption from another (ALG-2).
  if ('code' in verified && verified.code === 'UNDECRYPTABLE') {
    if (decrypted.keyAway !== null) throw decrypted.keyAway
    return refuse(verified)
  }
  found.algorithms = { ...decrypted.algorithms, digest: null, signature: null }
  if ('code' in verified) return refuse(verified)
  scope.use(verified)

  const content = await readContent(verified.entity, raw, tools.spool)
  if ('code' in content) return refuse(content)
  scope.use(content)
  const { facts, inner, wrapped } = content
  const innerSha256 = inner.sha256 ?? (await sha256Of(inner))
  Object.assign(found, { facts, inner, wrapped, innerSha256 })
  if (!wrapped && tools.receive.unwrapped === 'refuse') return refuse(UNWRAPPED)
  if (!wrapped)
    found.warnings.push('the message is not wrapped: From, To, Cc and Message-ID are the outer ones')

  const authorship = findAuthor(facts, verified.signers, tools)
  if ('code' in authorship) return refuse(authorship)
  const { author, signers } = authorship
  const weak = refuseTripleDes(tripleDesFrom, author, decrypted.algorithms.content)
  if (weak) return refuse(weak)
  const report = ({ certificate, boundTo, name, digest, signature }: BoundSigner) => {
    found.signer = { certificate, boundTo, name }
    found.algorithms = { ...decrypted.algorithms, digest, signature }
  }
  report(signers[0])

  const named = [...facts.to.mailboxes, ...facts.cc.mailboxes].map(({ address }) => address)
  const mailFrom = envelope.mailFrom === undefined ? outer.mailFrom : envelope.mailFrom
  const mismatch = checkEnvelope(
    { recipients: envelope.recipients, mailFrom },
    { author, named, isNotification: isNotification(facts) },
    tools.receive,
    found.warnings,
  )
  if (mismatch) return refuse(mismatch)

  const believed = await tools.trust(signal)
  const trustFor = trustBy(
    authorship,
    {
      trust: believed,
      candidates: [...verified.certificates, ...tools.intermediates],
      at: tools.at(),
      material: verified.revocation,
      ...(tools.patienceMs !== undefined && { patienceMs: tools.patienceMs }),
      signal,
    },
    tools,
  )
  const paths: VerifiedPath<'sign'>[] = []
  const recipients: RecipientVerdict[] = []
  for (const [index, address] of envelope.recipients.entries()) {
    if (!mayRead(keys[index] ?? [], decrypted)) {
      recipients.push(
        rejected(address, {
          code: 'NOT_FOR_US',
          text: `no certificate of ${address} is among the recipients of the encryption`,
        }),
      )
      continue
    }
    const { anchors } = believed
    const direction = isNotification(facts) ? 'either' : 'incoming'
    const path = await trustFor(anchors[direction](address), anchors.missing(direction, address))
    if (path instanceof VerifiedPath) paths.push(path)
    recipients.push(
      path instanceof VerifiedPath
        ? { address, verdict: 'accept', code: null, why: [] }
        : notBelieved(address, author, path, tools.isLastLook),
    )
  }
  const waiting = recipients.find((one) => one.verdict === 'undetermined')
  if (waiting)
    return { verdict: 'undetermined', trusted: null, code: waiting.code, why: waiting.why, recipients }
  const [path] = paths
  if (!path) {
    const { code, why } = recipients.find((one) => one.verdict === 'reject') ?? NOBODY
    return { verdict: 'reject', trusted: null, code, why, recipients }
  }
  // Of several who are bound to the author, the one that was believed.
  report(signers.find(({ certificate }) => certificate === path.leaf) ?? signers[0])

  const unreadable = await refuseParts(content)
  if (unreadable) return refuse(unreadable)
  const accepted = recipients.filter(({ verdict }) => verdict === 'accept').map(({ address }) => address)
  return {
    verdict: 'accept',
    trusted: TrustedMessage.of(verified, path, { inner, innerSha256, wrapped, facts, accepted }),
    code: null,
    why: [],
    recipients,
  }
}

const UNWRAPPED: Reason<MessageCode> = {
  code: 'UNWRAPPED_REFUSED',
  text: 'the message is not wrapped as message/rfc822, and the configuration refuses such',
}

const NOBODY = {
  code: 'NOT_FOR_US',
  why: [{ code: 'NOT_FOR_US', text: 'the envelope names no recipient of ours' }],
} as const

function rejected(
  address: Address,
  reason: Reason<MessageCode>,
  why: readonly Reason[] = [],
): RecipientVerdict {
  return { address, verdict: 'reject', code: reason.code, why: [reason, ...why] }
}

/**
 * A certificate's own code where it is not known yet, or was not to be known for too long; SIGNER_UNTRUSTED, with the
 * reasons, where it is final.
 */
function notBelieved(
  address: Address,
  author: Address,
  { temporary, why }: NotBelieved,
  isLastLook = false,
): RecipientVerdict {
  const [first] = why
  if (temporary && first) {
    const { code } = first
    return isLastLook
      ? { address, verdict: 'reject', code, why }
      : { address, verdict: 'undetermined', code, why }
  }
  const text = `the signer of ${author} is not believed for ${address}`
  return rejected(address, { code: 'SIGNER_UNTRUSTED', text }, why)
}

async function sha256Of(source: Source): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of source.read()) hash.update(chunk)
  return hash.digest('hex')
}

/** IN-3: one of the recipient's own certificates is among the RecipientInfos. */
function mayRead(keys: readonly Identity[], decrypted: Decrypted): boolean {
  return keys.some((key) => decrypted.recipients.includes(key))
}
