import { expect, test } from 'vitest'
import { mint, poolKey } from '../../fixtures/pki.ts'
import { Certificate, readCertificates, validatePath } from '../../trust-anchors/index.ts'
import { openssl } from './judging.ts'

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
