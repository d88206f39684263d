import type { KeyObject } from 'node:crypto'
import type { Certificate } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import { readCertificateFile, readKeyFile } from '../files/credential-files.ts'
import type { IdentityFiles, IdentitySettings } from '../settings.ts'
import { Identity } from '../smime/identity.ts'
import type { Pkcs12File } from './pkcs12-file.ts'

/** One of our own certificates with its key, and where it lies. */
export interface Owned {
  readonly settings: IdentitySettings
  readonly identity: Identity
  /** Mail to it is read, nothing else: another has taken its place in its file, or stands beside it there. */
  readonly readsOnly: boolean
}

/** What an entry of `identities` comes to. */
export interface Loaded {
  readonly identity: Identity
  /** Further pairs of its PKCS#12 file, for reading (ALG-5). */
  readonly others: readonly Identity[]
}

export function ownedOf(settings: IdentitySettings, { identity, others }: Loaded): readonly Owned[] {
  return [
    { settings, identity, readsOnly: false },
    ...others.map((one) => ({ settings, identity: one, readsOnly: true })),
  ]
}

/**
 * A certificate with its key, which is proved to belong to it. Throws CERT_UNREADABLE, KEY_UNREADABLE, KEY_EXPOSED,
 * KEY_MISMATCH, and KEY_UNREACHABLE of a key that lives elsewhere and does not answer.
 */
export async function loadIdentity(settings: IdentitySettings): Promise<Loaded> {
  const { certificate, intermediates } = await certificatesOf(settings)
  if (settings.privateKey === null) {
    const { keyElsewhere, prove } = await import('./elsewhere.ts')
    const key = keyElsewhere(settings, certificate)
    await prove(key, settings, certificate)
    return { identity: Identity.of(certificate, intermediates, key), others: [] }
  }
  const key = await privateKeyOf(settings)
  const others = settings.isPkcs12 ? (await readPkcs12File(settings)).others : []
  try {
    return {
      identity: Identity.of(certificate, intermediates, key),
      others: others.map((other) => Identity.of(other.certificate, intermediates, other.key)),
    }
  } catch (error) {
    if (!(error instanceof DirectError && error.code === 'KEY_MISMATCH')) throw error
    throw new DirectError(
      'KEY_MISMATCH',
      `${settings.privateKey} is not the private key of the certificate in ${settings.certificate}`,
      { hint: 'Name the key file that the certificate was requested with.', cause: error },
    )
  }
}

/** PKCS#12 is loaded for those alone who have such a file. */
async function readPkcs12File(settings: IdentityFiles): Promise<Pkcs12File> {
  return (await import('./pkcs12-file.ts')).readPkcs12File(settings)
}

/** Throws KEY_UNREADABLE, KEY_EXPOSED, and as its password does. */
export async function privateKeyOf(settings: IdentityFiles): Promise<KeyObject> {
  if (settings.isPkcs12) return (await readPkcs12File(settings)).key
  return readKeyFile(settings.privateKey, settings.password)
}

/** A certificate of ours, and the CA certificates beside it. Throws CERT_UNREADABLE; of PKCS#12, as `readPkcs12File`. */
export async function certificatesOf(
  settings: IdentitySettings,
): Promise<{ readonly certificate: Certificate; readonly intermediates: readonly Certificate[] }> {
  if (settings.privateKey !== null && settings.isPkcs12) {
    const { certificate, intermediates } = await readPkcs12File(settings)
    return { certificate, intermediates }
  }
  const [certificate, ...intermediates] = await readCertificateFile(settings.certificate)
  if (certificate !== undefined) return { certificate, intermediates }
  throw new DirectError('CERT_UNREADABLE', `${settings.certificate} holds no certificate`)
}
