import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { OCSP_NO_CHECK, OCSP_SIGNING, unknownCritical } from '../../fixtures/extensions.ts'
import { type MintOptions, mint, poolKey } from '../../fixtures/pki.ts'
import {
  makeCrl,
  makeOcspResponse,
  nonceOf,
  type OcspOptions,
  serialAskedFor,
} from '../../fixtures/revocation.ts'
import { encodeOcspRequest, parseOcspResponse } from '../../trust-anchors/index.ts'
import { encodeInteger } from '../../trust-anchors/x509/der-write.ts'
import { fingerprint, type Scene, verdict, why } from './revoking.ts'

const URL = 'http://ocsp.example/'
const root = mint({ ca: true, subject: 'Root' })
const other = mint({ ca: true, subject: 'Other', key: 'root-b' })
const leaf = mint({ issuer: root, san: ['d.example'], ocspUrls: [URL] })
const delegated = (options: MintOptions = {}) =>
  mint({
    issuer: root,
    subject: 'Responder',
    key: 'dr-lee',
    extendedKeyUsage: [OCSP_SIGNING],
    keyUsage: ['digitalSignature'],
    ...options,
  })
const answer = (options: Partial<OcspOptions> = {}) =>
  makeOcspResponse({ issuer: root, for: leaf, ...options })
const scene = (options: Partial<OcspOptions> = {}, rest: Partial<Scene> = {}): Scene => ({
  root,
  leaf,
  ocsp: [{ der: answer(options), from: URL }],
  ...rest,
})
const nonce = Buffer.alloc(32, 7)

describe('an OCSP response decides (CERT-7, RFC 6960 3.2)', () => {
  test.each<[string, Partial<OcspOptions>]>([
    ['by the issuer, named by its key', { by: 'key' }],
    ['by the issuer, named by its name', { by: 'name' }],
    ['about a certificate told by SHA-256', { hash: 'sha256' }],
    ['by a responder that the issuer has delegated', { responder: delegated() }],
    ['by one with nocheck', { responder: delegated({ extensions: [OCSP_NO_CHECK] }) }],
    [
      'by one with nocheck and a CRL',
      { responder: delegated({ extensions: [OCSP_NO_CHECK], crlUrls: ['http://crl.example/'] }) },
    ],
    ['signed with RSA-PSS', { pss: true }],
    ['of an hour ago without a nextUpdate', { thisUpdate: '2026-11-21T11:00:00Z', nextUpdate: null }],
    ['by a clock two minutes ahead', { thisUpdate: '2026-11-21T12:02:00Z' }],
  ])('good %s', (_, options) => {
    expect(verdict(scene(options))).toBe('good ocsp')
  })

  test('revoked: since when and why', () => {
    const status = { revoked: '2026-03-01', reason: 'cessationOfOperation' as const }
    expect(verdict(scene({ status }))).toBe('CERT_REVOKED')
    expect(why(scene({ status }))).toBe(
      `the certificate ${fingerprint(leaf)}… was revoked on 2026-03-01T00:00:00Z (cessationOfOperation), says its OCSP responder`,
    )
  })

  test('what an ended one revokes stays revoked, but for a hold', () => {
    const ended = { nextUpdate: '2026-11-20' }
    expect(verdict(scene({ ...ended, status: { revoked: '2026-03-01' } }))).toBe('CERT_REVOKED')
    const hold = { revoked: '2026-03-01', reason: 'certificateHold' as const }
    expect(verdict(scene({ ...ended, status: hold }))).toBe('REVOCATION_UNKNOWN temporary')
  })

  test('a responder that does not know the certificate is no good; it may hear of it later', () => {
    expect(verdict(scene({ status: 'unknown' }))).toBe('REVOCATION_UNKNOWN temporary')
    expect(why(scene({ status: 'unknown' }))).toContain('does not know it')
  })
})

