import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pki, temporaryFolder } from '../flow/clinics.ts'

const openssl = async (...args: readonly string[]) => promisify(execFile)('openssl', args)

/** Before any moment at which a test looks at an answer, by its own clock or by the machine's. */
const SINCE = '20261101000000Z'

/**
 * What root-a of the fixtures, by OpenSSL, answers to a request: as asked, unless `extensions` say otherwise. PEM. It
 * ends so many days from the machine's now.
 */
export async function answered(
  request: string,
  { days = 365, extensions }: { readonly days?: number; readonly extensions?: string } = {},
): Promise<{ readonly pem: string; readonly file: string }> {
  const dir = await temporaryFolder()
  const file = join(dir, 'answer.pem')
  const written = async (name: string, text: string) => {
    await writeFile(join(dir, name), text)
    return join(dir, name)
  }
  const csr = await written('csr', request)
  const ca = ['-cert', pki('root-a.pem'), '-keyfile', pki('root-a.key'), '-batch', '-notext']
  const dates = ['-startdate', SINCE, '-enddate', asn1Time(Date.now() + days * 86_400_000)]
  const how = extensions === undefined ? [] : ['-extfile', await written('ext', extensions)]
  const config = await written('ca.cnf', configuration(dir, extensions === undefined ? 'copyall' : 'none'))
  await written('index', '')
  await written('serial', `0${randomBytes(15).toString('hex').slice(1)}\n`)
  await openssl('ca', '-config', config, '-in', csr, ...ca, ...dates, ...how, '-out', file)
  return { pem: await readFile(file, 'utf8'), file }
}

const asn1Time = (at: number) => `${new Date(at).toISOString().replace(/\D/g, '').slice(0, 14)}Z`

/** What `openssl ca` cannot be told by its options. */
const configuration = (dir: string, extensions: 'copyall' | 'none') => `[ca]
default_ca = one
[one]
database = ${dir}/index
serial = ${dir}/serial
new_certs_dir = ${dir}
default_md = sha256
policy = anything
unique_subject = no
preserve = yes
copy_extensions = ${extensions}
[anything]
commonName = optional
organizationName = optional
`

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
