import { createPublicKey, privateDecrypt, publicEncrypt } from 'node:crypto'
import { expect, test } from 'vitest'
import { rsaPadding } from '../../../agent/smime/algorithms.ts'
import { type Oaep, oaepBy, oaepTo } from '../../../agent/smime/oaep.ts'
import { poolKey } from '../../../fixtures/pki.ts'

const FORMS: readonly Oaep[] = ['rsa-oaep-sha1', 'rsa-oaep-sha256', 'rsa-oaep-sha384', 'rsa-oaep-sha512']
const privateKey = poolKey('clinic-b')
const secret = Buffer.alloc(32, 7)
const sealed = (how: Oaep) => publicEncrypt({ key: createPublicKey(privateKey), ...rsaPadding(how) }, secret)

test.each(FORMS)('%s gives what was encrypted, however often it is asked', async (how) => {
  const decrypt = oaepBy(privateKey)
  const all = await Promise.all([sealed(how), sealed(how)].map((input) => decrypt(how, input)))
  expect(all).toEqual([new Uint8Array(secret), new Uint8Array(secret)])
})

test.each(FORMS)('%s to a key is what node:crypto decrypts by it, another text each time', async (how) => {
  const publicKey = createPublicKey(privateKey)
  const [one, other] = await Promise.all([oaepTo(publicKey, how, secret), oaepTo(publicKey, how, secret)])
  expect(one).not.toEqual(other)
  for (const sealedText of [one, other])
    expect(privateDecrypt({ key: privateKey, ...rsaPadding(how) }, sealedText)).toEqual(secret)
})

test('what it can make nothing of is null, and no rejection', async () => {
  const decrypt = oaepBy(privateKey)
  const input = sealed('rsa-oaep-sha256')
  expect(await decrypt('rsa-oaep-sha1', input)).toBeNull()
  expect(await decrypt('rsa-oaep-sha256', input.fill(0, 9, 10))).toBeNull()
  for (const bytes of [0, 1, 255, 257])
    expect(await decrypt('rsa-oaep-sha256', Buffer.alloc(bytes, 1))).toBeNull()
  expect(await decrypt('rsa-oaep-sha256', Buffer.alloc(256, 0xff))).toBeNull()
})

test('a key of another algorithm, which a message may name all the same, gives null', async () => {
  expect(await oaepBy(poolKey('ec-p256'))('rsa-oaep-sha256', Buffer.alloc(256, 1))).toBeNull()
})
