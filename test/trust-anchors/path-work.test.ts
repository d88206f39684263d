import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Minted, type MintOptions, mint } from '../../fixtures/pki.ts'
import { Certificate } from '../../trust-anchors/index.ts'
import { ca, judge, leafUnder, root, verdict } from './paths.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

describe('hostile chains end with a verdict (CERT-5)', () => {
  /** 12 CAs of the same name and key on each of 8 levels: 12^8 paths, none of which reaches an anchor. */
  function thicket(keyOf: (i: number) => MintOptions['key']): {
    leaf: Minted
    candidates: readonly Minted[]
  } {
    const candidates: Minted[] = []
    let below: Minted | undefined
    for (let level = 8; level >= 1; level--) {
      const above = mint({ ca: true, subject: `Level ${level - 1}`, key: 'intermediate' })
      const same = Array.from({ length: 12 }, (_, i) =>
        mint({ ca: true, issuer: above, subject: `Level ${level}`, key: keyOf(i) ?? 'intermediate' }),
      )
      candidates.push(...same)
      below ??= same[0] as Minted
    }
    return { leaf: leafUnder(below as Minted, { keyIdentifiers: false }), candidates }
  }

  test.each([
    ['all with the same key', () => 'intermediate' as const],
    ['with different keys', (i: number) => (['intermediate', 'root-b', 'dr-lee'] as const)[i % 3]],
  ])('12 CAs of one name on each of 8 levels, %s: WORK_LIMIT within 100 signature checks', (_, keyOf) => {
    const { leaf, candidates } = thicket(keyOf)
    const checks = vi.spyOn(Certificate.prototype, 'isSignedBy')
    expect(verdict(leaf, candidates)).toBe('WORK_LIMIT')
    expect(checks.mock.calls.length).toBeLessThanOrEqual(100)
  })

  test('CAs that issue each other end', () => {
    const one = ca({ subject: 'One', key: 'root-b' })
    const two = ca({ subject: 'Two', key: 'dr-lee', issuer: one })
    const oneByTwo = ca({ subject: 'One', key: 'root-b', issuer: two })
    const strangers = mint({ ca: true, subject: 'Other Root', key: 'clinic-b' })
    expect(verdict(leafUnder(two), [two, oneByTwo], { anchors: [strangers] })).toBe('UNKNOWN_ISSUER')
  })

  test('10 certificates are followed, 11 are not', () => {
    const line = (length: number) => {
      const cas: Minted[] = []
      for (let i = 0; i < length - 2; i++) cas.push(ca({ subject: `CA ${i}`, issuer: cas.at(-1) ?? root }))
      return verdict(leafUnder(cas.at(-1) as Minted), cas)
    }
    expect(line(10)).toBe('ok')
    expect(line(11)).toBe('WORK_LIMIT')
  })

  test('5,000 candidates of the issuer’s name cost no more than the budget, and do not hide the right one', () => {
    const issuer = ca()
    const leaf = leafUnder(issuer)
    const strangers = Array.from({ length: 5_000 }, (_, i) => strangerOf(issuer, i))
    expect(judge(leaf, [...strangers, issuer])).toMatchObject({ ok: true, work: { signatures: 2, steps: 3 } })
    const { ok, work } = judge(leaf, strangers)
    expect(ok).toBe(false)
    expect(work.signatures).toBeLessThanOrEqual(100)
    expect(work.steps).toBeLessThanOrEqual(1_000)
  })

  test('what a search costs is told: two signatures, two issuers tried, and the policies of the path', () => {
    const issuer = ca()
    expect(judge(leafUnder(issuer), [issuer]).work).toEqual({ signatures: 2, steps: 3 })
  })

  test('more constraints times names than can be compared: WORK_LIMIT, before they are compared', () => {
    const permitted = Array.from({ length: 900 }, (_, i) => ({ dns: `p${i}.example` }))
    const many = ca({ nameConstraints: { permitted } })
    const san = Array.from({ length: 300 }, (_, i) => `a.p${i}.example`)
    expect(verdict(leafUnder(many, { san }), [many])).toBe('WORK_LIMIT')
    expect(verdict(leafUnder(many, { san: san.slice(0, 10) }), [many])).toBe('ok')
  })

  test('at most 20 complete paths are judged, as each of them may cost a walk over CRLs', () => {
    const refused = Array.from({ length: 30 }, (_, i) =>
      ca({ nameConstraints: { permitted: [{ dns: `x${i}.example` }] } }),
    )
    const leaf = leafUnder(ca())
    const complete: unknown[] = []
    const result = judge(leaf, refused, {
      trace: ({ isAnchor, issuer }) => isAnchor && issuer === null && complete.push(1),
    })
    expect(complete).toHaveLength(20)
    expect(result).toMatchObject({ failure: { code: 'NAME_CONSTRAINT' } })
  })
})

/** 5,000 signatures would take their time: the issuer's certificate, with other fingerprints and another's key. */
const other = mint({ ca: true, key: 'dr-lee' }).certificate
function strangerOf(issuer: Minted, i: number): Minted {
  const certificate: Certificate = Object.create(issuer.certificate, {
    sha256: { value: i.toString(16).padStart(64, '0') },
    spkiSha256: { value: i.toString(16).padStart(64, 'f') },
    subjectKeyIdentifier: { value: Uint8Array.of(i >> 8, i & 0xff) },
    publicKey: { value: other.publicKey },
  })
  return { ...issuer, certificate }
}
