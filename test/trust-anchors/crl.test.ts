import { describe, expect, test } from 'vitest'
import { unknownCritical } from '../../fixtures/extensions.ts'
import { mint } from '../../fixtures/pki.ts'
import { makeCrl, type Revoked } from '../../fixtures/revocation.ts'
import { parseCrl } from '../../trust-anchors/index.ts'
import { findEntry } from '../../trust-anchors/revocation/crl-entries.ts'
import { TAG } from '../../trust-anchors/x509/der.ts'
import { encode, encodeInteger, encodeTime, sequence } from '../../trust-anchors/x509/der-write.ts'
import { readable } from './revoking.ts'

const root = mint({ ca: true, subject: 'Root' })
const leaf = mint({ issuer: root, san: ['d.example'] })
const crlOf = (revoked: readonly Revoked[], options = {}) =>
  readable(parseCrl(makeCrl({ issuer: root, revoked, ...options }).der))
const serialOf = (n: number) => Uint8Array.of(0x01, n >> 16, (n >> 8) & 0xff, n & 0xff)

describe('a CRL is read (RFC 5280 5.1)', () => {
  test('from DER and from PEM, the same bytes once', () => {
    const { der, pem } = makeCrl({ issuer: root, crlNumber: 7 })
    const crl = readable(parseCrl(der))
    expect(crl).toMatchObject({ number: 7n, base: null, scope: null, unknownCritical: null })
    expect(crl.thisUpdate).toEqual(new Date('2026-02-01'))
    expect(parseCrl(Buffer.from(pem))).toBe(crl)
  })

  test('a version 1 CRL has no number, and one without nextUpdate no end', () => {
    const { der } = makeCrl({ issuer: root, version2: false, nextUpdate: null })
    expect(parseCrl(der)).toMatchObject({ number: null, nextUpdate: null })
  })

  test.each([
    ['nothing', new Uint8Array()],
    ['text', Buffer.from('<html>not found</html>')],
    ['a certificate', leaf.certificate.der],
    ['two CRLs in one file', Buffer.from(makeCrl({ issuer: root }).pem.repeat(2))],
    ['a CRL with bytes after it', Buffer.concat([makeCrl({ issuer: root }).der, Uint8Array.of(0)])],
    ['more than 10 MiB (NET)', Buffer.concat([Uint8Array.of(0x30), new Uint8Array(10 * 1024 * 1024)])],
  ])('%s is none, and that is said', (_, bytes) => {
    expect(parseCrl(bytes)).toMatchObject({ code: 'REVOCATION_UNKNOWN', text: expect.stringMatching(/CRL/) })
  })

  test('no prefix of a CRL is one', () => {
    const { der } = makeCrl({ issuer: root, revoked: [{ certificate: leaf }] })
    for (let length = 0; length < der.length; length++)
      expect(parseCrl(der.subarray(0, length))).toHaveProperty('code')
  })

  test('two different signature algorithms in one CRL are refused', () => {
    const { der } = makeCrl({ issuer: root })
    const sha256 = Buffer.from('2a864886f70d01010b', 'hex')
    const changed = Buffer.from(der)
    changed[changed.lastIndexOf(sha256) + sha256.length - 1] = 0x0c
    expect(parseCrl(changed)).toMatchObject({ text: expect.stringContaining('two signature algorithms') })
  })
})

describe('its entries are walked (RFC 5280 5.3)', () => {
  test('the one about a certificate tells date and reason', () => {
    const others = Array.from({ length: 50 }, (_, n) => ({ serial: serialOf(n) }))
    const crl = crlOf([...others, { certificate: leaf, date: '2026-04-01', reason: 'keyCompromise' }])
    expect(findEntry(crl, leaf.certificate)).toEqual({ revokedAt: new Date('2026-04-01'), reason: 1 })
    expect(findEntry(crl, root.certificate)).toBeNull()
  })

  test('a serial number that stands inside another entry revokes nobody', () => {
    const value = encode(TAG.INTEGER, leaf.certificate.serialNumber)
    const extensions = [{ oid: '1.3.6.1.4.1.32473.2', critical: false, value }]
    expect(findEntry(crlOf([{ serial: serialOf(1), extensions }]), leaf.certificate)).toBeNull()
  })

  test('one critical extension that is not known silences all of them', () => {
    const crl = crlOf([{ serial: serialOf(1), extensions: [unknownCritical] }])
    expect(findEntry(crl, leaf.certificate)).toMatch(/1\.3\.6\.1\.4\.1\.32473\.1/)
  })

  test('a certificateIssuer in a CRL that is not indirect silences it', () => {
    const certificateIssuer = [{ directory: [['CN', 'Somebody']] as const }]
    expect(findEntry(crlOf([{ serial: serialOf(1), certificateIssuer }]), leaf.certificate)).toMatch(
      /indirect/,
    )
  })

  test.each([
    [
      'a padded serial number',
      sequence(encode(TAG.INTEGER, Uint8Array.of(0, 1)), encodeTime(new Date('2026-03-01'))),
    ],
    ['an entry without a date', sequence(encodeInteger(1))],
    [
      'an entry with something after its extensions',
      sequence(encodeInteger(1), encodeTime(new Date('2026-03-01')), sequence(), encode(0x05)),
    ],
    ['an entry that is no SEQUENCE', encodeInteger(1)],
  ])('%s silences the CRL', (_, entry) => {
    const crl = { ...crlOf([]), entries: entry }
    expect(findEntry(crl, leaf.certificate)).toMatch(/cannot be read/)
  })

  test('20,000 entries are walked, not built: what stays is the bytes', () => {
    const revoked = Array.from({ length: 20_000 }, (_, n) => ({
      serial: serialOf(n),
      reason: 'superseded' as const,
    }))
    const crl = crlOf([...revoked, { certificate: leaf }])
    expect(findEntry(crl, leaf.certificate)).toMatchObject({ reason: 0 })
    expect(findEntry(crl, root.certificate)).toBeNull()
    // Nothing but views of one buffer hangs on it.
    expect(crl.entries.buffer).toBe(crl.der.buffer)
    expect(crl.entries.length).toBeGreaterThan(500_000)
  })
})
