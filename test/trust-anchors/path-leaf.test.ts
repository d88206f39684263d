import { describe, expect, test } from 'vitest'
import type { TestName } from '../../fixtures/extensions.ts'
import type { ExpectedName } from '../../trust-anchors/index.ts'
import { EMAIL_PROTECTION } from '../../trust-anchors/x509/extensions.ts'
import { judge, leafUnder, root, verdict, withSettings } from './paths.ts'

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const ANY = '2.5.29.37.0'

describe('extended key usage of the leaf (RFC 5280 4.2.1.12)', () => {
  test.each<[string, readonly string[] | null, readonly string[] | null, string]>([
    ['absent, it passes', null, [EMAIL_PROTECTION], 'ok'],
    ['anyExtendedKeyUsage passes', [ANY], [EMAIL_PROTECTION], 'ok'],
    [
      'all that is asked for must be there',
      [EMAIL_PROTECTION],
      [EMAIL_PROTECTION, SERVER_AUTH],
      'EXT_KEY_USAGE',
    ],
    ['another purpose is refused', [SERVER_AUTH], [EMAIL_PROTECTION], 'EXT_KEY_USAGE'],
    ['it is not looked at where nothing is asked for', [SERVER_AUTH], null, 'ok'],
  ])('%s', (_, has, asked, expected) => {
    const leaf = leafUnder(root, { extendedKeyUsage: has })
    expect(verdict(leaf, [], withSettings({ extendedKeyUsage: asked }))).toBe(expected)
  })

  test('the refusal names both', () => {
    const result = judge(leafUnder(root, { extendedKeyUsage: [SERVER_AUTH] }))
    const text = `the extended key usage of the certificate allows ${SERVER_AUTH}, not ${EMAIL_PROTECTION}`
    expect(result).toMatchObject({ failure: { text } })
  })
})

describe('a name that the leaf must have (chain verify)', () => {
  const altNames: readonly TestName[] = [
    { rfc822: 'Dr.Lee@HISP.example' },
    { dns: 'Clinic.example' },
    { dns: '*.wild.example' },
    { dns: 'under_score.example' },
    { dns: '192.0.2.7' },
    { ip: '192.0.2.1' },
    { ip: '2001:db8::1:0:2' },
  ]
  const leaf = leafUnder(root, {
    san: [],
    altNames,
    subject: 'subject.example',
    subjectEmail: 'subject@d.example',
  })

  test.each<[ExpectedName['kind'], string]>([
    ['RFC822', 'dr.lee@hisp.example'],
    ['DNS', 'clinic.EXAMPLE'],
    ['IP', '192.0.2.1'],
    ['IP', '2001:db8::1:0:2'],
    ['IP', '2001:0DB8:0:0:0:1:0:2'],
    ['IP', '2001:db8::1:0.0.0.2'],
  ])('%s %s is one of its names, whatever the case and the spelling', (kind, value) => {
    expect(verdict(leaf, [], withSettings({ name: { kind, value } }))).toBe('ok')
  })

  test.each<[ExpectedName['kind'], string, string]>([
    ['RFC822', 'lee@hisp.example', 'another address'],
    ['RFC822', 'subject@d.example', 'the subject counts for nothing'],
    ['DNS', 'subject.example', 'the common name counts for nothing'],
    ['DNS', 'www.clinic.example', 'below a name that it has'],
    ['DNS', 'a.wild.example', 'a wildcard is not expanded'],
    ['DNS', 'under_score.example', 'no host name'],
    ['DNS', 'hisp.example', 'only part of an address'],
    ['IP', '192.0.2.2', 'another address'],
    ['IP', '192.0.2.7', 'an address that is written as a domain'],
    ['IP', '::ffff:192.0.2.1', 'the same address as IPv6 is another'],
    ['IP', '2001:db8::1::2', 'no address'],
    ['IP', '2001:db8:0:0:0:0:1:0:2', 'no address'],
    ['IP', '2001:db8::g', 'no address'],
    ['IP', '192.0.2.256', 'no address'],
  ])('%s %s is not: %s', (kind, value) => {
    const result = judge(leaf, [], withSettings({ name: { kind, value } }))
    const text = `the subjectAltName does not have the ${kind} name ${value}`
    expect(result).toMatchObject({ failure: { code: 'CERT_NOT_BOUND', text } })
  })
})

describe('extensions of the leaf that contradict the rest', () => {
  test('name constraints in what is no CA (RFC 5280 4.2.1.10)', () => {
    const leaf = leafUnder(root, { nameConstraints: { permitted: [{ dns: 'd.example' }] } })
    expect(judge(leaf)).toMatchObject({
      failure: { code: 'CERT_MALFORMED', text: expect.stringContaining('is no CA') },
    })
  })

  test.each([
    ['subjectKeyIdentifier', '2.5.29.14', Uint8Array.of(4, 1, 1)],
    ['authorityInfoAccess', '1.3.6.1.5.5.7.1.1', Uint8Array.of(0x30, 0)],
  ])('%s as a critical extension, which RFC 5280 4.2 forbids', (name, oid, value) => {
    const leaf = leafUnder(root, { keyIdentifiers: false, extensions: [{ oid, critical: true, value }] })
    expect(judge(leaf)).toMatchObject({
      failure: { code: 'UNKNOWN_CRITICAL_EXTENSION', text: expect.stringContaining(`${name} (${oid})`) },
    })
  })
})
