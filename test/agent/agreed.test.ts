import { describe, expect, test } from 'vitest'
import { agreedAlgorithms } from '../../agent/seal/agreed.ts'
import type { AlgorithmSettings } from '../../agent/settings.ts'
import type { Capabilities, ContentCipher, KeyTransport } from '../../agent/smime/algorithms.ts'
import { mint } from '../../fixtures/pki.ts'
import { bob, drLee, encryptionPath, root } from './smime/parties.ts'

const USUAL: AlgorithmSettings = {
  keyTransport: 'rsa-oaep-sha256',
  content: 'aes-256-cbc',
  digest: 'sha-256',
  signature: 'rsa-pkcs1',
}
const DOMAIN = 'clinic-b.example'
const nurse = encryptionPath(bob, `nurse@${DOMAIN}`)
const lee = encryptionPath(drLee, `dr.lee@${DOMAIN}`)
const onCurve = mint({ issuer: root, san: [DOMAIN], key: 'ec-p256', keyUsage: null })
const curve = encryptionPath(onCurve, `ec@${DOMAIN}`)

const can = (content: readonly ContentCipher[], keyTransport: readonly KeyTransport[] = []) => ({
  content,
  keyTransport,
})

/** What a copy to those two is sealed by. */
async function agreed(
  said: {
    readonly nurse?: Capabilities | null
    readonly lee?: Capabilities | null
    readonly curve?: Capabilities
  },
  configured: Partial<AlgorithmSettings> = {},
  byName: Partial<AlgorithmSettings> = {},
) {
  const paths = { nurse, lee, curve }
  const names = (Object.keys(paths) as (keyof typeof paths)[]).filter((name) => name in said)
  const byDomain = new Map([[DOMAIN, byName]])
  return agreedAlgorithms(
    DOMAIN,
    names.map((name) => paths[name]),
    { ...USUAL, ...configured, byDomain },
    async (path) => said[names.find((name) => paths[name] === path) ?? 'nurse'] ?? null,
  )
}

/** Somebody who never said anything. */
const SILENT = null

describe('content (RFC 8551 2.7.1)', () => {
  test.each<[string, Parameters<typeof agreed>, ContentCipher]>([
    [
      'our best that it has, in whatever order it says so',
      [{ nurse: can(['aes-128-cbc', 'aes-256-gcm']) }],
      'aes-256-gcm',
    ],
    ['CBC of 256 bits before GCM of 128', [{ nurse: can(['aes-128-gcm', 'aes-256-cbc']) }], 'aes-256-cbc'],
    [
      'the best of what both have',
      [{ nurse: can(['aes-256-gcm', 'aes-128-gcm']), lee: can(['aes-128-gcm', 'aes-128-cbc']) }],
      'aes-128-gcm',
    ],
    ['what is configured for who never said', [{ nurse: SILENT }, { content: 'aes-192-cbc' }], 'aes-192-cbc'],
    [
      'what is configured where one of two never said',
      [{ nurse: can(['aes-256-gcm', 'aes-256-cbc']), lee: SILENT }],
      'aes-256-cbc',
    ],
    [
      'AES-128-CBC where they have nothing in common',
      [{ nurse: can(['aes-256-gcm']), lee: SILENT }],
      'aes-128-cbc',
    ],
    [
      'no GCM for who has none, though it is configured',
      [{ nurse: can(['aes-256-cbc']) }, { content: 'aes-256-gcm' }],
      'aes-256-cbc',
    ],
    [
      'what is configured for the domain by name',
      [{ nurse: can(['aes-256-gcm']) }, {}, { content: 'aes-128-cbc' }],
      'aes-128-cbc',
    ],
    [
      'the best, where another key is configured by name',
      [{ nurse: can(['aes-256-gcm']) }, {}, { digest: 'sha-512' }],
      'aes-256-gcm',
    ],
    ['that of who has an EC key, too', [{ curve: can(['aes-256-gcm']) }], 'aes-256-gcm'],
  ])('%s', async (_, question, content) => {
    expect(await agreed(...question)).toMatchObject({ content })
  })
})

describe('key transport is never weaker than configured (ALG)', () => {
  const AES = ['aes-256-cbc'] as const
  test.each<[string, Parameters<typeof agreed>, KeyTransport]>([
    [
      'PKCS#1 v1.5 that somebody says it has is not taken',
      [{ nurse: can(AES, ['rsa-pkcs1']) }],
      'rsa-oaep-sha256',
    ],
    ['nor is OAEP with SHA-1', [{ nurse: can(AES, ['rsa-oaep-sha1']) }], 'rsa-oaep-sha256'],
    ['who says nothing of transport gets what is configured', [{ nurse: can(AES) }], 'rsa-oaep-sha256'],
    [
      'another OAEP where the configured one is not there',
      [{ nurse: can(AES, ['rsa-oaep-sha512']) }],
      'rsa-oaep-sha512',
    ],
    [
      'the configured one among equals',
      [{ nurse: can(AES, ['rsa-oaep-sha256', 'rsa-oaep-sha384']) }, { keyTransport: 'rsa-oaep-sha384' }],
      'rsa-oaep-sha384',
    ],
    [
      'OAEP in place of PKCS#1 v1.5 for who has it',
      [{ nurse: can(AES, ['rsa-oaep-sha256']) }, { keyTransport: 'rsa-pkcs1' }],
      'rsa-oaep-sha256',
    ],
    [
      'PKCS#1 v1.5 as configured where one of two never said',
      [{ nurse: can(AES, ['rsa-oaep-sha256']), lee: SILENT }, { keyTransport: 'rsa-pkcs1' }],
      'rsa-pkcs1',
    ],
    [
      'whoever has an EC key has no say',
      [{ nurse: can(AES, ['rsa-oaep-sha256']), curve: can(AES) }, { keyTransport: 'rsa-pkcs1' }],
      'rsa-oaep-sha256',
    ],
    [
      'PKCS#1 v1.5 that is configured for the domain by name stands',
      [{ nurse: can(AES, ['rsa-oaep-sha256']) }, {}, { keyTransport: 'rsa-pkcs1' }],
      'rsa-pkcs1',
    ],
  ])('%s', async (_, question, keyTransport) => {
    expect(await agreed(...question)).toMatchObject({ keyTransport })
  })
})
