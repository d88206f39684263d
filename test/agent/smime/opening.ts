import { tmpdir } from 'node:os'
import { createSpool } from '../../../agent/files/spool.ts'
import type { Judged } from '../../../agent/open/verdict.ts'
import { type Envelope, type OpenTools, openMessage } from '../../../agent/open.ts'
import type { Identity } from '../../../agent/smime/identity.ts'
import type { Minted } from '../../../fixtures/pki.ts'
import { AnchorSets, verifyCertificate } from '../../../trust-anchors/index.ts'
import { multipart, type SignerOptions, signedData, signerInfo } from './hostile.ts'
import { address, alice, bob, identity, intermediate, NOW, root, sourceOf } from './parties.ts'

/** Whole messages from clinic A to Dr. Lee of clinic B, and the flow of `message open` over them, without files. */

export const KIM = 'dr.kim@clinic-a.example'
export const LEE = 'dr.lee@clinic-b.example'

const HEADER = { From: KIM, To: LEE, Subject: 'Referral', 'Message-ID': '<1@clinic-a.example>' }

export type Fields = Readonly<Record<string, string | readonly string[] | null>>

/** A header of the referral; null leaves a field out, a list repeats it. */
export function header(fields: Fields = {}): string {
  return Object.entries({ ...HEADER, ...fields })
    .flatMap(([name, value]) => (value === null ? [] : [value].flat().map((one) => `${name}: ${one}\r\n`)))
    .join('')
}

/** The referral as a message/rfc822 entity: what is signed. `body`: its Content-Type and what follows. */
export function wrapped(
  fields: Fields = {},
  body = 'Content-Type: text/plain\r\n\r\nPlease see her.\r\n',
): string {
  return `Content-Type: message/rfc822\r\n\r\n${header(fields)}${body}`
}

/** The entity signed by clinic A, unless the options say otherwise. */
export function signed(
  entity = wrapped(),
  options: Partial<SignerOptions> & { certificates?: readonly Minted[] } = {},
) {
  const { signer = alice, certificates = [signer, intermediate] } = options
  const signerInfos = [signerInfo({ content: entity, signer, ...options })]
  return multipart(entity, signedData({ signerInfos, certificates }))
}

/** CMS as a mail of its own. */
export function mail(cms: Uint8Array, fields: Fields = {}): Buffer {
  const type =
    'Content-Type: application/pkcs7-mime; name="smime.p7m"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
  const base64 = Buffer.from(cms).toString('base64')
  return Buffer.from(
    `${header({ Subject: 'Encrypted Message', ...fields })}${type}${base64.replace(/.{1,76}/g, '$&\r\n')}`,
  )
}

const ANCHORS = new AnchorSets([{ for: '*', direction: 'both', certificates: [root.certificate] }])

export interface OpeningOptions extends Partial<Envelope> {
  /** Default: that of clinic B. */
  readonly keys?: readonly Identity[]
  readonly tools?: Partial<OpenTools>
}

/** What the agent makes of it. To be disposed of. */
export function judge(mail: Uint8Array, options: OpeningOptions = {}): Promise<Judged> {
  const { keys = [BOB], recipients = [address(LEE)], mailFrom, tools } = options
  return openMessage(
    sourceOf(mail),
    { recipients, mailFrom },
    {
      identities: { readingFor: () => keys },
      judge: async (purpose, partner, leaf, context) => verifyCertificate(purpose, partner, leaf, context),
      trust: async () => ({ anchors: ANCHORS, pinned: () => [], hasPins: false }),
      policies: {},
      intermediates: [],
      legacy: { sha1From: [], subjectEmail: false },
      receive: { unwrapped: 'accept', envelopeRecipients: 'warn', mailFrom: 'refuse', senderOnlyFrom: [] },
      spool: SPOOL,
      at: () => NOW,
      ...tools,
    },
  )
}

const BOB = identity(bob)
const SPOOL = createSpool(tmpdir())