describe('a response that is not the CA’s own word says nothing (CERT-7)', () => {
  test.each<[string, Partial<OcspOptions>, RegExp]>([
    ['nobody signed it', { forged: true }, /not signed by the responder/],
    ['another CA signed it', { responder: other }, /another CA has certified/],
    [
      'a stranger signed it who names the issuer',
      { responder: mint({ ca: true, subject: 'Root', key: 'root-b' }), by: 'name' },
      /lacks OCSPSigning/,
    ],
    [
      'a responder that another CA delegated',
      { responder: delegated({ issuer: other }) },
      /another CA has certified/,
    ],
    [
      'one whose certificate that CA never signed',
      { responder: delegated({ forged: true }) },
      /its CA has not certified/,
    ],
    [
      'another certificate of the same CA',
      { responder: mint({ issuer: root, san: ['x.example'], key: 'clinic-b' }) },
      /lacks OCSPSigning/,
    ],
    [
      'a responder that may do anything, which is not OCSPSigning',
      { responder: delegated({ extendedKeyUsage: ['2.5.29.37.0'] }) },
      /lacks OCSPSigning/,
    ],
    [
      'a responder whose key may not sign',
      { responder: delegated({ keyUsage: ['keyEncipherment'] }) },
      /lacks digitalSignature/,
    ],
    [
      'a responder whose certificate has expired',
      { responder: delegated({ to: '2026-11-01' }) },
      /not valid now/,
    ],
    [
      'a responder that says where to ask about itself, and nobody has answered',
      { responder: delegated({ crlUrls: ['http://crl.example/'] }) },
      /may be revoked itself/,
    ],
    [
      'a responder certified with SHA-1',
      { responder: delegated({ digest: 'sha1' }) },
      /signature that is not accepted/,
    ],
    [
      'a responder with a critical extension that is not known',
      { responder: delegated({ unknownCritical: true }) },
      /32473\.1/,
    ],
    [
      'a responder whose certificate does not come with it',
      { responder: delegated(), certificates: [] },
      /without a certificate of its responder/,
    ],
    ['SHA-1', { digest: 'sha1' }, /signed with SHA-1/],
    ['a critical extension that is not known', { extensions: [unknownCritical] }, /32473\.1/],
    ['one in the answer', { singleExtensions: [unknownCritical] }, /32473\.1/],
    ['it is of a time to come', { thisUpdate: '2026-11-21T13:00:00Z' }, /of a time to come/],
    ['it has ended', { nextUpdate: '2026-11-21T11:00:00Z' }, /ended on 2026-11-21T11/],
    [
      'it is two days old and does not say when it ends',
      { thisUpdate: '2026-11-19T12:00:00Z', nextUpdate: null },
      /more than a day old/,
    ],
  ])('%s', (_, options, sentence) => {
    expect(verdict(scene(options))).toMatch(/^REVOCATION_UNKNOWN/)
    expect(why(scene(options))).toMatch(sentence)
    const revoked = { ...options, status: { revoked: '2026-03-01', reason: 'certificateHold' as const } }
    expect(verdict(scene(revoked))).toMatch(/^REVOCATION_UNKNOWN/)
  })

  test('a responder that a CRL at hand revokes is not believed', () => {
    const responder = delegated()
    const crls = [
      makeCrl({
        issuer: root,
        revoked: [{ certificate: responder }],
        issuingDistributionPoint: { onlySomeReasons: [1] },
      }).der,
    ]
    expect(why(scene({ responder }, { crls }))).toContain('responder that is revoked itself')
  })

  test('a response about another certificate, or another CA’s of that number, is not about this one', () => {
    const another = mint({ issuer: root, san: ['e.example'] })
    expect(verdict({ root, leaf, ocsp: [answer({ for: another })] })).toBe('REVOCATION_UNKNOWN temporary')
    const elsewhere = makeOcspResponse({ issuer: other, for: leaf })
    expect(verdict({ root, leaf, ocsp: [elsewhere] })).toBe('REVOCATION_UNKNOWN temporary')
  })
})

describe('nonce (RFC 9654)', () => {
  const withNonce = (sent: Uint8Array | null, echoed?: Uint8Array) => ({
    ...scene(),
    ocsp: [{ der: answer(echoed ? { nonce: echoed } : {}), from: URL, ...(sent && { nonce: sent }) }],
  })

  test('ours comes back: it is the answer to our request', () => {
    expect(verdict(withNonce(nonce, nonce))).toBe('good ocsp')
  })

  test('another one: it is an old answer that is played back', () => {
    const replayed = withNonce(nonce, Buffer.alloc(32, 8))
    expect(verdict(replayed)).toBe('REVOCATION_UNKNOWN temporary')
    expect(why(replayed)).toContain('nonce differs')
  })

  test('none comes back, as from responders that make answers ahead: its dates have to do', () => {
    expect(verdict(withNonce(nonce))).toBe('good ocsp')
  })

  test('one that came with a message was asked by somebody else', () => {
    expect(verdict(withNonce(null, nonce))).toBe('good ocsp')
  })
})

describe('a responder that gives no answer', () => {
  test.each<NonNullable<OcspOptions['responseStatus']>>([
    'tryLater',
    'internalError',
    'unauthorized',
    'malformedRequest',
    'sigRequired',
  ])('%s: not known, and perhaps later', (responseStatus) => {
    expect(verdict(scene({ responseStatus }))).toBe('REVOCATION_UNKNOWN temporary')
    expect(why(scene({ responseStatus }))).toContain(`${URL} gave no answer (${responseStatus})`)
  })
})

