import { DirectError } from '../../agent/errors.ts'
import type { ExpectedName, PathSettings, RevocationMode } from '../../trust-anchors/index.ts'
import type { Fields } from '../batch.ts'
import { parseTime } from '../time.ts'

/** What `chain verify` is asked, checked for its shape; the certificates are still text. */
export interface ChainRow {
  readonly trusted: readonly string[]
  readonly untrusted: readonly string[]
  readonly leaf: string
  readonly crls: readonly string[]
  readonly ocsp: readonly string[]
  readonly at: Date
  readonly revocation: RevocationMode
  readonly settings: Partial<PathSettings>
}

export const EXAMPLE = '{"id": "1", "leaf": "-----BEGIN CERTIFICATE-----…", "trusted": ["-----BEGIN…"]}'
const HINT = '"direct chain verify --help" lists the fields.'

/** RFC 5280 4.2.1.12 by name; others are given as OIDs. */
const PURPOSES: Readonly<Record<string, string>> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  emailProtection: '1.3.6.1.5.5.7.3.4',
  timeStamping: '1.3.6.1.5.5.7.3.8',
  OCSPSigning: '1.3.6.1.5.5.7.3.9',
}
const OID = /^[0-2](\.\d+)+$/
const ANY_POLICY = '2.5.29.32.0'
const MODES: readonly RevocationMode[] = ['off', 'prefer', 'require']
const KINDS: readonly ExpectedName['kind'][] = ['RFC822', 'DNS', 'IP']

/**
 * Reads a row. What is absent or null asks for nothing: no name, any purpose, any policy, `at` as given. Revocation
 * that a row does not speak of is `require` if it brings CRLs or OCSP responses, else `off`: they are there to be
 * used, and without any there is nothing to judge by. Throws DirectError USAGE.
 */
export function rowOf(fields: Fields, now: Date): ChainRow {
  const crls = texts(fields, 'crls')
  const ocsp = texts(fields, 'ocsp')
  const at = optional(fields, 'at', isText, 'a time')
  return {
    trusted: texts(fields, 'trusted'),
    untrusted: texts(fields, 'untrusted'),
    leaf: needed(optional(fields, 'leaf', isText, 'PEM text'), 'leaf'),
    crls,
    ocsp,
    at: at === undefined ? now : parseTime(at),
    revocation:
      optional(fields, 'revocation', isOneOf(MODES), MODES.join(', ')) ??
      (crls.length + ocsp.length > 0 ? 'require' : 'off'),
    settings: settingsOf(fields),
  }
}

const KEYS = [
  ...['id', 'leaf', 'trusted', 'untrusted', 'crls', 'ocsp', 'revocation', 'at', 'eku', 'name', 'max_depth'],
  ...['initial_policy_set', 'require_explicit_policy', 'inhibit_policy_mapping', 'inhibit_any_policy'],
]
/** How long a key of ours may be. */
const MAX_KEY = 40

/** About keys that are not read, and nearly are one that is read and is not there: `crl`, `trust`. */
export function misspelt(fields: Fields): readonly string[] {
  const absent = KEYS.filter((known) => !(known in fields))
  const unread = Object.keys(fields).filter((key) => !KEYS.includes(key) && key.length <= MAX_KEY)
  return unread.flatMap((key) => {
    const near = (wrong: number) =>
      absent.find((known) => 2 * wrong < key.length && isNear(key, known, wrong))
    const meant = near(1) ?? near(2)
    return meant === undefined ? [] : [`${JSON.stringify(key)} is not read; ${meant} is`]
  })
}

/** Whether so many letters that are wrong, missing or too many make one word of the other. */
function isNear(a: string, b: string, wrong: number): boolean {
  if (wrong < 0) return false
  if (a === '' || b === '') return a.length + b.length <= wrong
  const [afterA, afterB] = [a.slice(1), b.slice(1)]
  if (a[0] === b[0]) return isNear(afterA, afterB, wrong)
  return [
    [afterA, afterB],
    [afterA, b],
    [a, afterB],
  ].some(([x = '', y = '']) => isNear(x, y, wrong - 1))
}

function settingsOf(fields: Fields): Partial<PathSettings> {
  const policies = texts(fields, 'initial_policy_set')
  if (!policies.every((oid) => OID.test(oid))) throw wrong('initial_policy_set', 'a list of OIDs')
  return {
    // ALG and CERT-1 to CERT-4 are about Direct, and do not apply here.
    sha1: true,
    initialPolicySet: policies.length === 0 ? [ANY_POLICY] : policies,
    requireExplicitPolicy: optional(fields, 'require_explicit_policy', isFlag, 'true or false') ?? false,
    inhibitPolicyMapping: optional(fields, 'inhibit_policy_mapping', isFlag, 'true or false') ?? false,
    inhibitAnyPolicy: optional(fields, 'inhibit_any_policy', isFlag, 'true or false') ?? false,
    maxIntermediates: optional(fields, 'max_depth', isCount, 'a whole number, or null') ?? null,
    extendedKeyUsage: purposesOf(fields),
    name: nameOf(fields),
  }
}

function purposesOf(fields: Fields): readonly string[] | null {
  if (fields.eku === 'any') return null
  const names = texts(fields, 'eku')
  if (names.length === 0 || names.includes('any')) return null
  return names.map((name) => {
    const oid = PURPOSES[name] ?? (OID.test(name) ? name : undefined)
    if (oid === undefined)
      throw wrong('eku', `"any", or a list of ${Object.keys(PURPOSES).join(', ')} or OIDs`)
    return oid
  })
}

function nameOf(fields: Fields): ExpectedName | null {
  const name = optional(fields, 'name', isObject, 'an object with kind and value, or null')
  if (name === undefined) return null
  const named = { 'name.kind': name.kind, 'name.value': name.value }
  const kind = needed(optional(named, 'name.kind', isOneOf(KINDS), KINDS.join(', ')), 'name.kind')
  return { kind, value: needed(optional(named, 'name.value', isText, 'text'), 'name.value') }
}

/** Absent is an empty list. */
function texts(fields: Fields, key: string): readonly string[] {
  return optional(fields, key, isTexts, 'a list of texts') ?? []
}

function optional<T>(
  fields: Fields,
  key: string,
  is: (value: unknown) => value is T,
  shape: string,
): T | undefined {
  const value = fields[key] ?? undefined
  if (value === undefined || is(value)) return value
  throw wrong(key, shape)
}

function needed<T>(value: T | undefined, key: string): T {
  if (value !== undefined) return value
  throw new DirectError('USAGE', `${key} is missing`, { hint: HINT })
}

function wrong(key: string, shape: string): DirectError {
  return new DirectError('USAGE', `${key} must be ${shape}`, { hint: HINT })
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean'
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
const isTexts = (value: unknown): value is readonly string[] => Array.isArray(value) && value.every(isText)
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isOneOf =
  <T extends string>(values: readonly T[]) =>
  (value: unknown): value is T =>
    values.some((each) => each === value)
