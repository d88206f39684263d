import { readFile } from 'node:fs/promises'
import { bindingOf, type Certificate, leafFailures, readCertificates } from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import { DirectError, type Reason } from '../errors.ts'
import { fileSource } from '../files/file-source.ts'
import { givenAddress } from '../given-address.ts'
import type { Settings } from '../settings.ts'
import { requireFingerprint } from './arguments.ts'
import { isSignedMail, type MailTools, mailSigners } from './mail-signers.ts'
import type { PinRequest } from './types.ts'

/** What judging a pin asks of its neighbours. */
export interface PinTools extends MailTools {
  readonly settings: Pick<Settings, 'legacy'>
  readonly at: () => Date
}

/** A request that holds: what is pinned, to whom, until when. */
export interface CheckedPin {
  readonly address: Address
  readonly certificate: Certificate
  readonly until: Date
}

const MAX_TEXT = 500
const MAX_CERTIFICATE_FILE = 1 << 20

/**
 * Whether a certificate may be pinned as asked (TR-5): somebody says who, why and until when, and the certificate is
 * bound to the address, within its validity, and good for Direct. Throws as `PinAdministration.add`.
 */
export async function checkPin(request: PinRequest, tools: PinTools): Promise<CheckedPin> {
  const address = givenAddress(request.address)
  requireText(request.actor, 'who pins it')
  requireText(request.why, 'why it is known to be theirs')
  const at = tools.at()
  const certificate = await certificateFor(address, request, tools)
  const failures = usableFor(certificate, at)
  if (failures !== null) throw unfit(request.path, failures)
  const { until } = request
  if (!(until > at))
    throw new DirectError('USAGE', `the pin would end at ${isoOf(until)}, before it begins`, {
      hint: `Give a time after ${at.toISOString()}.`,
    })
  if (until > certificate.notAfter)
    throw new DirectError('USAGE', `the certificate itself ends at ${certificate.notAfter.toISOString()}`, {
      hint: 'Pin it until then at most.',
    })
  return { address, certificate, until }
}

function requireText(text: string, what: string): void {
  const isPlain = text.trim() !== '' && text.length <= MAX_TEXT && !/\p{Cc}/u.test(text)
  if (isPlain) return
  throw new DirectError('USAGE', `a pin must say ${what}`, {
    hint: `One line of at most ${MAX_TEXT} characters: it goes into the audit.`,
  })
}

async function certificateFor(
  address: Address,
  { path, sha256 }: PinRequest,
  tools: PinTools,
): Promise<Certificate> {
  const expected = sha256 === undefined ? null : requireFingerprint(sha256)
  const { subjectEmail } = tools.settings.legacy
  const found = (await certificatesIn(path)) ?? (await signersIn(address, path, tools))
  const bound = found.filter((certificate) => bindingOf(certificate, address, { subjectEmail }) !== null)
  if (bound.length === 0)
    throw unfit(path, { code: 'CERT_NOT_BOUND', text: `no certificate in it is bound to ${address}` })
  const meant = expected === null ? bound : bound.filter((certificate) => certificate.sha256 === expected)
  const [certificate, ...others] = meant
  if (certificate === undefined) throw unexpected(path, bound)
  if (others.length > 0)
    throw unfit(path, {
      code: 'CERT_NOT_BOUND',
      text: `${bound.length} certificates in it are bound to ${address}`,
    })
  return certificate
}

/** Null: the file is a mail, or holds no certificate as PEM or DER. What a mail's text quotes, nobody has signed. */
async function certificatesIn(path: string): Promise<readonly Certificate[] | null> {
  await using file = await fileSource(path)
  if (file.bytes > MAX_CERTIFICATE_FILE || (await isSignedMail(path))) return null
  const certificates = readCertificates(await readFile(path))
  return 'code' in certificates ? null : certificates
}

/** The certificates whose signatures over the mail hold. */
async function signersIn(address: Address, path: string, tools: PinTools): Promise<readonly Certificate[]> {
  const { signers } = await mailSigners(path, tools)
  if ('code' in signers) throw unfit(path, signers)
  const sha1 = tools.settings.legacy.sha1From.includes(address.domain)
  const strong = signers.filter(({ weak }) => !weak || sha1)
  if (strong.length === 0)
    throw unfit(path, { code: 'ALGORITHM_REFUSED', text: 'its signature uses SHA-1, which anyone may forge' })
  return strong.map(({ certificate }) => certificate)
}

/** Null: it can be encrypted to, or believed when it signs; partners may have one certificate for each. */
function usableFor(certificate: Certificate, at: Date): Reason | null {
  const [sign] = leafFailures('sign', certificate, at)
  const [encrypt] = leafFailures('encrypt', certificate, at)
  return sign !== undefined && encrypt !== undefined ? encrypt : null
}

function unfit(path: string, { code, text }: Reason): DirectError {
  return new DirectError('MESSAGE_INVALID', `nothing in ${path} can be pinned: ${text} (${code})`, {
    hint: "Name the partner's certificate, or a mail that it signed, and the address that it is bound to.",
  })
}

function unexpected(path: string, found: readonly Certificate[]): DirectError {
  const fingerprints = found.map(({ sha256 }) => sha256).join(', ')
  return new DirectError(
    'MESSAGE_INVALID',
    `the certificate in ${path} is another one than expected: its SHA-256 is ${fingerprints}`,
    { hint: 'Nothing was pinned. Ask the partner again, by another way than this mail or file.' },
  )
}

function isoOf(time: Date): string {
  return Number.isNaN(time.getTime()) ? 'no time at all' : time.toISOString()
}
