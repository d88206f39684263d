import { parseCertificate } from '../../trust-anchors/index.ts'
import type { MessageCode, Reason } from '../errors.ts'
import { fileSource } from '../files/file-source.ts'
import { someoneAt } from '../given-address.ts'
import type { Identities } from '../identities.ts'
import { parseMediaType } from '../mime/media-type.ts'
import { type Outer, openOuter } from '../open/outer.ts'
import { readMessageHeader } from '../read.ts'
import { decrypt } from '../smime/decrypt.ts'
import type { ValidSigner } from '../smime/signed/signer.ts'
import { signersOf } from '../smime/signed-mail.ts'
import type { Source, Spool } from '../smime/source.ts'

/** What reading a mail's signers asks of its neighbours. */
export interface MailTools {
  /** Domains and addresses. */
  readonly ourNames: () => Promise<readonly string[]>
  /** Asked for only when the mail is sealed. */
  readonly identities: () => Promise<Identities>
  readonly spool: () => Promise<Spool>
}

/** Whose signatures over a mail hold; whether they are anybody's whom we believe is another question. */
export interface MailSigners {
  /** It is encrypted. */
  readonly sealed: boolean
  readonly signers: readonly ValidSigner[] | Reason<MessageCode>
}

/** Whether a file is S/MIME mail by its header, whatever certificates its text may quote. Throws FILE_UNREADABLE. */
export async function isSignedMail(path: string): Promise<boolean> {
  await using raw = await fileSource(path)
  const outer = await openOuter(raw)
  return !('code' in outer) && (!('code' in outer.cms) || isClearSigned(outer))
}

/** The signers of a mail that is signed alone, or sealed to one of our identities. Throws FILE_UNREADABLE. */
export async function mailSigners(path: string, tools: MailTools): Promise<MailSigners> {
  await using raw = await fileSource(path)
  const outer = await openOuter(raw)
  if ('code' in outer) return { sealed: false, signers: outer }
  const spool = await tools.spool()
  const verify = { spool, parseCertificate }
  if ('code' in outer.cms) return { sealed: false, signers: await signersOf(raw, verify) }
  await using decrypted = await decryptedBy(raw, outer.cms, spool, tools)
  if (!('code' in decrypted)) return { sealed: true, signers: await signersOf(decrypted.content, verify) }
  // What calls itself enveloped may be opaque signed-data with an odd smime-type (IN-2).
  if (decrypted.code === 'NOT_ENCRYPTED') return { sealed: false, signers: await signersOf(raw, verify) }
  return { sealed: true, signers: decrypted }
}

async function decryptedBy(raw: Source, cms: Pick<Source, 'read'>, spool: Spool, tools: MailTools) {
  const identities = await tools.identities()
  const { to, cc } = await readMessageHeader(raw)
  const named = [...to.mailboxes, ...cc.mailboxes].map(({ address }) => address)
  // A sealed copy need not name its recipient.
  const ours = (await tools.ourNames()).flatMap((name) => someoneAt(name) ?? [])
  const keys = new Set([...named, ...ours].flatMap((recipient) => identities.readingFor(recipient)))
  const decrypted = await decrypt(cms, [...keys], spool)
  return 'code' in decrypted ? { ...decrypted, async [Symbol.asyncDispose]() {} } : decrypted
}

function isClearSigned({ header }: Outer): boolean {
  return parseMediaType(header.first('Content-Type'))?.type === 'multipart/signed'
}
