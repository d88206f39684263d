import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Minted } from '../../../fixtures/pki.ts'
import { validatePath } from '../../../trust-anchors/index.ts'
import { EMAIL_PROTECTION } from '../../../trust-anchors/x509/extensions.ts'
import { NOW } from '../judging.ts'
import type { Wishes } from './chains.ts'

export interface Opinion {
  readonly ok: boolean
  /** In its own words, for whoever reads the disagreement. */
  readonly said: string
}

export function ours(chain: readonly [Minted, ...Minted[]], wishes: Wishes): Opinion {
  const [root, ...rest] = chain.map(({ certificate }) => certificate)
  const leaf = rest.pop()
  if (root === undefined || leaf === undefined) throw new Error('a chain has a root and a leaf')
  const settings = { ...wishes, sha1: true, extendedKeyUsage: [EMAIL_PROTECTION] }
  const result = validatePath({ leaf, candidates: rest, anchors: [root], at: NOW, settings })
  return { ok: result.ok, said: result.ok ? 'ok' : `${result.failure.code}: ${result.failure.text}` }
}

/** `openssl verify` of one chain, in files of that number in `folder`. Level 0 takes SHA-1, as `ours` does. */
export async function openssl(
  chain: readonly [Minted, ...Minted[]],
  wishes: Wishes,
  folder: string,
  number: number,
): Promise<Opinion> {
  const file = (name: string, certificates: readonly Minted[]) => {
    const path = join(folder, `${number}-${name}.pem`)
    writeFileSync(path, certificates.map(({ pem }) => pem).join(''))
    return path
  }
  const cas = chain.slice(1, -1)
  const args = [
    ...['verify', '-auth_level', '0', '-attime', String(NOW.getTime() / 1000), '-purpose', 'smimesign'],
    ...['-policy_check', ...wishes.initialPolicySet.flatMap((oid) => ['-policy', oid])],
    ...(wishes.requireExplicitPolicy ? ['-explicit_policy'] : []),
    ...(wishes.inhibitPolicyMapping ? ['-inhibit_map'] : []),
    ...(wishes.inhibitAnyPolicy ? ['-inhibit_any'] : []),
    ...['-no-CApath', '-no-CAstore', '-CAfile', file('root', chain.slice(0, 1))],
    ...(cas.length > 0 ? ['-untrusted', file('cas', cas)] : []),
    file('leaf', chain.slice(-1)),
  ]
  return new Promise((resolve, reject) => {
    execFile('openssl', args, (error, stdout, stderr) => {
      if (error !== null && error.code === 'ENOENT')
        reject(new Error('these tests need the openssl program: apt-get install openssl', { cause: error }))
      else resolve({ ok: error === null, said: `${stdout}${stderr}`.replaceAll(folder, '') })
    })
  })
}
