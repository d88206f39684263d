import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A self-signed certificate as DER, made by openssl: `rsa:2048`, `ec`. */
export function makeCertificate(key: `rsa:${number}` | 'ec', commonName = 'A test certificate'): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'direct-dns-'))
  try {
    const out = join(folder, 'certificate.der')
    const newkey = key === 'ec' ? ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['-newkey', key]
    const subject = ['-subj', `/CN=${commonName}`, '-days', '30']
    const files = ['-keyout', join(folder, 'key.pem'), '-outform', 'DER', '-out', out]
    execFileSync('openssl', ['req', '-x509', ...newkey, '-nodes', ...subject, ...files], { stdio: 'pipe' })
    return readFileSync(out)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
