import { createHash, createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { MessageCode, Reason } from '../../../agent/errors.ts'
import { openEntity } from '../../../agent/mime/entity.ts'
import { decodeTransfer } from '../../../agent/mime/transfer.ts'
import { decrypt } from '../../../agent/smime/decrypt.ts'
import { Identity } from '../../../agent/smime/identity.ts'
import { unwrap } from '../../../agent/smime/unwrap.ts'
import { type Verified, verify } from '../../../agent/smime/verify.ts'
import { parseCertificate, readCertificates } from '../../../trust-anchors/index.ts'
import { corpora } from '../../corpora.ts'
import { envelope, keyTrans, opaque } from './hostile.ts'
import { bob, bytesOf, countingSpool, identity, sourceOf } from './parties.ts'

const { spool } = countingSpool()
const tools = { spool, parseCertificate }

/** Opens a whole message; what trust and the envelope would say of it is not asked here. */
async function open(
  message: Uint8Array,
  keys: readonly Identity[],
): Promise<{ verified: Verified; inner: string } | Reason<MessageCode>> {
  const read = async function* () {
    const { header, body } = await openEntity(sourceOf(message, 1000).read())
    yield* decodeTransfer(body, header.first('Content-Transfer-Encoding'))
  }
  const decrypted = await decrypt({ read }, keys, spool)
  if ('code' in decrypted) return decrypted
  const verified = await verify(decrypted, tools)
  if ('code' in verified) return verified
  const { inner } = await unwrap(verified.entity, spool)
  return {
    verified,
    inner: createHash('sha256')
      .update(await bytesOf(inner))
      .digest('hex'),
  }
}

function keyPair(certificate: string, key: string): Identity {
  const read = readCertificates(readFileSync(certificate))
  if ('code' in read || read[0] === undefined) throw new Error(`${certificate} holds no certificate`)
  const bytes = readFileSync(key)
  const isPem = bytes.includes('-----BEGIN')
  return Identity.of(
    read[0],
    [],
    createPrivateKey(isPem ? bytes : { key: bytes, format: 'der', type: 'pkcs8' }),
  )
}

interface JavaMessage {
  readonly id: string
  readonly file: string
  readonly innerSha256?: string
  readonly recipients: readonly { readonly cert: readonly string[]; readonly key: readonly string[] }[]
}

const javaRi = corpora('java-ri')
describe.skipIf(javaRi === null)('messages of the Java reference implementation', () => {
  const folder = javaRi ?? ''
  const manifest: { messages: readonly JavaMessage[] } =
    javaRi === null ? { messages: [] } : JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'))
  const refused: Readonly<Record<string, MessageCode>> = {
    'n02-content-tampered': 'SIGNATURE_INVALID',
    'n10-unsigned': 'NOT_SIGNED',
  }
  for (const { id, file, innerSha256, recipients } of manifest.messages) {
    test(`${id}: ${refused[id] ?? 'decrypts and verifies, byte for byte'}`, async () => {
      const keys = recipients.flatMap(({ cert, key }) =>
        cert.map((one, i) => keyPair(join(folder, one), join(folder, key[i] ?? ''))),
      )
      const result = await open(readFileSync(join(folder, file)), keys)
      expect(result).toMatchObject(id in refused ? { code: refused[id] } : { inner: innerSha256 })
    })
  }
})

const nhinD = corpora('messages/nhin-d')
describe.skipIf(nhinD === null)('messages of the first reference implementations', () => {
  const keys = join(nhinD ?? '', 'keys')
  const read = (name: string) => readFileSync(join(nhinD ?? '', `agent_${name}.txt`))

  for (const name of ['EncryptedMessage2', 'EncAttachment']) {
    test(`${name} opens with the key of ryan`, async () => {
      const ryan = keyPair(join(keys, 'ryan.der'), join(keys, 'ryanKey.der'))
      expect(await open(read(name), [ryan])).toMatchObject({
        verified: { signers: [{ digest: 'sha-256', weak: false }] },
      })
    })
  }

  test('EncryptedMessage is refused with the key of user1: 3DES', async () => {
    const user = keyPair(join(keys, 'user1.der'), join(keys, 'user1key.der'))
    expect(await open(read('EncryptedMessage'), [user])).toEqual({
      code: 'ALGORITHM_REFUSED',
      text: expect.stringContaining('3DES'),
    })
  })
})

const opensslCms = corpora('openssl-cms')
describe.skipIf(opensslCms === null)('signatures that openssl keeps as bad examples', () => {
  for (const name of ['no_ct_attr', 'no_md_attr', 'ct_multiple_attr', 'bad_signtime_attr']) {
    test(`${name} is not valid (IN-4)`, async () => {
      const cms = readFileSync(join(opensslCms ?? '', '80-test_cms_data', `${name}.cms`))
      const sealed = envelope(opaque(cms), { recipientInfos: [keyTrans(bob)] })
      const decrypted = await decrypt(sourceOf(sealed), [identity(bob)], spool)
      if ('code' in decrypted) throw new Error(decrypted.text)
      expect(await verify(decrypted, tools)).toMatchObject({ code: 'SIGNATURE_INVALID' })
    })
  }
})
