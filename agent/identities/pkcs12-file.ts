import { createPublicKey, type KeyObject } from 'node:crypto'
import { Certificate, parseCertificate } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import { NAME_PASSWORD, readKeyBytes } from '../files/credential-files.ts'
import { requirePrivate } from '../files/private-file.ts'
import type { IdentityFiles } from '../settings.ts'
import { fileStamp } from './files.ts'
import { Pkcs12Error } from './pkcs12/error.ts'
import { openPkcs12, type Pkcs12 } from './pkcs12/open.ts'
import { isBoundWithin } from './subjects.ts'

/** A certificate and the private key that belongs to it. */
export interface Pair {
  readonly certificate: Certificate
  readonly key: KeyObject
}

/** A PKCS#12 file, as an identity needs it. */
export interface Pkcs12File extends Pair {
  /** Further pairs in the file: mail to them is read (ALG-5). */
  readonly others: readonly Pair[]
  /** The certificates that no key in the file belongs to. */
  readonly intermediates: readonly Certificate[]
}

/** As each was last opened: a password command, and a second of key derivation, are not for every question. */
const opened = new WeakMap<IdentityFiles, { readonly stamp: string; readonly file: Pkcs12File }>()

/**
 * Opens the file of an identity; anew only once it has changed. Of several pairs, the one that is bound to its name, the
 * newest first. Throws KEY_UNREADABLE, KEY_EXPOSED, KEY_MISMATCH, CERT_UNREADABLE, and as its password does.
 */
export async function readPkcs12File(settings: IdentityFiles): Promise<Pkcs12File> {
  const stamp = fileStamp(settings.privateKey)
  const known = opened.get(settings)
  if (known?.stamp === stamp) return known.file
  const file = sorted(settings, await contentOf(settings))
  opened.set(settings, { stamp, file })
  return file
}

async function contentOf({ privateKey: path, password }: IdentityFiles): Promise<Pkcs12> {
  const bytes = await readKeyBytes(path, 'PKCS#12 file')
  const given = await password?.()
  try {
    const content = await openPkcs12(bytes, given)
    await requirePrivate(path, 'PKCS#12 file')
    return content
  } catch (error) {
    if (!(error instanceof Pkcs12Error)) throw error
    throw new DirectError('KEY_UNREADABLE', `the PKCS#12 file ${path} cannot be opened: ${error.message}`, {
      hint: hintOf(error, given !== undefined),
    })
  }
}

function hintOf({ kind }: Pkcs12Error, hasPassword: boolean): string {
  if (kind === 'password')
    return hasPassword
      ? 'The password is another one, or the file is damaged.'
      : `If it has a password, ${NAME_PASSWORD}`
  return kind === 'refused'
    ? 'Export it again, with a password and AES-256, as today\'s "openssl pkcs12 -export" does.'
    : 'It must be a .p12 or .pfx file (PKCS#12); PEM and DER are named as certificate and privateKey.'
}

function sorted({ for: name, privateKey: path }: IdentityFiles, { keys, certificates }: Pkcs12): Pkcs12File {
  const read = certificates.map((der) => {
    const certificate = parseCertificate(der)
    if (certificate instanceof Certificate) return certificate
    throw new DirectError(
      'CERT_UNREADABLE',
      `${path} holds a certificate that cannot be read: ${certificate.text}`,
    )
  })
  const publicKeys = keys.map((key) => ({ key, publicKey: createPublicKey(key) }))
  const pairs = read.flatMap((certificate) => {
    const found = publicKeys.find(({ publicKey }) => publicKey.equals(certificate.publicKey))
    return found === undefined ? [] : [{ certificate, key: found.key }]
  })
  const rank = ({ certificate }: Pair) => Number(isBoundWithin(name, certificate))
  const begin = ({ certificate }: Pair) => certificate.notBefore.getTime()
  const [pair, ...others] = pairs.toSorted((a, b) => rank(b) - rank(a) || begin(b) - begin(a))
  if (pair === undefined)
    throw new DirectError(
      'KEY_MISMATCH',
      `${path} holds no certificate with the private key that belongs to it`,
      {
        hint: `It holds ${keys.length} private keys and ${read.length} certificates: export it again with both.`,
      },
    )
  const paired = new Set(pairs.map(({ certificate }) => certificate))
  return { ...pair, others, intermediates: read.filter((certificate) => !paired.has(certificate)) }
}
