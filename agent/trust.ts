import type {
  AnchorSets,
  Certificate,
  CertificateCode,
  Purpose,
  Verification,
} from '../trust-anchors/index.ts'
import type { Address } from './address.ts'
import { DirectError } from './errors.ts'
import { readCertificateFile } from './identities.ts'
import type { Settings } from './settings.ts'

/** Whom we believe right now: what is configured, fetched in bundles, added by hand, less what was removed by hand. */
export interface Trust {
  readonly anchors: AnchorSets
  /** Certificates pinned to a partner's address (TR-5): each is its own anchor for that address alone. */
  readonly pinned: (partner: Address) => readonly Certificate[]
}

/** The recipients' certificates that the configuration names, each with its file. Throws CERT_UNREADABLE. */
export async function loadConfigured(
  files: readonly string[],
): Promise<readonly { readonly origin: string; readonly certificate: Certificate }[]> {
  const read = files.map(async (origin) =>
    (await readCertificateFile(origin)).map((certificate) => ({ origin, certificate })),
  )
  return (await Promise.all(read)).flat()
}

/** Without anchors every message would be put aside: that is a mistake in the configuration, not in the mail. */
export function requireIncomingAnchors({ mailboxes }: Settings, { anchors }: Trust): void {
  if (!anchors.trustsNobody('incoming')) return
  const [mailbox] = mailboxes
  throw new DirectError(
    'NO_ANCHORS',
    `no incoming trust anchors are configured for ${mailbox?.addresses.join(', ')}`,
    {
      hint: 'Add an entry to trust with direction incoming or both; without one every message would be refused.',
    },
  )
}

/**
 * A no for want of an anchor is not final while a bundle that belongs there was never had (`AnchorSets.missing`): the
 * anchor may be in it.
 */
export function unlessMissing<P extends Purpose>(
  verdict: Verification<P>,
  missing: readonly string[],
): Verification<P> {
  if (verdict.ok || missing.length === 0) return verdict
  const [first, ...others] = verdict.failures.map((failure) =>
    WANTING_ANCHOR.has(failure.code)
      ? { ...failure, text: `${failure.text}; ${missing.join('; ')}`, temporary: true as const }
      : failure,
  )
  if (first === undefined) return verdict
  const failures = [first, ...others] as const
  return { ...verdict, failures, temporary: failures.every((failure) => failure.temporary) }
}

const WANTING_ANCHOR: ReadonlySet<string> = new Set<CertificateCode>(['UNKNOWN_ISSUER', 'NO_ANCHORS'])
