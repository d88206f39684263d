import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { mint, poolKey } from '../../fixtures/pki.ts'
import { Certificate, readCertificates, validatePath } from '../../trust-anchors/index.ts'
import { openssl } from './judging.ts'

describe('signatures that openssl makes and ALG does not accept', () => {
  test.each([
    ['Ed25519', generateKeyPairSync('ed25519').privateKey, []],
    [
      'ECDSA on another curve',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey,
      ['-sha256'],
    ],
    ['DSA', generateKeyPairSync('dsa', { modulusLength: 1024, divisorLength: 160 }).privateKey, ['-sha256']],
  ])('%s: they hold, but not for Direct', (_, key, digest) => {
    const caKey = key.export({ format: 'pem', type: 'pkcs8' })
    const made = (files: Record<string, string | Buffer>, ...args: string[]) =>
      openssl({ 'ca.key': caKey, ...files }, 'req', '-x509', '-new', '-days', '10', ...digest, ...args).output
    const root = made({}, '-key', 'ca.key', '-subj', '/CN=Odd Root')
    const leafKey = poolKey('clinic-a').export({ format: 'pem', type: 'pkcs8' })
    const below = ['-CA', 'root.pem', '-CAkey', 'ca.key', '-addext', 'basicConstraints=critical,CA:FALSE']
    const leaf = made(
      { 'root.pem': root, 'leaf.key': leafKey },
      ...['-key', 'leaf.key', '-subj', '/CN=d.example', ...below],
    )
    const end = certificateOf(leaf)
    // Made last, perhaps in the next second.
    const request = { leaf: end, candidates: [], anchors: [certificateOf(root)], at: end.notBefore }
    expect(validatePath(request).ok).toBe(true)
    expect(validatePath({ ...request, settings: { signatureAlgorithms: 'direct' } })).toMatchObject({
      failure: { code: 'NOT_SUPPORTED', text: expect.stringContaining('that is not accepted') },
    })
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
  const leaf = certificateOf(made.output)
  const result = validatePath({
    leaf,
    candidates: [],
    anchors: [root.certificate],
    at: leaf.notBefore,
    settings: { sha1: false },
  })
  expect(result.ok ? 'ok' : result.failure.code).toBe(expected)
})

function certificateOf(pem: string): Certificate {
  const read = readCertificates(Buffer.from(pem))
  const certificate = 'code' in read ? read : read[0]
  if (!(certificate instanceof Certificate)) throw new Error(pem)
  return certificate
}
