import { describe, expect, test } from 'vitest'
import type { TestName } from '../../fixtures/extensions.ts'
import { type Minted, type MintOptions, mint } from '../../fixtures/pki.ts'
import { thicket } from '../../fixtures/thicket.ts'
import {
  type Certificate,
  type Failure,
  type PathRequest,
  parseCertificate,
  validatePath,
} from '../../trust-anchors/index.ts'
import {
  basicConstraints,
  type CertificateFields,
  encodeName,
  issueCertificate,
} from '../../trust-anchors/issue/issue.ts'
import { TAG } from '../../trust-anchors/x509/der.ts'
import { encode, encodeBitString, encodeOid, sequence } from '../../trust-anchors/x509/der-write.ts'
import { NOW } from './judging.ts'

/** Signatures by EC keys: they are quick to make, and these tests make thousands. */
const root = mint({ ca: true, subject: 'Root', key: 'ec-p256' })
const stranger = mint({ ca: true, subject: 'Root', key: 'ec-p384' })

/** What came of it, within the work that one question may cost (CERT-5). */
function verdictOf(
  leaf: Minted,
  candidates: readonly { readonly certificate: Certificate }[],
  settings: PathRequest['settings'] = {},
) {
  const result = validatePath({
    leaf: leaf.certificate,
    candidates: candidates.map(({ certificate }) => certificate),
    anchors: [root.certificate],
    at: NOW,
    settings,
  })
  expect(result.work.signatures).toBeLessThanOrEqual(100)
  expect(result.work.steps).toBeLessThanOrEqual(1_000)
  return result.ok ? `ok, ${result.certificates.length} certificates` : result.failure.code
}

const twelve = (one: MintOptions) => Array.from({ length: 12 }, () => one)

/** What `mint` would not make, or not by the thousand: signed with the root's key, in its name. */
function issued(fields: Partial<CertificateFields>): Certificate | Failure {
  return parseCertificate(
    issueCertificate({
      issuer: root.certificate.subject,
      subject: encodeName([['CN', 'd.example']]),
      notBefore: new Date('2026-01-01'),
      notAfter: new Date('2027-01-01'),
      spki: root.certificate.spki,
      extensions: [],
      signingKey: root.privateKey,
      ...fields,
    }),
  )
}

describe('twelve certificates of one name at each of eight levels', () => {
  test('with one good one at each, in the middle of forged ones: the path is found', () => {
    const { cas, last } = thicket(root, 8, () => [
      ...twelve({ forged: true }).slice(6),
      ...twelve({ forged: true }).slice(7),
      {},
    ])
    const mixed = cas.toSorted((a, b) => (a.certificate.sha256 < b.certificate.sha256 ? -1 : 1))
    expect(verdictOf(mint({ san: ['d.example'], issuer: last }), mixed)).toBe('ok, 10 certificates')
  })

  test('all of them well signed: any of them will do', () => {
    const { cas, last } = thicket(root, 8, () => twelve({}))
    expect(verdictOf(mint({ san: ['d.example'], issuer: last }), cas)).toBe('ok, 10 certificates')
  })

  test.each<[string, MintOptions]>([
    ['all of them well signed, for another root', {}],
    ['all of them forged', { forged: true }],
    ['without key identifiers', { keyIdentifiers: false }],
  ])('%s: the search ends', (_, options) => {
    const { cas, last } = thicket(stranger, 8, () => twelve(options))
    expect(['WORK_LIMIT', 'BAD_SIGNATURE', 'UNKNOWN_ISSUER']).toContain(
      verdictOf(mint({ san: ['d.example'], issuer: last }), cas),
    )
  })

  test('each with name constraints that the leaf breaks: complete paths are counted, too', () => {
    const { cas, last } = thicket(root, 8, () =>
      twelve({ nameConstraints: { permitted: [{ dns: 'other.example' }] } }),
    )
    expect(['WORK_LIMIT', 'NAME_CONSTRAINT']).toContain(
      verdictOf(mint({ san: ['d.example'], issuer: last }), cas),
    )
  })
})

describe('loops end', () => {
  test('two CAs that certify each other', () => {
    const a = mint({ ca: true, subject: 'A', key: 'ec-p256' })
    const b = mint({ ca: true, subject: 'B', key: 'ec-p384', issuer: a })
    const aByB = mint({ ca: true, subject: 'A', key: 'ec-p256', issuer: b })
    expect(verdictOf(mint({ san: ['d.example'], issuer: a }), [b, aByB])).toBe('UNKNOWN_ISSUER')
  })

  test('a CA that certifies its own other keys', () => {
    const keys = ['ec-p256', 'ec-p384', 'root-b', 'intermediate'] as const
    const selves = keys.map((key) => mint({ ca: true, subject: 'A', key }))
    const all = selves.flatMap((issuer) => keys.map((key) => mint({ ca: true, subject: 'A', key, issuer })))
    expect(verdictOf(mint({ san: ['d.example'], issuer: all[5] as Minted }), all)).toBe('WORK_LIMIT')
  })

  test('cross-certificates of one name and key: the one that leads to the anchor is taken', () => {
    const elsewhere = ['X', 'Y', 'Z'].map((subject) => mint({ ca: true, subject, key: 'ec-p384' }))
    const crossed = [...elsewhere, root].map((issuer) =>
      mint({ ca: true, subject: 'A', key: 'intermediate', issuer }),
    )
    const leaf = mint({ san: ['d.example'], issuer: crossed[0] as Minted })
    expect(verdictOf(leaf, [...elsewhere, ...crossed])).toBe('ok, 3 certificates')
  })

  test('an issuer with the name and key of the leaf is not asked again', () => {
    const leaf = mint({ ca: true, subject: 'A', key: 'intermediate', issuer: root })
    const again = mint({ ca: true, subject: 'A', key: 'intermediate', issuer: leaf })
    expect(verdictOf(again, [again])).toBe('UNKNOWN_ISSUER')
  })
})

