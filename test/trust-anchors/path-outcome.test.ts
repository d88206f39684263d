import { describe, expect, test } from 'vitest'
import { type Minted, mint } from '../../fixtures/pki.ts'
import { makeCrl } from '../../fixtures/revocation.ts'
import { type Attempt, NO_MATERIAL, parseCrl, type RevocationRequest } from '../../trust-anchors/index.ts'
import { Outcomes } from '../../trust-anchors/path/outcome.ts'
import { ca, judge, leafUnder, root } from './paths.ts'
import { unavailableFor } from './revoking.ts'

const otherRoot = mint({ ca: true, subject: 'Other Root', key: 'root-b' })
const CRL_AT_ROOT = 'http://crl.root.example/root.crl'
const CRL_AT_OTHER = 'http://crl.other.example/other.crl'
const AIA = 'http://aia.example/issuer.cer'

const issuing = { subject: 'Issuing CA', key: 'intermediate' } as const
const underRoot = ca({ ...issuing, crlUrls: [CRL_AT_ROOT] })
const underOther = ca({ ...issuing, issuer: otherRoot, crlUrls: [CRL_AT_OTHER] })

function required(
  crls: readonly { readonly der: Uint8Array }[],
  unavailable: Readonly<Record<string, { readonly refused: boolean; readonly text: string }>> = {},
): RevocationRequest {
  const read = crls.map(({ der }) => {
    const crl = parseCrl(der)
    if ('code' in crl) throw new Error(crl.text)
    return { crl, origin: 'the test' }
  })
  return {
    mode: 'require',
    material: { ...NO_MATERIAL, crls: read, unavailable: unavailableFor(unavailable) },
    graceMs: 0,
    unpointed: 'not-revocable',
  }
}

const away = { refused: false, text: 'no answer in 10 s' }
const refused = { refused: true, text: 'its address is private' }

describe('of several paths that fail', () => {
  const leaf = leafUnder(underRoot)
  const both = { anchors: [root, otherRoot] }
  const revoked = makeCrl({ issuer: root, revoked: [{ certificate: underRoot }] })

  test('one that is revoked, and one whose CRL host does not answer: not known yet, and both are told (CERT-7)', () => {
    const revocation = required([revoked], { [CRL_AT_OTHER]: away })
    const result = judge(leaf, [underRoot, underOther], { ...both, revocation })
    expect(result).toMatchObject({
      failure: {
        code: 'REVOCATION_UNKNOWN',
        temporary: true,
        text: expect.stringMatching(/crl\.other\.example.*another path fails for good: .*revoked/s),
      },
    })
  })

  test('with prefer the same leaf passes by the path that is not known, and that is recorded (CERT-7)', () => {
    const revocation = { ...required([revoked], { [CRL_AT_OTHER]: away }), mode: 'prefer' as const }
    const result = judge(leaf, [underRoot, underOther], { ...both, revocation })
    expect(result).toMatchObject({
      ok: true,
      revocation: [
        { status: 'not-revocable' },
        { status: 'unknown', text: expect.stringContaining(CRL_AT_OTHER) },
      ],
    })
    expect(result.ok && result.certificates.at(-1)).toBe(otherRoot.certificate)
  })

  test('one that is revoked, and one that is good: the good one', () => {
    const revocation = required([revoked, makeCrl({ issuer: otherRoot })])
    const result = judge(leaf, [underRoot, underOther], { ...both, revocation })
    expect(result).toMatchObject({ ok: true, revocation: [{ status: 'not-revocable' }, { status: 'good' }] })
    expect(result.ok && result.certificates.at(-1)).toBe(otherRoot.certificate)
  })

  test('all that are revoked: CERT_REVOKED, final, and nothing is wanted', () => {
    const revocation = required([
      revoked,
      makeCrl({ issuer: otherRoot, revoked: [{ certificate: underOther }] }),
    ])
    const result = judge(leaf, [underRoot, underOther], { ...both, revocation })
    expect(result).toMatchObject({ failure: { code: 'CERT_REVOKED' }, wanted: [] })
    expect(result.ok || result.failure.temporary).toBeUndefined()
  })

  test('one that reached an anchor says more than one that did not', () => {
    const constrained = ca({ ...issuing, nameConstraints: { permitted: [{ dns: 'e.example' }] } })
    const expired = ca({ ...issuing, to: '2026-02-01' })
    const result = judge(leafUnder(constrained), [expired, constrained])
    expect(result).toMatchObject({ failure: { code: 'NAME_CONSTRAINT' } })
  })

  test('a dead end hides nothing', () => {
    const forged = ca({ ...issuing, forged: true })
    const strangers = ca({ ...issuing, issuer: otherRoot })
    expect(judge(leafUnder(forged), [strangers, forged])).toMatchObject({
      failure: { code: 'BAD_SIGNATURE' },
    })
  })
})

