import { readFile } from 'node:fs/promises'
import {
  bindingOf,
  type Certificate,
  leafFailures,
  parseCertificate,
  readCertificates,
} from '../../trust-anchors/index.ts'
import type { Address } from '../address.ts'
import { DirectError, type Reason } from '../errors.ts'
import { fileSource } from '../file-source.ts'
import { givenAddress, someoneAt } from '../given-address.ts'
import type { Identities } from '../identities.ts'
import { openOuter } from '../open/outer.ts'
import { readMessageHeader } from '../read.ts'
import type { Settings } from '../settings.ts'
import { decrypt } from '../smime/decrypt.ts'
import { signersOf } from '../smime/signed-alone.ts'
import type { Source, Spool } from '../smime/source.ts'
import type { PinRequest } from './types.ts'

/** What judging a pin asks of its neighbours. */
export interface PinTools {
  readonly settings: Pick<Settings, 'identities' | 'legacy'>
  /** Asked for only when the file is a sealed mail. */
  readonly identities: () => Promise<Identities>
  readonly spool: () => Promise<Spool>
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
  const certificate = await certificateFor(address, request.path, tools)
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

async function certificateFor(address: Address, path: string, tools: PinTools): Promise<Certificate> {
  const { subjectEmail } = tools.settings.legacy
  const found = (await certificatesIn(path)) ?? (await signersIn(address, path, tools))
  const bound = found.filter((certificate) => bindingOf(certificate, address, { subjectEmail }) !== null)
  const [certificate, ...others] = bound
  if (certificate === undefined)
    throw unfit(path, { code: 'CERT_NOT_BOUND', text: `no certificate in it is bound to ${address}` })
  if (others.length > 0)
    throw unfit(path, {
      code: 'CERT_NOT_BOUND',
      text: `${bound.length} certificates in it are bound to ${address}`,
    })
  return certificate
}

/** Null: the file holds no certificate as PEM or DER; it is a mail then. */
async function certificatesIn(path: string): Promise<readonly Certificate[] | null> {
  await using file = await fileSource(path)
  if (file.bytes > MAX_CERTIFICATE_FILE) return null
  const certificates = readCertificates(await readFile(path))
  return 'code' in certificates ? null : certificates
}

/** The certificates whose signatures over the mail hold. */
async function signersIn(address: Address, path: string, tools: PinTools): Promise<readonly Certificate[]> {
  await using raw = await fileSource(path)
  await using scope = new AsyncDisposableStack()
  const spool = await tools.spool()
  const entity = await signedEntity(raw, path, tools, scope)
  const signers = await signersOf(entity, { spool, parseCertificate })
  if ('code' in signers) throw unfit(path, signers)
  const sha1 = tools.settings.legacy.sha1From.includes(address.domain)
  const strong = signers.filter(({ weak }) => !weak || sha1)
  if (strong.length === 0)
    throw unfit(path, { code: 'ALGORITHM_REFUSED', text: 'its signature uses SHA-1, which anyone may forge' })
  return strong.map(({ certificate }) => certificate)
}

/** The mail itself where it is merely signed; what is in it where it is sealed to us. */
async function signedEntity(
  raw: Source,
  path: string,
  tools: PinTools,
  scope: AsyncDisposableStack,
): Promise<Source> {
  const outer = await openOuter(raw)
  if ('code' in outer) throw unfit(path, outer)
  if ('code' in outer.cms) return raw
  const identities = await tools.identities()
  const { to, cc } = await readMessageHeader(raw)
  const named = [...to.mailboxes, ...cc.mailboxes].map(({ address }) => address)
  // A sealed copy need not name its recipient.
  const recipients = [
    ...named,
    ...tools.settings.identities.flatMap(({ for: name }) => someoneAt(name) ?? []),
  ]
  const keys = new Set(recipients.flatMap((recipient) => identities.readingFor(recipient)))
  const decrypted = await decrypt(outer.cms, [...keys], await tools.spool())
  // What calls itself enveloped may be opaque signed-data with an odd smime-type (IN-2).
  if ('code' in decrypted && decrypted.code === 'NOT_ENCRYPTED') return raw
  if ('code' in decrypted) throw unfit(path, decrypted)
  return scope.use(decrypted).content
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

function isoOf(time: Date): string {
  return Number.isNaN(time.getTime()) ? 'no time at all' : time.toISOString()
}
