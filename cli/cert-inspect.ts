import type { Command } from 'commander'
import { DirectError } from '../agent/errors.ts'
import {
  type Described,
  type DescribedCertificate,
  type DescribedCrl,
  describeFile,
} from '../trust-anchors/inspect/index.ts'
import { EXIT } from './exit.ts'
import { columns, printable } from './printable.ts'
import { readInput } from './read-input.ts'
import { answer, openAgentForStore, type Session } from './session.ts'

interface ShownMail {
  readonly kind: 'mail'
  readonly sealed: boolean
  readonly weak: boolean
}

type Shown =
  | ShownMail
  | Described
  | { readonly kind: 'unreadable'; readonly code: string; readonly text: string }

/** What DER begins with. */
const SEQUENCE = 0x30
const MAX_HEADER = 1 << 20

/** Of a CRL's entries, as text; --json tells a thousand. */
const MOST_REVOKED = 20

export function options(command: Command): void {
  command.addHelpText(
    'after',
    `
This shows what certificates and CRLs say. It verifies nothing: not the signature, not the
issuer, not whether they are revoked. "direct trust explain" does that.
PEM, DER, p7b and p7c; - is stdin. Of a mail (.eml), the certificates whose signatures hold; one that
is sealed needs an identity that opens it.

Example:
  direct cert inspect org-a.pem
`,
  )
}

export async function run(session: Session, command: Command): Promise<number> {
  const now = session.at ?? new Date()
  let unreadable = 0
  for (const file of command.args) {
    const bytes = await readInput({
      file,
      hint: 'Name a file of certificates: PEM, DER, p7b; or - for stdin.',
      signal: session.signal,
    })
    const found = isMail(bytes) ? await describeMail(session, file) : describeFile(bytes)
    for (const described of found) {
      if (described.kind === 'unreadable') unreadable++
      await answer(session, { file, ...described }, () => `${printable(file)}\n${textOf(described, now)}`)
    }
  }
  session.out.note('nothing was verified; "direct trust explain FILE" judges')
  return unreadable > 0 ? EXIT.no : EXIT.done
}

/** Whether a file begins with a mail's header; what its text may quote is not its signer's. */
function isMail(bytes: Buffer): boolean {
  if (bytes[0] === SEQUENCE) return false
  const [header = ''] = bytes
    .subarray(0, MAX_HEADER)
    .toString('latin1')
    .split(/\r?\n\r?\n/)
  return /^(from|received|mime-version|content-type):/im.test(header)
}

/** The certificates of a mail's signers, after a line about the mail. */
async function describeMail(session: Session, file: string): Promise<readonly Shown[]> {
  if (file === '-')
    throw new DirectError('USAGE', 'a mail is read from a file', {
      hint: 'Write it to a file, and name that.',
    })
  await using agent = await openAgentForStore(session)
  const { sealed, signers, why } = await agent.pins.signers(file)
  if (why !== null)
    return [{ kind: 'unreadable', code: why.code, text: `${sealed ? SEALED : 'the mail'}: ${why.text}` }]
  const weak = signers.some((signer) => signer.weak)
  return [{ kind: 'mail', sealed, weak }, ...signers.flatMap(({ der }) => describeFile(der))]
}

const SEALED = 'the mail is sealed, and cannot be opened by this configuration'

function textOf(described: Shown, now: Date): string {
  switch (described.kind) {
    case 'mail':
      return table([
        ['mail', `${described.sealed ? 'sealed to us' : 'not sealed'}; what follows is who signed it`],
        ...(described.weak ? [['', 'a signature is by SHA-1, which anyone may forge']] : []),
      ])
    case 'certificate':
      return certificateText(described, now)
    case 'crl':
      return crlText(described)
    case 'unreadable':
      return table([['unreadable', `${described.code}: ${described.text}`]])
  }
}

function crlText(crl: DescribedCrl): string {
  const { entries, revoked, problem } = crl
  const shown = revoked.slice(0, MOST_REVOKED)
  const more = (entries ?? 0) - shown.length
  return table([
    ['CRL', crl.sha256],
    ['issuer', crl.issuer],
    ['number', `${crl.number ?? 'none'}${crl.base === null ? '' : `, a delta to ${crl.base}`}`],
    ['this update', crl.thisUpdate.toISOString()],
    ['next update', crl.nextUpdate?.toISOString() ?? 'not said'],
    ['revoked', problem ?? String(entries)],
    ...shown.map(({ serialNumber, revokedAt, reason }) => [
      '',
      `${serialNumber}  ${revokedAt.toISOString()}  ${reason}`,
    ]),
    ...(more > 0 ? [['', `… and ${more} more`]] : []),
  ])
}

function certificateText(certificate: DescribedCertificate, now: Date): string {
  const { key, signature, notBefore, notAfter } = certificate
  const about = key.curve ?? (key.exponent === undefined ? '' : `exponent ${key.exponent}`)
  const dates =
    now < notBefore ? '  (not yet)' : now.getTime() >= notAfter.getTime() + 1000 ? '  (ended)' : ''
  return table([
    ['certificate', certificate.sha256],
    ['SHA-1', certificate.sha1],
    ['subject', certificate.subject || '(none)'],
    ['issuer', certificate.issuer || '(none)'],
    ['serial number', certificate.serialNumber],
    ['valid', `${notBefore.toISOString()} to ${notAfter.toISOString()}${dates}`],
    ['key', `${key.type} ${key.bits} bits${about === '' ? '' : `, ${about}`}`],
    ['signed with', `${signature.digest ?? 'unknown digest'} (${signature.algorithm})`],
    ['version', String(certificate.version)],
    ...certificate.extensions.flatMap(({ oid, name, critical, says }) =>
      (says.length === 0 ? [''] : says).map((line, i) => [
        i === 0 ? `${name ?? oid}${critical ? ', critical' : ''}` : '',
        line,
      ]),
    ),
  ])
}

function table(rows: readonly (readonly string[])[]): string {
  return columns(rows.map(([what = '', value = '']) => [`  ${what}`, value]))
}
