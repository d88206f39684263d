import { bundleCms, type Certificate, readBundle, readCertificates } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import { readCertificateBytes, readCertificateFile } from '../files/credential-files.ts'
import type { Settings } from '../settings.ts'
import type { TrustScope } from './types.ts'

/** What the configuration says about trust, its files read. */
export interface ConfiguredTrust {
  readonly sets: readonly ConfiguredSet[]
  /** What is odd about the files, though it stops nothing. */
  readonly notes: readonly string[]
}

export interface ConfiguredSet extends TrustScope {
  readonly anchors: readonly { readonly file: string; readonly certificate: Certificate }[]
  readonly bundles: readonly {
    readonly url: string
    readonly signedBy: Certificate | null
    readonly refreshHours: number
  }[]
}

/** Reads the files that the configuration's `trust` names. Throws CERT_UNREADABLE. */
export async function readConfiguredTrust({ trust }: Pick<Settings, 'trust'>): Promise<ConfiguredTrust> {
  const notes: string[] = []
  const sets = await Promise.all(
    trust.map(async (entry): Promise<ConfiguredSet> => {
      const files = await Promise.all(
        entry.anchors.map(async (file) => {
          const read = await readAnchorFile(file)
          notes.push(...read.notes.map((note) => `${file}: ${note}`))
          return read.certificates.map((certificate) => ({ file, certificate }))
        }),
      )
      const bundles = entry.bundles.map(async ({ url, signedBy, refreshHours }) => ({
        url,
        signedBy: signedBy === undefined ? null : await readSigner(signedBy),
        refreshHours,
      }))
      return {
        for: entry.for,
        direction: entry.direction,
        anchors: files.flat(),
        bundles: await Promise.all(bundles),
      }
    }),
  )
  return { sets, notes }
}

/** Anchors from a file: PEM, DER, or a p7b. Throws CERT_UNREADABLE. */
export async function readAnchorFile(
  path: string,
): Promise<{ readonly certificates: readonly Certificate[]; readonly notes: readonly string[] }> {
  const bytes = await readCertificateBytes(path)
  const certificates = readCertificates(bytes)
  if (!('code' in certificates)) return { certificates, notes: [] }
  const cms = bundleCms(bytes)
  // CMS is not loaded for files that are plain certificates, as most are.
  const { hasSigner } = await import('../smime/signed-file.ts')
  const signed = await hasSigner({
    async *read() {
      yield cms
    },
  })
  if (signed)
    throw new DirectError(
      'CERT_UNREADABLE',
      `${path} is a signed trust bundle, and a file's signature is not checked`,
      {
        hint: 'Let it be fetched: name its URL in bundles, with signedBy; or name a file that holds the anchors themselves.',
      },
    )
  const bundle = readBundle(bytes)
  if (!('code' in bundle)) return { certificates: bundle.anchors, notes: bundle.notes }
  throw new DirectError('CERT_UNREADABLE', `${path} holds no readable anchor: ${certificates.text}`, {
    hint: 'The file must hold X.509 certificates as PEM, one as DER, or a p7b.',
  })
}

/** The one certificate whose signature a bundle must have. Throws CERT_UNREADABLE. */
export async function readSigner(path: string): Promise<Certificate> {
  const [signer, ...others] = await readCertificateFile(path)
  if (signer !== undefined && others.length === 0) return signer
  throw new DirectError('CERT_UNREADABLE', `${path} holds ${others.length + 1} certificates`, {
    hint: "Name a file with the bundle's signing certificate alone.",
  })
}