describe('requests and responses are bytes', () => {
  test('a request names the certificate and carries the nonce', () => {
    const request = encodeOcspRequest(leaf.certificate, root.certificate, nonce)
    expect(serialAskedFor(request)).toEqual(leaf.certificate.serialNumber)
    expect(Buffer.from(nonceOf(request) ?? [])).toEqual(nonce)
    expect(nonceOf(encodeOcspRequest(leaf.certificate, root.certificate, null))).toBeNull()
  })

  test.each([
    ['nothing', new Uint8Array()],
    ['text', Buffer.from('<html>')],
    ['a status that nobody knows', Uint8Array.of(0x30, 0x03, 0x0a, 0x01, 0x04)],
    ['success without a response', Uint8Array.of(0x30, 0x03, 0x0a, 0x01, 0x00)],
    ['an INTEGER', encodeInteger(1)],
    ['bytes after it', Buffer.concat([answer(), Uint8Array.of(0)])],
    ['more than 64 KiB', new Uint8Array(65_537)],
  ])('%s is no response', (_, bytes) => {
    expect(parseOcspResponse(bytes)).toMatchObject({ code: 'REVOCATION_UNKNOWN' })
  })

  test('no prefix of a response is one', () => {
    const der = answer({ responder: delegated() })
    for (let length = 0; length < der.length; length++)
      expect(parseOcspResponse(der.subarray(0, length))).toHaveProperty('code')
  })
})

describe('openssl as the responder and as the CA', () => {
  const pem = (name: Parameters<typeof poolKey>[0]) => poolKey(name).export({ type: 'pkcs8', format: 'pem' })
  const responder = delegated()
  const serial = leaf.certificate.serialHex.toUpperCase()
  const line = (status: string, revoked = '') =>
    `${status}\t560101000000Z\t${revoked}\t${serial}\tunknown\t/CN=x\n`

  /** Runs openssl's commands in one folder with these PKI files; gives the file that they made. */
  function made(index: string, made: string, ...commands: readonly (readonly string[])[]): Uint8Array {
    const folder = mkdtempSync(join(tmpdir(), 'direct-openssl-'))
    const files = {
      'root.pem': root.pem,
      'root.key': pem('root-a'),
      'responder.pem': responder.pem,
      'responder.key': pem('dr-lee'),
      'leaf.pem': leaf.pem,
      'request.der': encodeOcspRequest(leaf.certificate, root.certificate, nonce),
      'index.txt': index,
      'number.txt': '2A\n',
      'ca.cnf':
        '[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\ncrlnumber=number.txt\ndefault_md=sha256\ncrl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n',
    }
    try {
      for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content)
      for (const command of commands) execFileSync('openssl', command, { cwd: folder, stdio: 'pipe' })
      return readFileSync(join(folder, made))
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  // openssl answers with the time of its own clock.
  const at = new Date().toISOString()
  const respond = (index: string, as: 'root' | 'responder') =>
    made(index, 'response.der', [
      ...[
        'ocsp',
        '-index',
        'index.txt',
        '-CA',
        'root.pem',
        '-reqin',
        'request.der',
        '-respout',
        'response.der',
      ],
      ...['-rsigner', `${as}.pem`, '-rkey', `${as}.key`, '-ndays', '1'],
    ])
  const asked = (der: Uint8Array): Scene => ({ root, leaf, ocsp: [{ der, from: URL, nonce }], at })

  test.each(['root', 'responder'] as const)(
    'it reads our request and answers as %s: good, revoked, unknown',
    (as) => {
      expect(verdict(asked(respond(line('V'), as)))).toBe('good ocsp')
      expect(verdict(asked(respond(line('R', '260301000000Z,keyCompromise'), as)))).toBe('CERT_REVOKED')
      expect(verdict(asked(respond('', as)))).toBe('REVOCATION_UNKNOWN temporary')
    },
  )

  test('its CRLs are read: good and revoked', () => {
    const gencrl = (index: string) =>
      made(index, 'crl.pem', [
        'ca',
        '-gencrl',
        '-config',
        'ca.cnf',
        '-cert',
        'root.pem',
        '-keyfile',
        'root.key',
        '-crldays',
        '1',
        '-out',
        'crl.pem',
      ])
    expect(verdict({ root, leaf, crls: [gencrl(line('V'))], at })).toBe('good crl')
    expect(verdict({ root, leaf, crls: [gencrl(line('R', '260301000000Z,superseded'))], at })).toBe(
      'CERT_REVOKED',
    )
  })
})
