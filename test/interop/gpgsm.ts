import { execFileSync, spawnSync } from 'node:child_process'
import { createHash, type KeyObject } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Minted } from '../../fixtures/pki.ts'
import { ensurePackages } from '../services/apt.ts'

export interface Gpgsm extends Disposable {
  readonly folder: string
  /** Its standard output, and what it says on standard error. Throws with the latter where it fails. */
  run(...args: readonly string[]): { readonly out: Buffer; readonly said: string }
}

/** gpgsm with a home and an agent of its own. `people` have keys there; `root` is trusted. */
export async function startGpgsm(
  people: readonly Minted[],
  intermediates: readonly Minted[],
  root: Minted,
): Promise<Gpgsm> {
  await ensurePackages({ gpgsm: 'gpgsm', 'gpg-agent': 'gpg-agent', 'gpg-connect-agent': 'gpgconf' })
  // The agent's socket lies in it, and the path of a socket has at most 108 bytes.
  const folder = mkdtempSync(join(tmpdir(), 'gpgsm-'))
  const env = { ...process.env, GNUPGHOME: folder, LC_ALL: 'C' }
  const run: Gpgsm['run'] = (...args) => {
    const { status, stdout, stderr } = spawnSync('gpgsm', ['--batch', '--no-tty', ...args], {
      cwd: folder,
      env,
    })
    if (status !== 0) throw new Error(`gpgsm ${args.join(' ')}: ${stderr}`)
    return { out: stdout, said: stderr.toString() }
  }
  writeFileSync(join(folder, 'gpgsm.conf'), 'disable-crl-checks\ndisable-dirmngr\n')
  writeFileSync(join(folder, 'trustlist.txt'), `${fingerprint(root)} S relax\n`)
  mkdirSync(join(folder, 'private-keys-v1.d'), { mode: 0o700 })
  for (const minted of [root, ...intermediates, ...people]) {
    writeFileSync(join(folder, 'certificate'), minted.pem)
    run('--import', 'certificate')
  }
  for (const minted of people) {
    const listed = run('--with-keygrip', '--with-colons', '-k', fingerprint(minted)).out.toString()
    const grip = /^grp:+([0-9A-F]{40}):/m.exec(listed)?.[1]
    writeFileSync(join(folder, 'private-keys-v1.d', `${grip}.key`), privateKey(minted.privateKey), {
      mode: 0o600,
    })
  }
  return {
    folder,
    run,
    [Symbol.dispose]() {
      const asked = execFileSync('gpg-connect-agent', ['getinfo pid', '/bye'], { env }).toString()
      // Asked to end, it would remove its sockets while we remove the folder.
      process.kill(Number(/^D (\d+)$/m.exec(asked)?.[1]), 'SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** How gpgsm is told which certificate is meant: SHA-1, in capitals. */
export function fingerprint({ certificate }: Minted): string {
  return createHash('sha1').update(certificate.der).digest('hex').toUpperCase()
}

/**
 * The key as gpg-agent keeps it: an S-expression in its canonical form. Importing PKCS#12 with a key on a curve ends gpgsm
 * 2.2 by a segmentation fault.
 */
function privateKey(key: KeyObject): Buffer {
  const { kty, crv, n, e, d, p, q, qi, x, y } = key.export({ format: 'jwk' })
  const octets = (text = '') => Buffer.from(text, 'base64url')
  const number = (text = '') => Buffer.concat([Buffer.of(0), octets(text)])
  // Its u is the inverse of p modulo q, where JWK has that of q modulo p.
  const fields: Readonly<Record<string, Uint8Array>> =
    kty === 'EC'
      ? {
          curve: Buffer.from(`NIST ${crv}`),
          q: Buffer.concat([Buffer.of(4), octets(x), octets(y)]),
          d: number(d),
        }
      : { n: number(n), e: number(e), d: number(d), p: number(q), q: number(p), u: number(qi) }
  return list('private-key', list(kty === 'EC' ? 'ecc' : 'rsa', ...Object.entries(fields).map(pair)))
}

const pair = ([name, value]: readonly [string, Uint8Array]) => list(name, atom(value))
const atom = (bytes: Uint8Array) => Buffer.concat([Buffer.from(`${bytes.length}:`), bytes])
const list = (name: string, ...rest: readonly Uint8Array[]) =>
  Buffer.concat([Buffer.from('('), atom(Buffer.from(name)), ...rest, Buffer.from(')')])
