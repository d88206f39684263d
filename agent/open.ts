import { createHash } from 'node:crypto'
import { type Certificate, parseCertificate, VerifiedPath } from '../trust-anchors/index.ts'
import type { Address } from './address.ts'
import type { MessageCode, Reason } from './errors.ts'
import type { Identities } from './identities.ts'
import { answersNothing, isNotification } from './mdn.ts'
import { type BoundSigner, findAuthor } from './open/author.ts'
import { readContent } from './open/content.ts'
import { checkEnvelope, type MailFrom } from './open/envelope.ts'
import { openOuter } from './open/outer.ts'
import { listParts } from './open/parts.ts'
import { type NotBelieved, trustBy } from './open/trust-by.ts'
import type { MessageFacts } from './read.ts'
import type { Settings } from './settings.ts'
import { type Decrypted, decrypt } from './smime/decrypt.ts'
import type { Identity } from './smime/identity.ts'
import type { Source, Spool } from './smime/source.ts'
import { type Verified, verify } from './smime/verify.ts'
import type { BeliefTools } from './trust/believe.ts'
import type { Opened, OpenedPart, VerdictCode } from './types.ts'

/** What opening asks of its neighbours. */
export interface OpenTools extends BeliefTools {
  readonly identities: Identities
  /** Certificates in hand that may complete a path. */
  readonly intermediates: readonly Certificate[]
  readonly receive: Settings['receive']
  readonly spool: Spool
  readonly at: () => Date
}

/** The envelope as the transport gave it. */
export interface Envelope {
  readonly recipients: readonly Address[]
  /** Undefined: not given; the outer header's Return-Path is asked then. */
  readonly mailFrom: MailFrom
}

/** One verdict per recipient (TR-2). `undetermined`: the same message may have another verdict later. */
export interface RecipientVerdict {
  readonly address: Address
  readonly verdict: 'accept' | 'reject' | 'undetermined'
  readonly code: VerdictCode | null
  readonly why: readonly Reason[]
}

/**
 * A message whose signer is bound to From and leads to the anchors of at least one recipient. Only `openMessage`
 * makes one: what was not decrypted, verified and trusted cannot be delivered.
 */
export class TrustedMessage {
  readonly #path: VerifiedPath<'sign'>
  readonly inner: Source
  /** Lower-case hex. */
  readonly innerSha256: string
  readonly wrapped: boolean
  readonly facts: MessageFacts
  readonly accepted: readonly Address[]

  private constructor(path: VerifiedPath<'sign'>, content: TrustedContent) {
    this.#path = path
    this.inner = content.inner
    this.innerSha256 = content.innerSha256
    this.wrapped = content.wrapped
    this.facts = content.facts
    this.accepted = content.accepted
  }

  /** From the signer who was believed to an anchor. */
  get path(): VerifiedPath<'sign'> {
    return this.#path
  }

  /** The authenticated author: the inner From, or Sender where a partner's switch allows it (IN-6). */
  get author(): Address {
    return this.#path.address
  }

  /** True when a `processed` MDN is owed (N-1, N-2). */
  get answerable(): boolean {
    return !answersNothing(this.facts)
  }

  /** @internal Use `openMessage`. The proofs: a valid signature, and the path of one who made it. */
  static of(verified: Verified, path: VerifiedPath<'sign'>, content: TrustedContent): TrustedMessage {
    if (!verified.signers.some(({ certificate }) => certificate === path.leaf))
      throw new Error('the path is of someone who did not sign this message')
    return new TrustedMessage(path, content)
  }
}

type TrustedContent = Pick<TrustedMessage, 'inner' | 'innerSha256' | 'wrapped' | 'facts' | 'accepted'>

/** Everything that opening a message found out, for the owner's eyes alone (IN-9). */
export interface Judged extends Findings, AsyncDisposable {
  readonly verdict: RecipientVerdict['verdict']
  /** Null unless it is accepted. */
  readonly trusted: TrustedMessage | null
  readonly code: VerdictCode | null
  readonly why: readonly Reason[]
  readonly recipients: readonly RecipientVerdict[]
}

