import { createPrivateKey, type KeyObject } from 'node:crypto'
import { BUNDLE_LIMIT, type Certificate, readCertificates } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import type { Password } from '../settings.ts'
import { wholeFile } from './file-source.ts'
import { isEncrypted, keyForms } from './key-forms.ts'
import { requirePrivate } from './private-file.ts'

/** A file of anchors is the longest. */
const MOST_BYTES = BUNDLE_LIMIT.bytes
/** Of a private key, with all that PKCS#12 puts around it. */
const MOST_KEY_BYTES = 1 << 20

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
  return readable(wholeFile(path, MOST_BYTES), 'CERT_UNREADABLE', 'certificate file')
}

/** A file that should hold a private key in whatever form. Throws KEY_UNREADABLE. `what`: the file's name there. */
export function readKeyBytes(path: string, what: string): Promise<Buffer> {
  return readable(wholeFile(path, MOST_KEY_BYTES), 'KEY_UNREADABLE', what)
}

/** A private key: PKCS#8 or PKCS#1, PEM or DER, encrypted or not. Throws KEY_UNREADABLE, KEY_EXPOSED, and as `password`. */
export async function readKeyFile(path: string, password: Password | undefined): Promise<KeyObject> {
  const bytes = await readKeyBytes(path, 'private key file')
  const key = await parseKey(bytes, await password?.(), path)
  // Of what is no key at all, its mode is not what is wrong.
  await requirePrivate(path, 'private key')
  return key
}

async function parseKey(bytes: Buffer, password: string | undefined, path: string): Promise<KeyObject> {
  const forms = keyForms(bytes)
  await requireBounded(forms.map(({ key }) => key).filter(isEncrypted), path)
  const passphrase = password === undefined ? {} : { passphrase: password }
  const causes: unknown[] = []
  for (const form of forms) {
    try {
      return createPrivateKey({ ...form, ...passphrase })
    } catch (error) {
      causes.push(error)
    }
  }
  const encrypted = bytes.includes('ENCRYPTED') || forms.some(({ key }) => isEncrypted(key))
  if (encrypted) throw unopened(causes, password, path)
  throw new DirectError('KEY_UNREADABLE', `the private key in ${path} cannot be read`, {
    hint: 'It must be PKCS#8, PKCS#1 or SEC 1, PEM or DER; a .p12 or .pfx file is named as pkcs12.',
    cause: causes.at(-1),
  })
}

/** No cause is told: it might quote key material. */
function unopened(causes: readonly unknown[], password: string | undefined, path: string): DirectError {
  const what = `the private key in ${path} cannot be read`
  if (password === undefined)
    return new DirectError('KEY_UNREADABLE', what, { hint: `It is encrypted: ${NAME_PASSWORD}` })
  // Before OpenSSL looks at the password at all.
  const isForgotten = causes.some(
    (cause) => (cause as NodeJS.ErrnoException).code === 'ERR_OSSL_EVP_UNSUPPORTED',
  )
  if (!isForgotten)
    return new DirectError('KEY_UNREADABLE', what, {
      hint: 'It is encrypted, and the password does not open it.',
    })
  return new DirectError(
    'KEY_UNREADABLE',
    `${what}: it is encrypted by an algorithm that OpenSSL has given up, such as DES or RC2`,
    {
      hint: `Encrypt it again, with the same password if you like: openssl pkcs8 -topk8 -v2 aes-256-cbc -provider legacy -provider default -in ${path} -out NEW`,
    },
  )
}

async function requireBounded(encrypted: readonly Buffer[], path: string): Promise<void> {
  // Most keys are not, and ASN.1 is not loaded for them.
  if (encrypted.length === 0) return
  const { boundDerivation } = await import('../identities/pkcs12/encrypted-key.ts')
  const { Pkcs12Error } = await import('../identities/pkcs12/error.ts')
  try {
    boundDerivation(encrypted)
  } catch (error) {
    if (!(error instanceof Pkcs12Error)) throw error
    throw new DirectError('KEY_UNREADABLE', `the private key in ${path} cannot be read: ${error.message}`, {
      hint: 'Encrypt it again as "openssl pkcs8 -topk8 -iter 600000" does.',
    })
  }
}

/** What to do about a key whose password nobody told us. */
export const NAME_PASSWORD = 'name where its password is, as passwordEnv, passwordFile or passwordCommand.'

/** The recipients' certificates that the configuration names, each with its file. Throws CERT_UNREADABLE. */
export async function loadConfigured(
  files: readonly string[],
): Promise<readonly { readonly origin: string; readonly certificate: Certificate }[]> {
  const read = files.map(async (origin) =>
    (await readCertificateFile(origin)).map((certificate) => ({ origin, certificate })),
  )
  return (await Promise.all(read)).flat()
}

async function readable(
  file: Promise<Buffer>,
  code: 'KEY_UNREADABLE' | 'CERT_UNREADABLE',
  what: string,
): Promise<Buffer> {
  try {
    return await file
  } catch (cause) {
    if (!(cause instanceof DirectError && cause.code === 'FILE_UNREADABLE')) throw cause
    throw new DirectError(code, `the ${what} ${cause.message}`, {
      hint: 'Check the path, which in a configuration is relative to its file, and its permissions.',
      cause,
    })
  }
}
