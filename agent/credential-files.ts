import { createPrivateKey, type KeyObject } from 'node:crypto'
import { BUNDLE_LIMIT, type Certificate, readCertificates } from '../trust-anchors/index.ts'
import { DirectError } from './errors.ts'
import { wholeFile } from './file-source.ts'
import type { IdentitySettings } from './settings.ts'

/** The certificates of one PEM or DER file. Throws CERT_UNREADABLE. */
export async function readCertificateFile(path: string): Promise<readonly Certificate[]> {
  const certificates = readCertificates(await readCertificateBytes(path))
  if (!('code' in certificates)) return certificates
  throw new DirectError('CERT_UNREADABLE', `${path} holds no readable certificate: ${certificates.text}`, {
    hint: 'The file must hold X.509 certificates as PEM, or one as DER.',
  })
}

/** A file that should hold certificates in whatever form. Throws CERT_UNREADABLE. */
export function readCertificateBytes(path: string): Promise<Buffer> {
  return read(path, 'CERT_UNREADABLE', 'certificate')
}

/** The private key of an identity: PKCS#8 or PKCS#1, PEM or DER, encrypted or not. Throws KEY_UNREADABLE. */
export async function readKeyFile({ privateKey: path, password }: IdentitySettings): Promise<KeyObject> {
  const bytes = await read(path, 'KEY_UNREADABLE', 'private key')
  const passphrase = password === undefined ? {} : { passphrase: password }
  const pem = bytes.includes('-----BEGIN')
  const forms = pem
    ? [{ key: bytes, format: 'pem' as const, ...passphrase }]
    : (['pkcs8', 'pkcs1'] as const).map((type) => ({
        key: bytes,
        format: 'der' as const,
        type,
        ...passphrase,
      }))
  let cause: unknown
  for (const form of forms) {
    try {
      return createPrivateKey(form)
    } catch (error) {
      cause = error
    }
  }
  const encrypted = /ENCRYPTED/.test(bytes.toString('latin1'))
  throw new DirectError('KEY_UNREADABLE', `the private key in ${path} cannot be read`, {
    hint:
      encrypted && password === undefined
        ? 'It is encrypted: name the environment variable that holds its password as passwordEnv.'
        : encrypted
          ? 'It is encrypted, and the password does not open it.'
          : 'It must be PKCS#8 or PKCS#1, PEM or DER.',
    // The cause is dropped on purpose where it might quote key material.
    ...(encrypted ? {} : { cause }),
  })
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

/** A file of anchors is the longest. */
const MOST_BYTES = BUNDLE_LIMIT.bytes

async function read(path: string, code: 'KEY_UNREADABLE' | 'CERT_UNREADABLE', what: string): Promise<Buffer> {
  try {
    return await wholeFile(path, MOST_BYTES)
  } catch (cause) {
    if (!(cause instanceof DirectError)) throw cause
    throw new DirectError(code, `the ${what} file ${cause.message}`, {
      hint: 'Check the path, which in a configuration is relative to its file, and its permissions.',
      cause,
    })
  }
}
