import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type KeyName, type Minted, type MintOptions, mint, poolKey } from '../../fixtures/pki.ts'
import { Certificate, readCertificates, validatePath } from '../../trust-anchors/index.ts'
import { NOW, openssl } from './judging.ts'

const CA_KEYS: readonly KeyName[] = ['root-a', 'root-b', 'intermediate']

const dates: readonly MintOptions[] = [{ to: '2026-06-01' }, { from: '2027-01-01' }]
const anyOf = (...options: readonly MintOptions[]) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant<MintOptions>({}) }, fc.constantFrom(...options))
const caOptions = anyOf(
  ...dates,
  { ca: false, extendedKeyUsage: null },
  { keyUsage: ['cRLSign'] },
  { keyUsage: null },
  { pathLength: 0 },
  { pathLength: 1 },
  { digest: 'sha1' },
  { digest: 'sha512' },
  { keyIdentifiers: false },
  { forged: true },
  // The issuer's own name: self-issued, so not counted by pathLen.
  { subject: '(issuer)' },
)
const leafOptions = anyOf(...dates, { forged: true }, { digest: 'sha384' }, { keyIdentifiers: false })
const chains = fc
  .record({
    root: anyOf(...dates, { pathLength: 0 }, { pathLength: 1 }),
    cas: fc.array(caOptions, { maxLength: 3 }),
    leaf: leafOptions,
  })
  // Of two issuers with one name openssl tries only the likelier; without key identifiers it may pick wrongly.
  .filter(({ cas, leaf }) => {
    const all = [...cas, leaf]
    return !(all.some((one) => one.subject) && all.some((one) => one.keyIdentifiers === false))
  })

/** Root first. */
function build({ root, cas, leaf }: { root: MintOptions; cas: readonly MintOptions[]; leaf: MintOptions }) {
  const chain: Minted[] = [mint({ ca: true, subject: 'Root', key: 'root-a', ...root })]
  let subject = 'Root'
  for (const [i, options] of cas.entries()) {
    if (options.subject === undefined) subject = `CA ${i}`
    const key = CA_KEYS[(i + 1) % CA_KEYS.length] as KeyName
    chain.push(mint({ ca: true, issuer: chain.at(-1) as Minted, key, ...options, subject }))
  }
  return [...chain, mint({ issuer: chain.at(-1) as Minted, san: ['d.example'], key: 'clinic-a', ...leaf })]
}

describe('openssl verify and validatePath say the same', () => {
  test('of 80 generated chains with expired, forged, too long and otherwise wrong ones among them', () => {
    let accepted = 0
    const samples = fc.sample(chains, { numRuns: 80, seed: 5280 })
    for (const sample of samples) {
      const [root, ...rest] = build(sample) as [Minted, ...Minted[]]
      const leaf = rest.at(-1) as Minted
      const cas = rest.slice(0, -1)
      const ours = validatePath({
        leaf: leaf.certificate,
        candidates: cas.map(({ certificate }) => certificate),
        anchors: [root.certificate],
        at: NOW,
        settings: { sha1: true },
      })
      const theirs = openssl(
        { 'root.pem': root.pem, 'cas.pem': cas.map(({ pem }) => pem).join(''), 'leaf.pem': leaf.pem },
        'verify',
        // Level 0 takes SHA-1, which `sha1` takes here.
        ...['-auth_level', '0', '-attime', String(NOW.getTime() / 1000), '-CAfile', 'root.pem'],
        ...(cas.length === 0 ? [] : ['-untrusted', 'cas.pem']),
        'leaf.pem',
      )
      expect({ sample, ok: ours.ok }, theirs.output).toEqual({ sample, ok: theirs.ok })
      if (ours.ok) accepted++
    }
    // A sample of one kind only would prove little.
    expect(accepted).toBeGreaterThan(15)
    expect(samples.length - accepted).toBeGreaterThan(15)
  })

  test('of a chain that an EC key signs', () => {
    const root = mint({ ca: true, subject: 'EC Root', key: 'ec-p256' })
    const leaf = mint({ issuer: root, san: ['d.example'] })
    const files = { 'root.pem': root.pem, 'leaf.pem': leaf.pem }
    expect(openssl(files, 'verify', '-CAfile', 'root.pem', 'leaf.pem').output).toContain('OK')
    const request = { candidates: [], anchors: [root.certificate], at: NOW }
    expect(validatePath({ ...request, leaf: leaf.certificate }).ok).toBe(true)
  })
})

test.each([
  ['sha256', 'ok'],
  ['sha1', 'SIGNATURE_WEAK'],
])('an RSA-PSS signature that openssl made with %s: %s', (digest, expected) => {
  const root = mint({ ca: true, subject: 'Root', key: 'root-a' })
  const files = {
    'root.pem': root.pem,
    'root.key': poolKey('root-a').export({ format: 'pem', type: 'pkcs8' }),
    'leaf.key': poolKey('clinic-a').export({ format: 'pem', type: 'pkcs8' }),
  }
  const made = openssl(
    files,
    ...['req', '-x509', '-new', '-key', 'leaf.key', '-subj', '/CN=d.example', '-days', '10', `-${digest}`],
    ...[
      '-CA',
      'root.pem',
      '-CAkey',
      'root.key',
      '-sigopt',
      'rsa_padding_mode:pss',
      '-addext',
      'basicConstraints=critical,CA:FALSE',
    ],
  )
  const read = readCertificates(Buffer.from(made.output))
  const leaf = 'code' in read ? read : read[0]
  if (!(leaf instanceof Certificate)) throw new Error(made.output)
  const result = validatePath({
    leaf,
    candidates: [],
    anchors: [root.certificate],
    at: leaf.notBefore,
    settings: { sha1: false },
  })
  expect(result.ok ? 'ok' : result.failure.code).toBe(expected)
})
