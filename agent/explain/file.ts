import { type Certificate, parseCertificate, readIssuers } from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import type { Reason } from '../errors.ts'
import { fileSource } from '../files/file-source.ts'
import { someoneAt } from '../given-address.ts'
import { envelopeRecipients } from '../open/envelope.ts'
import { openOuter } from '../open/outer.ts'
import { type OpenTools, openMessage } from '../open.ts'
import { readSigned } from '../smime/signed-mail.ts'
import type { Source } from '../smime/source.ts'
import { type BeliefContext, believe } from '../trust/believe.ts'
import { isSignedMail } from '../trust/mail-signers.ts'
import { explainCas } from './cas.ts'
import {
  type Applicable,
  anyReceiving,
  beliefOf,
  type ExplainTools,
  type Finding,
  incoming,
  outgoing,
  type Question,
  type Receiving,
  receiving,
} from './question.ts'

/** Longer files are messages. */
const MOST_CERTIFICATE_BYTES = 64 << 10

/** Certificates (PEM, DER, p7b), or else a message. Throws FILE_UNREADABLE. */
export async function explainFile(path: string, question: Question, tools: ExplainTools): Promise<Finding> {
  await using file = await fileSource(path)
  // What a mail quotes is nobody's signature.
  if (file.bytes <= MOST_CERTIFICATE_BYTES && !(await isSignedMail(path))) {
    const bytes = await bytesOf(file)
    const certificates = readIssuers(bytes)
    if ('code' in certificates && beginsAsCredential(bytes))
      return { outcome: 'refused', why: [certificates], anchors: [], places: [] }
    if (!('code' in certificates)) return await explainCertificates(certificates, question, tools)
  }
  return await explainMessage(file, question, tools)
}

/** Those of people and domains are judged, the CAs beside them may complete their paths; CAs alone are told apart. */
async function explainCertificates(
  certificates: readonly Certificate[],
  question: Question,
  tools: ExplainTools,
): Promise<Finding> {
  const leaves = certificates.filter(({ isCa }) => !isCa)
  const open = await tools.open()
  const uses: { readonly purpose: 'encrypt' | 'sign'; readonly anchors: Applicable }[] = []
  if (question.from !== null || question.for === null)
    uses.push({ purpose: 'encrypt', anchors: outgoing(question, tools.onlyIdentity) })
  if (question.for !== null || question.from === null) {
    const [recipient] = receivers(question, tools, [])
    if (recipient !== undefined) uses.push({ purpose: 'sign', anchors: incoming(question, recipient) })
  }
  const whose = uses.map(({ anchors }) => anchors)
  if (leaves.length === 0)
    return explainCas(certificates, [...certificates, ...open.intermediates], whose, {
      at: open.at(),
      state: question.state,
    })
  const why: Reason[] = []
  for (const leaf of leaves) {
    const partners = partnersOf(leaf, question)
    if (partners.length === 0) why.push(unbound(leaf))
    for (const partner of partners)
      for (const { purpose, anchors } of uses) {
        const context = contextOf(question, open, certificates, anchors)
        await believe(purpose, partner, leaf, context, beliefOf(question, open))
      }
  }
  return { why, anchors: whose, places: [] }
}

/** Those whom a certificate is pinned to; else whom it would be used for. */
function partnersOf(leaf: Certificate, { pins }: Question): readonly Address[] {
  const pinned = pins
    .filter(({ sha256 }) => sha256 === leaf.sha256)
    .flatMap(({ address }) => someoneAt(address) ?? [])
  return pinned.length > 0 ? pinned : [partnerOf(leaf)].filter((one) => one !== null)
}

/** As DER or PEM does, and no mail. */
function beginsAsCredential(bytes: Buffer): boolean {
  return bytes[0] === 0x30 || bytes.subarray(0, 11).toString('latin1') === '-----BEGIN '
}

/** For whom a certificate would be used: an address of its own, or somebody of its domain. */
function partnerOf({ names }: Certificate): Address | null {
  for (const name of [...names.rfc822, ...names.dns]) {
    const address = someoneAt(name)
    if (address !== null) return address
  }
  return null
}

async function explainMessage(file: Source, question: Question, tools: ExplainTools): Promise<Finding> {
  const outer = await openOuter(file)
  if ('code' in outer) return { outcome: 'refused', why: [outer], anchors: [], places: [] }
  const ours = receivers(question, tools, envelopeRecipients(outer.header, tools.ours))
  const anchors = ours.map((one) => incoming(question, one))
  const open = await tools.open()
  if ('code' in outer.cms) return explainSigned(file, question, open, anchors)
  const belief = { ...open, ...beliefOf(question, open) }
  const recipients = ours.map(({ address }) => address)
  await using judged = await openMessage(file, { recipients, mailFrom: undefined }, belief, question.signal)
  const outcome = { accept: 'trusted', reject: 'refused', undetermined: 'undetermined' } as const
  return { outcome: outcome[judged.verdict], why: judged.why, anchors, places: [] }
}

/** Mail that is signed and not encrypted is not received; whoever wants to pin its signer asks about that one (TR-5). */
async function explainSigned(
  file: Source,
  question: Question,
  open: OpenTools,
  anchors: readonly Applicable[],
): Promise<Finding> {
  const signed = await readSigned(file, { spool: open.spool, parseCertificate })
  if ('code' in signed) return { outcome: 'refused', why: [signed], anchors, places: [] }
  const { signers, certificates, revocation } = signed
  const why: Reason[] = []
  for (const { certificate } of signers) {
    const partner = partnerOf(certificate)
    if (partner === null) why.push(unbound(certificate))
    else
      for (const each of anchors) {
        const context = { ...contextOf(question, open, certificates, each), material: revocation }
        await believe('sign', partner, certificate, context, beliefOf(question, open))
      }
  }
  return { why, anchors, places: [] }
}

function unbound({ sha256 }: Certificate): Reason {
  return { code: 'CERT_NOT_BOUND', text: `the certificate ${sha256} names no address and no domain` }
}

/** Those asked about; else those of ours whom the message names; else whoever is the only one. */
function receivers(question: Question, tools: ExplainTools, named: readonly Address[]): readonly Receiving[] {
  if (question.for !== null) return [receiving(question.for)]
  return named.length > 0 ? named.map(receiving) : anyReceiving(tools.onlyIdentity)
}

function contextOf(
  { trust, signal }: Question,
  open: OpenTools,
  beside: readonly Certificate[],
  { certificates, missing }: Applicable,
): BeliefContext {
  return {
    trust,
    candidates: [...beside, ...open.intermediates],
    anchors: certificates,
    missing,
    at: open.at(),
    signal,
  }
}

async function bytesOf(source: Source): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source.read()) chunks.push(chunk)
  return Buffer.concat(chunks)
}
