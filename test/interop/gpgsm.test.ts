import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { multipart, opaque } from '../agent/smime/hostile.ts'
import { ENTITY, opens, PEOPLE, type Person, partsOf, type Sealing, SIGNERS, seal } from './correspondents.ts'
import { fingerprint, type Gpgsm, startGpgsm } from './gpgsm.ts'

/**
 * gpgsm 2.2, of Debian 12. It transports keys by PKCS#1 v1.5 alone, has neither AuthEnvelopedData nor key agreement, and
 * cannot verify on P-521, where it signs.
 */
let gpgsm: Gpgsm
const at = (name: string) => join(gpgsm.folder, name)

beforeAll(async () => {
  const { alice, bob, drLee, p256, p384, p521, intermediate, root } = PEOPLE
  gpgsm = await startGpgsm([alice, bob, drLee, p256, p384, p521], [intermediate], root)
  writeFileSync(at('entity'), ENTITY)
})

afterAll(() => gpgsm?.[Symbol.dispose]())

describe('gpgsm reads what we seal', () => {
  test.each<Sealing>([
    { content: 'aes-256-cbc', digest: 'sha-256' },
    { content: 'aes-192-cbc', digest: 'sha-384' },
    { content: 'aes-128-cbc', digest: 'sha-512' },
    { signature: 'rsa-pss' },
    { signature: 'rsa-pss', digest: 'sha-512' },
    { from: 'p256' },
    { from: 'p384', digest: 'sha-384' },
    { to: ['p256', 'drLee', 'bob'] },
  ])('%o', async (how) => {
    const { cms, signed } = await seal({ keyTransport: 'rsa-pkcs1', ...how })
    writeFileSync(at('sealed'), cms)
    expect(gpgsm.run('-d', 'sealed').out).toEqual(signed)
    const { content, signature } = partsOf(signed)
    writeFileSync(at('content'), content)
    writeFileSync(at('signature'), signature)
    expect(gpgsm.run('--verify', 'signature', 'content').said).toMatch(/Good signature from/)
  })
})

describe('we read what gpgsm makes', () => {
  const sign = (by: Person, ...how: string[]) => {
    gpgsm.run('--yes', '-o', 'signature', ...how, '-u', fingerprint(PEOPLE[by]), '-s', 'entity')
    return readFileSync(at('signature'))
  }
  const sealed = (entity: string, ...how: string[]) => {
    writeFileSync(at('signed'), entity)
    const to = (['alice', 'bob'] as const).flatMap((name) => ['-r', fingerprint(PEOPLE[name])])
    gpgsm.run('--yes', '-o', 'sealed', ...how, ...to, '-e', 'signed')
    return readFileSync(at('sealed'))
  }

  test.each(SIGNERS)('signed by %s with %s: detached and opaque', async (by, hash, signature, digest) => {
    const how = ['--digest-algo', hash]
    for (const entity of [opaque(sign(by, ...how)), multipart(ENTITY, sign(by, ...how, '-b'))]) {
      const { signers } = await opens(sealed(entity))
      expect(signers).toMatchObject([{ signature, digest, weak: false }])
    }
  })

  test.each(['AES', 'AES192', 'AES256'])('%s', async (cipher) => {
    await opens(sealed(opaque(sign('alice')), '--cipher-algo', cipher))
  })

  test('two signers', async () => {
    const entity = opaque(sign('alice', '-u', fingerprint(PEOPLE.p256)))
    const { signers } = await opens(sealed(entity))
    expect(signers.map(({ signature }) => signature).sort()).toEqual(['ecdsa', 'rsa-pkcs1'])
  })
})
