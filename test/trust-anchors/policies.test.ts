import { describe, expect, test } from 'vitest'
import * as fixture from '../../fixtures/extensions.ts'
import { policyFailure } from '../../trust-anchors/path/policies.ts'
import { encode, encodeInteger, sequence } from '../../trust-anchors/x509/der-write.ts'
import { ANY_POLICY, readPolicyExtensions } from '../../trust-anchors/x509/policies.ts'

const [A, B, C] = ['1.2.3.1', '1.2.3.2', '1.2.3.3'] as const
const ANY = ANY_POLICY

interface Said {
  readonly policies?: readonly string[]
  readonly map?: readonly (readonly [string, string])[]
  readonly constraints?: fixture.PolicyConstraints
  readonly inhibitAny?: number
  readonly selfIssued?: boolean
}

interface Wishes {
  readonly asked?: readonly string[]
  readonly explicit?: boolean
  readonly inhibitMapping?: boolean
  readonly inhibitAny?: boolean
  readonly budget?: number
}

const REQUIRED = { constraints: { requireExplicitPolicy: 0 } }

/** Certificates below the anchor, the leaf last; they are written and read, so that the readers are tested too. */
function failure(certificates: readonly Said[], wishes: Wishes = {}) {
  const spend = budget(wishes.budget)
  return policyFailure(
    certificates.map((said) => ({
      isSelfIssued: said.selfIssued ?? false,
      policyExtensions: extensionsOf(said),
    })),
    {
      initialPolicySet: wishes.asked ?? [ANY],
      requireExplicitPolicy: wishes.explicit ?? false,
      inhibitPolicyMapping: wishes.inhibitMapping ?? false,
      inhibitAnyPolicy: wishes.inhibitAny ?? false,
    },
    spend,
  )
}

function extensionsOf({ policies, map, constraints, inhibitAny }: Said) {
  const extensions = [
    ...(policies ? [fixture.certificatePolicies(policies)] : []),
    ...(map ? [fixture.policyMappings(map)] : []),
    ...(constraints ? [fixture.policyConstraints(constraints)] : []),
    ...(inhibitAny === undefined ? [] : [fixture.inhibitAnyPolicy(inhibitAny)]),
  ]
  return readPolicyExtensions((oid) => extensions.find((one) => one.oid === oid)?.value)
}

const code = (...asked: Parameters<typeof failure>) => failure(...asked)?.code ?? 'ok'

describe('without a requirement policies decide nothing (RFC 5280 6.1.3 f)', () => {
  test.each<[string, readonly Said[], Wishes]>([
    ['no policies at all', [{}, {}], {}],
    ['policies that do not meet', [{ policies: [A] }, { policies: [B] }], {}],
    ['one asked for that is absent', [{ policies: [A] }, { policies: [A] }], { asked: [B] }],
  ])('%s', (_, path, wishes) => expect(code(path, wishes)).toBe('ok'))
})

describe('with a requirement one policy has to hold from the anchor to the leaf', () => {
  test.each<[string, string, readonly Said[], Wishes]>([
    ['the same in all', 'ok', [{ policies: [A, B] }, { policies: [B] }], {}],
    ['none', 'POLICY', [{}, {}], {}],
    ['none in the middle', 'POLICY', [{ policies: [A] }, {}, { policies: [A] }], {}],
    ['policies that do not meet', 'POLICY', [{ policies: [A] }, { policies: [B] }], {}],
    ['anyPolicy above', 'ok', [{ policies: [ANY] }, { policies: [B] }], {}],
    ['anyPolicy below', 'ok', [{ policies: [A] }, { policies: [ANY] }], { asked: [A] }],
    [
      'anyPolicy below, another asked for',
      'POLICY',
      [{ policies: [A] }, { policies: [ANY] }],
      { asked: [B] },
    ],
    ['anyPolicy throughout, one asked for', 'ok', [{ policies: [ANY] }, { policies: [ANY] }], { asked: [B] }],
    ['anyPolicy throughout, nothing asked for', 'POLICY', [{ policies: [ANY] }], { asked: [] }],
    ['the one asked for', 'ok', [{ policies: [A, B] }, { policies: [A, B] }], { asked: [B, C] }],
    ['not the one asked for', 'POLICY', [{ policies: [A] }, { policies: [A, B] }], { asked: [B] }],
    ['the anchor alone', 'ok', [], { asked: [A] }],
  ])('%s: %s', (_, expected, path, wishes) =>
    expect(code(path, { explicit: true, ...wishes })).toBe(expected),
  )
})

describe('a CA may require it (6.1.4 i), from so many certificates on', () => {
  test.each<[string, string, readonly Said[]]>([
    ['at once', 'POLICY', [REQUIRED, {}]],
    ['after one more, which is the leaf', 'POLICY', [{ constraints: { requireExplicitPolicy: 1 } }, {}]],
    ['later than the path is long', 'ok', [{ constraints: { requireExplicitPolicy: 2 } }, {}]],
    [
      'a larger number further down does not loosen it',
      'POLICY',
      [{ constraints: { requireExplicitPolicy: 1 } }, { constraints: { requireExplicitPolicy: 9 } }, {}],
    ],
    ['the leaf itself, with 0 (6.1.5 b)', 'POLICY', [{}, REQUIRED]],
    ['the leaf itself, with 1', 'ok', [{}, { constraints: { requireExplicitPolicy: 1 } }]],
    [
      'self-issued certificates are not counted (6.1.4 h)',
      'ok',
      [{ constraints: { requireExplicitPolicy: 2 } }, { selfIssued: true }, {}],
    ],
  ])('%s: %s', (_, expected, path) => expect(code(path)).toBe(expected))
})

