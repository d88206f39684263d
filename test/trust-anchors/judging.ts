import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Address, parseAddress } from '../../agent/address.ts'
import {
  type Certificate,
  type Purpose,
  readCertificates,
  type VerificationContext,
  verifyCertificate,
} from '../../trust-anchors/index.ts'

/** A time at which every fixture is valid that is not about dates. */
export const NOW = new Date('2026-11-21T12:00:00Z')

export function address(text: string): Address {
  const parsed = parseAddress(text)
  if (!(parsed instanceof Address)) throw new Error(parsed.text)
  return parsed
}

/** A committed certificate file: the leaf first, then its issuers. */
export function fixture(name: string): readonly [Certificate, ...Certificate[]] {
  const read = readCertificates(readFileSync(new URL(`../../fixtures/pki/${name}.pem`, import.meta.url)))
  if ('code' in read) throw new Error(`${name}: ${read.text}`)
  const [leaf, ...rest] = read
  if (leaf === undefined) throw new Error(`${name}: empty`)
  return [leaf, ...rest]
}

/** All codes that `verifyCertificate` gives, in its order; `[]`: usable. */
export function codes(
  purpose: Purpose,
  to: string,
  [leaf, ...candidates]: readonly [Certificate, ...Certificate[]],
  context: Partial<VerificationContext> = {},
): readonly string[] {
  const verdict = verifyCertificate(purpose, address(to), leaf, {
    candidates,
    anchors: fixture('root-a'),
    at: NOW,
    sha1: false,
    subjectEmail: false,
    ...context,
  })
  return verdict.ok ? [] : verdict.failures.map(({ code }) => code)
}

/** Runs openssl with PEM files in a folder of its own; what it printed, and whether it said yes. */
export function openssl(
  files: Readonly<Record<string, string | Uint8Array>>,
  ...args: string[]
): { ok: boolean; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'direct-openssl-'))
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
    return {
      ok: true,
      output: execFileSync('openssl', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' }),
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      throw new Error('these tests need the openssl program: apt-get install openssl', { cause: error })
    }
    if (error instanceof Error && 'stderr' in error) return { ok: false, output: String(error.stderr) }
    throw error
  } finally {
    rmSync(folder, { recursive: true })
  }
}