test('a chain of thirty CAs is not followed to its end', () => {
  const { cas, last } = thicket(root, 30, () => [{}])
  expect(verdictOf(mint({ san: ['d.example'], issuer: last }), cas)).toBe('WORK_LIMIT')
})

test('three thousand candidates of the right name, one of them good', () => {
  const { subject, spki } = mint({ ca: true, subject: 'CA', key: 'ec-p384' }).certificate
  const many = Array.from({ length: 3_000 }, () => {
    const certificate = issued({ subject, spki, extensions: [basicConstraints(true)] })
    if ('code' in certificate) throw new Error(certificate.text)
    return { certificate }
  })
  const good = mint({ ca: true, subject: 'CA', key: 'intermediate', issuer: root })
  const leaf = mint({ san: ['d.example'], issuer: good })
  expect(verdictOf(leaf, [...many, good])).toBe('ok, 3 certificates')
  expect(verdictOf(leaf, many)).toBe('WORK_LIMIT')
})

describe('names', () => {
  test('of 16 KB are compared like others', () => {
    const subject = 'N'.repeat(16_384)
    const intermediate = mint({ ca: true, subject, key: 'intermediate', issuer: root })
    const leaf = mint({ san: ['d.example'], organisation: 'n'.repeat(16_384), issuer: intermediate })
    expect(verdictOf(leaf, [intermediate])).toBe('ok, 3 certificates')
  })

  test('of 16 KB under constraints that begin alike end', () => {
    const base = {
      directory: [
        ['O', 'N'.repeat(15_000)],
        ['CN', 'x'],
      ],
    } satisfies TestName
    const intermediate = mint({
      ca: true,
      key: 'intermediate',
      issuer: root,
      nameConstraints: { excluded: [base, base, base] },
    })
    const leaf = mint({ san: ['d.example'], organisation: 'N'.repeat(15_000), issuer: intermediate })
    expect(verdictOf(leaf, [intermediate])).toBe('ok, 3 certificates')
  })

  test('by the thousand, under constraints by the thousand: WORK_LIMIT', () => {
    const names = (count: number): TestName[] =>
      Array.from({ length: count }, (_, i) => ({ dns: `t${i}.test` }))
    const intermediate = mint({
      ca: true,
      key: 'intermediate',
      issuer: root,
      nameConstraints: { permitted: names(2_000), excluded: [{ dns: 'x.test' }] },
    })
    const few = mint({ altNames: names(100), issuer: intermediate })
    expect(verdictOf(few, [intermediate])).toBe('ok, 3 certificates')
    const many = mint({ altNames: names(2_000), issuer: intermediate })
    expect(verdictOf(many, [intermediate])).toBe('WORK_LIMIT')
  })
})

describe('policies that every CA maps to every other', () => {
  const policies = Array.from({ length: 30 }, (_, i) => `1.2.3.${i}`)
  const policyMappings = policies.flatMap((from) => policies.map((to) => [from, to] as const))
  const { cas, last } = thicket(root, 8, () => [{ policies, policyMappings }])
  const leaf = mint({ san: ['d.example'], policies, issuer: last })

  test.each([
    ['1.2.3.7', 'ok, 10 certificates'],
    ['1.2.4', 'POLICY'],
  ])('asked for %s: %s', (asked, expected) => {
    expect(verdictOf(leaf, cas, { requireExplicitPolicy: true, initialPolicySet: [asked] })).toBe(expected)
  })
})

describe('bytes', () => {
  const rsa = (modulus: number, exponent: number) => {
    const number = (octets: number) =>
      encode(TAG.INTEGER, Uint8Array.of(0), new Uint8Array(octets).fill(0xff))
    const algorithm = sequence(encodeOid('1.2.840.113549.1.1.1'), encode(0x05))
    return sequence(algorithm, encodeBitString(sequence(number(modulus), number(exponent))))
  }

  test.each([
    ['an RSA modulus of 16,384 bits', 2_048, 3],
    ['an RSA modulus of 400,000 bits', 50_000, 3],
    ['an RSA exponent as long as the modulus', 256, 256],
  ])('%s is not a key to check signatures with', (_, modulus, exponent) => {
    expect(issued({ spki: rsa(modulus, exponent) })).toMatchObject({ code: 'CERT_MALFORMED' })
  })

  test('nested five thousand deep end with a verdict', () => {
    let nested: Uint8Array = encode(0x05)
    for (let depth = 0; depth < 5_000; depth++) nested = sequence(nested)
    const certificate = issued({ extensions: [{ oid: '1.2.3.4', critical: true, value: nested }] })
    if ('code' in certificate) return expect(certificate.code).toBe('CERT_MALFORMED')
    const result = validatePath({ leaf: certificate, candidates: [], anchors: [root.certificate], at: NOW })
    expect(result).toMatchObject({ ok: false, failure: { code: 'UNKNOWN_CRITICAL_EXTENSION' } })
  })
})