test('two CAs of one name, of which one has signed: the other tells of no forgery', () => {
  const stranger = mint({ ca: true, subject: 'Stranger', key: 'root-b' })
  const signer = ca({ issuer: stranger, keyIdentifiers: false })
  const namesake = ca({ issuer: stranger, key: 'dr-lee', keyIdentifiers: false })
  const leaf = leafUnder(signer, { keyIdentifiers: false })
  expect(judge(leaf, [namesake, signer])).toMatchObject({ failure: { code: 'UNKNOWN_ISSUER' } })
  expect(judge(leaf, [namesake])).toMatchObject({ failure: { code: 'BAD_SIGNATURE' } })
})

test('a path that may not be says more than that the name is another: NAME_CONSTRAINT before CERT_NOT_BOUND', () => {
  const name = { kind: 'DNS', value: 'other.example' } as const
  const narrow = ca({ nameConstraints: { permitted: [{ dns: 'hisp.example' }] } })
  const settings = { name }
  expect(judge(leafUnder(narrow), [narrow], { settings })).toMatchObject({
    failure: { code: 'NAME_CONSTRAINT' },
  })
  expect(judge(leafUnder(ca()), [ca()], { settings })).toMatchObject({ failure: { code: 'CERT_NOT_BOUND' } })
})

describe('issuers that are not at hand (CERT-8)', () => {
  const issuer = ca()
  const leaf = leafUnder(issuer, { caIssuersUrls: ['ldap://ldap.example/cn=ca', AIA] })

  test('are wanted from where the certificate says, by http alone', () => {
    const result = judge(leaf)
    expect(result).toMatchObject({
      failure: { code: 'UNKNOWN_ISSUER' },
      wanted: [{ kind: 'issuer', url: AIA, certificate: leaf.certificate }],
    })
    expect(judge(leaf, [issuer]).wanted).toEqual([])
  })

  test('with revocation off too, the furthest from the leaf first, each URL once', () => {
    const upper = ca({ subject: 'Upper', key: 'root-b' })
    const lower = ca({ ...issuing, issuer: upper, caIssuersUrls: ['http://aia.example/upper.cer', AIA] })
    const result = judge(leafUnder(lower, { caIssuersUrls: [AIA] }), [lower])
    expect(result.wanted.map(({ url }) => url)).toEqual(['http://aia.example/upper.cer', AIA])
  })

  test('an issuer at hand that is of no use does not stop the search for a better one', () => {
    const expired = ca({ to: '2026-02-01' })
    expect(judge(leaf, [expired])).toMatchObject({
      failure: { code: 'CERT_EXPIRED' },
      wanted: [{ kind: 'issuer', url: AIA }],
    })
  })

  test('nothing is wanted where a path reached an anchor, or the leaf itself is at fault', () => {
    const constrained = ca({ nameConstraints: { permitted: [{ dns: 'e.example' }] } })
    expect(judge(leaf, [constrained]).wanted).toEqual([])
    const odd = leafUnder(issuer, { caIssuersUrls: [AIA], unknownCritical: true })
    expect(judge(odd).wanted).toEqual([])
    expect(judge(leafUnder(issuer, { caIssuersUrls: [AIA], digest: 'md5' }))).toMatchObject({
      failure: { code: 'SIGNATURE_WEAK' },
      wanted: [],
    })
  })

  test('whose host does not answer: UNKNOWN_ISSUER, which may pass, with the URL', () => {
    const result = judge(leaf, [], { revocation: required([], { [AIA]: away }) })
    expect(result).toMatchObject({
      failure: {
        code: 'UNKNOWN_ISSUER',
        temporary: true,
        text: expect.stringMatching(
          /could not be had from http:\/\/aia\.example\/issuer\.cer: no answer in 10 s$/,
        ),
      },
      wanted: [],
    })
  })

  test.each<[string, Minted, RegExp]>([
    ["another CA's certificate", otherRoot, /gives that of CN=Other Root instead$/],
    ['one of the same name with another key', ca({ key: 'root-b' }), /gives a certificate of that name with/],
    [
      "a person's certificate, which is told without its name",
      leafUnder(root),
      /gives the certificate \w{16}…/,
    ],
  ])('whose URL gave %s: UNKNOWN_ISSUER, with the URL and what came', (_, given, text) => {
    const revocation = required([])
    const material = { ...revocation.material, issuers: new Map([[AIA, [given.certificate]]]) }
    const result = judge(leaf, [given], { revocation: { ...revocation, material } })
    expect(result).toMatchObject({ failure: { code: 'UNKNOWN_ISSUER', text: expect.stringMatching(text) } })
    expect(result.ok || result.failure.text).toContain(`; ${AIA}, where`)
    expect(result.ok || result.failure.temporary).toBeUndefined()
  })

  test('whose URL gave the issuer, of whom nobody at hand leads on: nothing is said of the URL', () => {
    const revocation = required([])
    const stranger = ca({ issuer: otherRoot })
    const material = { ...revocation.material, issuers: new Map([[AIA, [stranger.certificate]]]) }
    const result = judge(leaf, [stranger], { revocation: { ...revocation, material } })
    expect(result.ok || result.failure.text).not.toContain(AIA)
  })

  test('whose URL is refused: URL_REFUSED, final, with the URL (NET)', () => {
    const result = judge(leaf, [], { revocation: required([], { [AIA]: refused }) })
    expect(result).toMatchObject({
      failure: {
        code: 'URL_REFUSED',
        text: expect.stringContaining(`${AIA}, which is refused: its address`),
      },
      wanted: [],
    })
    expect(result.ok || result.failure.temporary).toBeUndefined()
  })

  test('that cannot be fetched now leave hope, whatever those at hand are', () => {
    const revocation = required([], { [AIA]: away })
    const result = judge(leaf, [ca({ to: '2026-02-01' })], { revocation })
    expect(result).toMatchObject({
      failure: {
        code: 'UNKNOWN_ISSUER',
        temporary: true,
        text: expect.stringContaining(
          'another path fails for good: the CA certificate CN=Issuing CA expired on',
        ),
      },
    })
  })
})

