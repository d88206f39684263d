import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { multipart, opaque } from '../agent/smime/hostile.ts'
import { ensurePackages } from '../services/apt.ts'
import {
  ENTITY,
  open,
  opens,
  type Person,
  partsOf,
  type Sealing,
  SIGNERS,
  savePeople,
  seal,
} from './correspondents.ts'

/**
 * NSS 3.87, of Debian 12: what Thunderbird stands on. It transports keys by PKCS#1 v1.5 alone (later ones have OAEP), has
 * no AuthEnvelopedData, and no key agreement that another program reads or writes.
 */
const OURS_TO_NSS = { keyTransport: 'rsa-pkcs1' } as const

let folder: string
const at = (name: string) => join(folder, name)
const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
const cmsutil = (...args: string[]) => run('cmsutil', ...args, '-d', 'sql:db')

beforeAll(async () => {
  await ensurePackages({ cmsutil: 'libnss3-tools', openssl: 'openssl' })
  folder = mkdtempSync(join(tmpdir(), 'direct-nss-'))
  savePeople(folder)
  writeFileSync(at('entity'), ENTITY)
  mkdirSync(at('db'))
  run('certutil', '-N', '-d', 'sql:db', '--empty-password')
  run('certutil', '-A', '-d', 'sql:db', '-n', 'root', '-t', ',C,', '-i', 'root.pem')
  run('certutil', '-A', '-d', 'sql:db', '-n', 'intermediate', '-t', ',,', '-i', 'intermediate.pem')
  for (const name of ['alice', 'bob', 'p256', 'p384', 'p521'] satisfies Person[]) {
    const pair = ['-in', `${name}.pem`, '-inkey', `${name}.key`, '-name', name]
    run('openssl', 'pkcs12', '-export', ...pair, '-passout', 'pass:x', '-out', `${name}.p12`)
    run('pk12util', '-i', `${name}.p12`, '-d', 'sql:db', '-W', 'x', '-K', '')
  }
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('NSS reads what we seal', () => {
  test.each<Sealing>([
    { content: 'aes-256-cbc', digest: 'sha-256' },
    { content: 'aes-192-cbc', digest: 'sha-384' },
    { content: 'aes-128-cbc', digest: 'sha-512' },
    { from: 'p256' },
    { from: 'p384', digest: 'sha-384' },
    { from: 'p521', digest: 'sha-512' },
    { to: ['drLee', 'bob'] },
    { signature: 'rsa-pss' },
  ])('%o', async (how) => {
    const { cms, signed, content } = await seal({ ...OURS_TO_NSS, ...how })
    writeFileSync(at('sealed'), cms)
    expect(cmsutil('-D', '-i', 'sealed')).toEqual(signed)
    const parts = partsOf(signed)
    expect(parts.content).toEqual(content)
    writeFileSync(at('content'), parts.content)
    writeFileSync(at('signature'), parts.signature)
    const found = cmsutil('-D', '-i', 'signature', '-c', 'content', '-n', '-h', '0').toString()
    expect(found).toMatch(/nsigners=1;.*signer0\.status=GoodSignature/s)
  })

  test('and tells a changed message', async () => {
    const { signature, content } = partsOf((await seal(OURS_TO_NSS)).signed)
    writeFileSync(at('signature'), signature)
    writeFileSync(at('content'), content.toString('latin1').replace('Hello', 'hello'), 'latin1')
    expect(() => cmsutil('-D', '-i', 'signature', '-c', 'content', '-n')).toThrow(/digest/i)
  })
})

describe('we read what NSS makes', () => {
  const sign = (by: Person, ...how: string[]) => {
    cmsutil('-S', '-N', by, '-i', 'entity', '-o', 'signature', ...how)
    return readFileSync(at('signature'))
  }
  const sealed = (entity: string) => {
    writeFileSync(at('signed'), entity)
    cmsutil('-E', '-r', 'bob,alice', '-i', 'signed', '-o', 'sealed')
    return readFileSync(at('sealed'))
  }

  test.each(SIGNERS)(
    'signed by %s with %s: detached and opaque, attributes or none',
    async (by, hash, signature, digest) => {
      const attributes = ['-G', '-P', '-Y', by]
      const forms = [
        opaque(sign(by, '-H', hash)),
        opaque(sign(by, '-H', hash, ...attributes)),
        multipart(ENTITY, sign(by, '-H', hash, '-T')),
        multipart(ENTITY, sign(by, '-H', hash, '-T', ...attributes)),
      ]
      for (const [i, form] of forms.entries()) {
        const { signers } = await opens(sealed(form))
        expect(signers).toMatchObject([{ signature, digest, weak: false }])
        expect(signers[0].signingTime !== null).toBe(i % 2 === 1)
      }
    },
  )

  test('SHA-1 verifies and is marked as weak (ALG-4)', async () => {
    const { signers } = await opens(sealed(opaque(sign('alice', '-H', 'SHA1'))))
    expect(signers).toMatchObject([{ digest: 'sha-1', weak: true }])
  })

  test('certificates alone are no signature', async () => {
    const certificates = cmsutil('-O', '-r', 'alice')
    expect(await open(sealed(opaque(certificates)))).toMatchObject({ code: 'NOT_SIGNED' })
  })
})
