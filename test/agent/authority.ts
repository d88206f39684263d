import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pki, temporaryFolder } from '../flow/clinics.ts'

const openssl = async (...args: readonly string[]) => promisify(execFile)('openssl', args)

/** What root-a of the fixtures, by OpenSSL, answers to a request: as asked, unless `extensions` say otherwise. PEM. */
export async function answered(
  request: string,
  { days = 365, extensions }: { readonly days?: number; readonly extensions?: string } = {},
): Promise<{ readonly pem: string; readonly file: string }> {
  const dir = await temporaryFolder()
  const [csr, file, ext] = ['csr', 'answer.pem', 'ext'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ]
  await writeFile(csr, request)
  await writeFile(ext, extensions ?? '')
  const how = extensions === undefined ? ['-copy_extensions', 'copyall'] : ['-extfile', ext]
  const ca = ['-CA', pki('root-a.pem'), '-CAkey', pki('root-a.key')]
  await openssl('x509', '-req', '-in', csr, ...ca, '-days', String(days), ...how, '-out', file)
  return { pem: await readFile(file, 'utf8'), file }
}

/** The same certificates as certs-only p7b, in DER. */
export async function asP7b(...files: readonly string[]): Promise<Buffer> {
  const out = join(await temporaryFolder(), 'answer.p7b')
  const named = files.flatMap((file) => ['-certfile', file])
  await openssl('crl2pkcs7', '-nocrl', ...named, '-outform', 'DER', '-out', out)
  return readFile(out)
}

/** What `openssl req -verify` says of a request, and what the request asks for. */
export async function verified(request: string): Promise<string> {
  const file = join(await temporaryFolder(), 'csr')
  await writeFile(file, request)
  const { stdout, stderr } = await openssl('req', '-in', file, '-noout', '-verify', '-text')
  return stdout + stderr
}