describe('what is told first', () => {
  const reasons = (
    ...noted: readonly (readonly [Parameters<Outcomes['note']>[0]['code'], boolean, true?])[]
  ) => {
    const outcomes = new Outcomes()
    for (const [code, reachedAnchor, temporary] of noted)
      outcomes.note({ code, text: code, ...(temporary && { temporary }) }, reachedAnchor)
    return outcomes.failure
  }

  test.each([
    ['CERT_REVOKED', 'WORK_LIMIT'],
    ['WORK_LIMIT', 'CERT_EXPIRED'],
    ['CERT_EXPIRED', 'SIGNATURE_WEAK'],
    ['UNKNOWN_CRITICAL_EXTENSION', 'NAME_CONSTRAINT'],
    ['NAME_CONSTRAINT', 'POLICY'],
    ['POLICY', 'EXT_KEY_USAGE'],
    ['PATH_LENGTH', 'ISSUER_NOT_CA'],
    ['ISSUER_NOT_CA', 'BAD_SIGNATURE'],
    ['BAD_SIGNATURE', 'URL_REFUSED'],
    ['URL_REFUSED', 'UNKNOWN_ISSUER'],
  ] as const)('%s before %s', (first, second) => {
    expect(reasons([second, false], [first, false])?.code).toBe(first)
    expect(reasons([first, false], [second, false])?.code).toBe(first)
  })

  test('what may pass before what is final, which is told with it', () => {
    expect(reasons(['POLICY', true], ['REVOCATION_UNKNOWN', true, true])).toEqual({
      code: 'REVOCATION_UNKNOWN',
      text: 'REVOCATION_UNKNOWN; another path fails for good: POLICY',
      temporary: true,
    })
  })

  test('an issuer that may come leaves no hope where a path to an anchor is refused for good', () => {
    expect(reasons(['UNKNOWN_ISSUER', false, true], ['NAME_CONSTRAINT', true])?.code).toBe('NAME_CONSTRAINT')
  })
})

describe('the attempts of a search', () => {
  test('are told in order, with who was tried and why not', () => {
    const expired = ca({ ...issuing, to: '2026-02-01' })
    const good = ca({ ...issuing })
    const attempts: Attempt[] = []
    judge(leafUnder(good, { keyIdentifiers: false }), [expired, good], {
      trace: (attempt) => void attempts.push(attempt),
    })
    expect(attempts.map(summary)).toEqual([
      [1, 'CN=Issuing CA', false, null],
      [2, 'CN=Root', true, null],
      [3, null, true, null],
    ])
  })

  test('name expired anchors, and certificates of which no issuer is known', () => {
    const ended = mint({ ca: true, subject: 'Root', to: '2026-02-01' })
    const attempts: Attempt[] = []
    const trace = (attempt: Attempt) => void attempts.push(attempt)
    judge(leafUnder(root), [], { anchors: [ended], trace })
    expect(attempts.map(summary)).toEqual([
      [1, 'CN=Root', true, 'CERT_EXPIRED'],
      [1, null, false, 'UNKNOWN_ISSUER'],
    ])
  })

  const summary = ({ path, issuer, isAnchor, failure }: Attempt) => [
    path.length,
    issuer?.subjectText ?? null,
    isAnchor,
    failure?.code ?? null,
  ]
})

test('a CRL issuer of its own is believed only if it leads to the anchor of the path (RFC 5280 6.3.3 f)', () => {
  const leaf = leafUnder(underRoot, { san: ['d.example'] })
  const signer = (issuer: Minted) => ca({ issuer, subject: 'Root', key: 'dr-lee' })
  const revocation = (by: Minted) => required([makeCrl({ issuer: root, signer: by })])
  const [ours, strangers] = [signer(root), signer(otherRoot)]
  expect(judge(leaf, [underRoot, ours], { revocation: revocation(ours) })).toMatchObject({ ok: true })
  expect(judge(leaf, [underRoot, strangers], { revocation: revocation(strangers) })).toMatchObject({
    failure: { code: 'REVOCATION_UNKNOWN' },
  })
})
