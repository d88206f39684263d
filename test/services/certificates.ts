import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface ServerCertificate extends AsyncDisposable {
  /** Files in PEM. */
  readonly certificate: string
  readonly privateKey: string
  /** Their content. The certificate is its own CA. */
  readonly cert: string
  readonly key: string
}

/**
 * A self-signed certificate for a server, in a folder of its own. `names` as in a subjectAltName: `DNS:mx.partner.example`,
 * `IP:127.0.0.1`.
 */
export async function serverCertificate(names: readonly string[]): Promise<ServerCertificate> {
  const folder = await mkdtemp(join(tmpdir(), 'direct-certificate-'))
  const certificate = join(folder, 'cert.pem')
  const privateKey = join(folder, 'key.pem')
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-subj', '/CN=test server', '-addext', `subjectAltName=${names.join(',')}`, '-days', '2'],
    ...['-out', certificate, '-keyout', privateKey],
  ])
  return {
    certificate,
    privateKey,
    cert: await readFile(certificate, 'utf8'),
    key: await readFile(privateKey, 'utf8'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}