describe('mappings (6.1.4 b)', () => {
  const mapping: readonly Said[] = [{ policies: [A], map: [[A, B]] }, { policies: [B] }]
  test.each<[string, string, readonly Said[], Wishes]>([
    ['give the policy another name below', 'ok', mapping, { asked: [A] }],
    ['do not give the path the name of below', 'POLICY', mapping, { asked: [B] }],
    ['take the old name away', 'POLICY', [{ policies: [A], map: [[A, B]] }, { policies: [A] }], {}],
    ['are not made where they are inhibited', 'POLICY', mapping, { inhibitMapping: true }],
    [
      'nor where a CA above inhibits them',
      'POLICY',
      [{ policies: [A], constraints: { inhibitPolicyMapping: 0 } }, ...mapping],
      {},
    ],
    [
      'but there where it allows one more',
      'ok',
      [{ policies: [A], constraints: { inhibitPolicyMapping: 1 } }, ...mapping],
      {},
    ],
    [
      'apply to what anyPolicy stands for',
      'ok',
      [{ policies: [ANY], map: [[A, B]] }, { policies: [B] }],
      { asked: [A] },
    ],
    ['and to that alone', 'POLICY', [{ policies: [ANY], map: [[A, B]] }, { policies: [B] }], { asked: [C] }],
    [
      'of a policy that the CA does not have say nothing',
      'POLICY',
      [{ policies: [C], map: [[A, B]] }, { policies: [B] }],
      {},
    ],
    [
      'may lead two policies into one',
      'ok',
      [
        {
          policies: [A, C],
          map: [
            [A, B],
            [C, B],
          ],
        },
        { policies: [B] },
      ],
      { asked: [C] },
    ],
    [
      'may lead one policy into two',
      'ok',
      [
        {
          policies: [A],
          map: [
            [A, B],
            [A, C],
          ],
        },
        { policies: [C] },
      ],
      { asked: [A] },
    ],
  ])('%s: %s', (_, expected, path, wishes) =>
    expect(code(path, { explicit: true, ...wishes })).toBe(expected),
  )

  test.each([
    ['to', [[A, ANY]]],
    ['from', [[ANY, A]]],
  ] as const)('%s anyPolicy make the path invalid, required or not (6.1.4 a)', (_, map) => {
    expect(code([{ policies: [A], map }, { policies: [A] }])).toBe('POLICY')
  })
})

describe('anyPolicy may be inhibited (6.1.3 d, 6.1.4 j)', () => {
  test.each<[string, string, readonly Said[], Wishes]>([
    ['from the beginning', 'POLICY', [{ policies: [ANY] }, { policies: [A] }], { inhibitAny: true }],
    ['by a CA, for what is below', 'POLICY', [{ policies: [A], inhibitAny: 0 }, { policies: [ANY] }], {}],
    ['but for one more certificate', 'ok', [{ policies: [A], inhibitAny: 1 }, { policies: [ANY] }], {}],
    [
      'not in a self-issued CA',
      'ok',
      [{ policies: [A], inhibitAny: 0 }, { policies: [ANY], selfIssued: true }, { policies: [A] }],
      {},
    ],
    [
      'in a self-issued leaf',
      'POLICY',
      [
        { policies: [A], inhibitAny: 0 },
        { policies: [ANY], selfIssued: true },
      ],
      {},
    ],
  ])('%s: %s', (_, expected, path, wishes) =>
    expect(code(path, { explicit: true, ...wishes })).toBe(expected),
  )
})

test('a failure says for which policies the path is valid, and which were asked for', () => {
  const text = failure([{ policies: [A, B] }, { policies: [A, B] }], { explicit: true, asked: [C] })?.text
  expect(text).toBe(
    `the path is valid for the certificate policies ${A}, ${B}, yet what is asked for is ${C}`,
  )
  expect(failure([{}], { explicit: true })?.text).toBe(
    'the path is valid for no certificate policy, yet one is required',
  )
})

describe('the work is bounded (CERT-5, RFC 9618)', () => {
  const policies = Array.from({ length: 30 }, (_, i) => `1.2.3.${i}`)
  const all = policies.flatMap((from) => policies.map((to) => [from, to] as const))

  test('mappings of every policy to every policy, eight times over, cost what their certificates name', () => {
    const path = [...Array.from({ length: 8 }, () => ({ policies, map: all })), { policies }]
    const cost = 8 * (1 + 30 + 900) + 31
    expect(code(path, { explicit: true, asked: ['1.2.3.7'], budget: cost })).toBe('ok')
    expect(code(path, { explicit: true, asked: ['1.2.3.7'], budget: cost - 1 })).toBe('WORK_LIMIT')
  })
})

describe('what cannot be read is malformed', () => {
  test.each([
    ['the same policy twice (4.2.1.4)', fixture.certificatePolicies([A, A])],
    ['no policy at all', fixture.certificatePolicies([])],
    ['no mapping at all', fixture.policyMappings([])],
    ['empty policyConstraints (4.2.1.11)', fixture.policyConstraints({})],
    ['a negative number', { oid: '2.5.29.54', value: encodeInteger(0x80) }],
    ['another type', { oid: '2.5.29.36', value: sequence(encode(0x82, Uint8Array.of(1))) }],
  ])('%s', (_, extension) => {
    expect(() =>
      readPolicyExtensions((oid) => (oid === extension.oid ? extension.value : undefined)),
    ).toThrow()
  })
})

function budget(steps = 1_000): (n: number) => boolean {
  let left = steps
  return (n) => {
    left -= n
    return left >= 0
  }
}