/** What is known however far opening came. */
interface Findings {
  /** For refused messages, and for inner ones that have none (N-1). */
  outerMessageId: string | null
  facts: MessageFacts | null
  signer: {
    readonly certificate: Certificate
    readonly boundTo: 'address' | 'domain'
    readonly name: string
  } | null
  algorithms: Opened['algorithms']
  wrapped: boolean | null
  inner: Source | null
  innerSha256: string | null
  parts: readonly OpenedPart[]
  warnings: string[]
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
    parts: [],
    warnings: [],
  }
  const judgement = await judge(raw, envelope, tools, found, scope, signal)
  const kept = scope.move()
  return { ...found, ...judgement, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

type Judgement = Pick<Judged, 'verdict' | 'trusted' | 'code' | 'why' | 'recipients'>

async function judge(
  raw: Source,
  envelope: Envelope,
  tools: OpenTools,
  found: Findings,
  scope: AsyncDisposableStack,
  signal?: AbortSignal,
): Promise<Judgement> {
  const refuse = (reason: Reason<MessageCode>, why: readonly Reason[] = [reason]): Judgement => ({
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
  const decrypted = await decrypt(outer.cms, [...new Set(keys.flat())], tools.spool)
  if ('code' in decrypted) return refuse(decrypted)
  scope.use(decrypted)
  found.algorithms = { ...decrypted.algorithms, digest: null, signature: null }

  const verified = await verify(decrypted, { spool: tools.spool, parseCertificate })
  if ('code' in verified) return refuse(verified)
  scope.use(verified)

  const content = await readContent(verified.entity, raw, tools.spool)
  if ('code' in content) return refuse(content)
  scope.use(content)
  const { facts, inner, wrapped } = content
  const innerSha256 = await sha256Of(inner)
  Object.assign(found, { facts, inner, wrapped, innerSha256 })
  if (!wrapped && tools.receive.unwrapped === 'refuse') return refuse(UNWRAPPED)
  if (!wrapped)
    found.warnings.push('the message is not wrapped: From, To, Cc and Message-ID are the outer ones')

  const authorship = findAuthor(facts, verified.signers, tools)
  if ('code' in authorship) return refuse(authorship)
  const { author, signers } = authorship
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
        : notBelieved(address, author, path),
    )
  }
  const waiting = recipients.find(({ verdict }) => verdict === 'undetermined')
  if (waiting)
    return { verdict: 'undetermined', trusted: null, code: waiting.code, why: waiting.why, recipients }
  const [path] = paths
  const first = recipients[0]
  if (!path)
    return {
      verdict: 'reject',
      trusted: null,
      code: first?.code ?? 'NOT_FOR_US',
      why: first?.why ?? [NOBODY],
      recipients,
    }
  // Of several who are bound to the author, the one that was believed.
  report(signers.find(({ certificate }) => certificate === path.leaf) ?? signers[0])

  const parts = await listParts(inner)
  if ('code' in parts) return refuse(parts)
  found.parts = parts
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

const NOBODY: Reason<MessageCode> = { code: 'NOT_FOR_US', text: 'the envelope names no recipient of ours' }

function rejected(
  address: Address,
  reason: Reason<MessageCode>,
  why: readonly Reason[] = [],
): RecipientVerdict {
  return { address, verdict: 'reject', code: reason.code, why: [reason, ...why] }
}

/** A certificate's own code where it is not known yet; SIGNER_UNTRUSTED, with the reasons, where it is final. */
function notBelieved(address: Address, author: Address, { temporary, why }: NotBelieved): RecipientVerdict {
  const [first] = why
  if (temporary && first) return { address, verdict: 'undetermined', code: first.code, why }
  const text = `the signer of ${author} does not lead to the incoming anchors of ${address}`
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
