import { createPrivateKey } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openEntity } from '../../agent/mime/entity.ts'
import { decodeTransfer } from '../../agent/mime/transfer.ts'
import { readContentEncryption } from '../../agent/smime/algorithms.ts'
import { TAG } from '../../agent/smime/ber/der.ts'
import { CmsError } from '../../agent/smime/ber/error.ts'
import { cmsKind } from '../../agent/smime/content-info.ts'
import { decrypt } from '../../agent/smime/decrypt.ts'
import { decryptContent, type Outcome } from '../../agent/smime/enveloped/decrypt-content.ts'
import { openEnvelope } from '../../agent/smime/enveloped/open-envelope.ts'
import { match, mentions } from '../../agent/smime/enveloped/recipients.ts'
import { Identity } from '../../agent/smime/identity.ts'
import { OutlineReader } from '../../agent/smime/signed/outline.ts'
import { openSignedFile } from '../../agent/smime/signed-file.ts'
import { readSigned } from '../../agent/smime/signed-mail.ts'
import { type Certificate, parseCertificate, readCertificates } from '../../trust-anchors/index.ts'
import { copied } from '../agent/mime/streams.ts'
import { bytesOf, countingSpool, sourceOf } from '../agent/smime/parties.ts'
import { corpora } from '../corpora.ts'
import { OPENSSL_CMS, RFC4134, RFC9216 } from './smime-divergences.ts'

/** CMS as its authors published it, opened with the keys that they published beside it. */

const { spool } = countingSpool()
const tools = { spool, parseCertificate }
const CONTENT = 'This is some sample content.'

function certificateOf(path: string): Certificate {
  const read = readCertificates(readFileSync(path))
  if ('code' in read || read[0] === undefined) throw new Error(`${path} holds no certificate`)
  return read[0]
}

function identityOf(certificate: string, key: string): Identity {
  const bytes = readFileSync(key)
  const pem = bytes.includes('-----BEGIN')
  return Identity.of(
    certificateOf(certificate),
    [],
    createPrivateKey(pem ? bytes : { key: bytes, format: 'der', type: 'pkcs8' }),
  )
}

/** `signed by RSA-PSS`, `decrypted`, or the code and text of why not. */
async function outcome(
  bytes: Buffer,
  keys: readonly Identity[],
  known: readonly Certificate[],
): Promise<string> {
  if (bytes.includes('Content-Type:')) return outcomeOfMail(bytes, keys)
  const cms = sourceOf(bytes[0] === TAG.SEQUENCE ? bytes : fromPem(bytes), 100)
  if ((await cmsKind(cms)) !== 'signed-data') return decrypted(cms, keys)
  const opened = await openSignedFile(cms, known, tools)
  if ('code' in opened) return `${opened.code}: ${opened.text}`
  expect(Buffer.from(opened.content).toString()).toBe(CONTENT)
  return signedBy(opened.signers)
}

async function outcomeOfMail(mail: Buffer, keys: readonly Identity[]): Promise<string> {
  const read = async function* () {
    const { header, body } = await openEntity(sourceOf(mail).read())
    yield* decodeTransfer(body, header.first('Content-Transfer-Encoding'))
  }
  const kind = await cmsKind({ read })
  if (kind !== null && kind !== 'signed-data') return decrypted({ read }, keys)
  const signed = await readSigned(sourceOf(mail), tools)
  return 'code' in signed ? `${signed.code}: ${signed.text}` : signedBy(signed.signers)
}

/** `decrypt` takes no content that is no MIME (ALG-2); what these hold is none, so it is looked at by hand. */
async function decrypted(cms: Parameters<typeof decrypt>[0], keys: readonly Identity[]): Promise<string> {
  const opened = await decrypt(cms, keys, spool)
  if (!('code' in opened)) throw new Error('an example with MIME in it')
  const content = opened.code === 'UNDECRYPTABLE' ? await byHand(cms, keys) : null
  return content === null ? `${opened.code}: ${opened.text}` : `decrypted: ${content}`
}

async function byHand(cms: Parameters<typeof decrypt>[0], keys: readonly Identity[]): Promise<string | null> {
  await using envelope = await openEnvelope(cms, (info) => keys.some((identity) => mentions(info, identity)))
  if (envelope === null) return null
  const { head } = envelope
  const encryption = readContentEncryption(head.contentEncryption, { authenticated: false, tripleDes: false })
  const candidate = matched(head.recipientInfos, keys).find((one) => 'keyEncryption' in one)
  const key = await candidate?.contentKey()
  if (!key || !candidate || 'code' in encryption) return null
  const outcome: Outcome = { whole: false, attributes: null }
  const plaintext = () => decryptContent(envelope, encryption, key, outcome, new OutlineReader())
  const content = await bytesOf({ read: () => copied(plaintext()) })
  expect({ whole: outcome.whole, content: content.toString() }).toEqual({ whole: true, content: CONTENT })
  return `${candidate.keyEncryption}, ${encryption.cipher}`
}

function matched(...[recipientInfos, keys]: Parameters<typeof match>): ReturnType<typeof match> {
  try {
    return match(recipientInfos, keys)
  } catch (error) {
    if (error instanceof CmsError) return []
    throw error
  }
}

const signedBy = (signers: readonly { signature: string; digest: string; weak: boolean }[]) =>
  `signed: ${signers.map(({ signature, digest, weak }) => `${signature}, ${digest}${weak ? ', weak' : ''}`).join('; ')}`

function fromPem(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replaceAll(/-----.*-----/g, ''), 'base64')
}

interface Corpus {
  readonly name: string
  readonly folder: string | null
  readonly expected: Readonly<Record<string, string>>
  /** Whether a file is one of its examples. */
  readonly examples: (name: string) => boolean
  readonly keys: (at: (name: string) => string) => readonly Identity[]
  readonly known?: (at: (name: string) => string) => readonly Certificate[]
}

const CORPORA: readonly Corpus[] = [
  {
    name: "openssl's own tests",
    folder: corpora('openssl-cms'),
    expected: OPENSSL_CMS,
    examples: (name) => /\.(cms|der|eml)$|^pkcs7.*\.pem$|pkcs7-md4\.pem$/.test(name),
    keys: (at) => [
      identityOf(at('smime-certs/smrsa3-cert.pem'), at('smime-certs/smrsa3-key.pem')),
      identityOf(at('smime-certs/smec3.pem'), at('smime-certs/smec3.pem')),
      identityOf(at('80-test_cms_data/ecdh-cert.pem'), at('80-test_cms_data/ecdh-key.pem')),
    ],
  },
  {
    name: 'RFC 4134',
    folder: corpora('rfc4134'),
    expected: RFC4134,
    examples: (name) => /^[\d.]+\.(bin|eml)$/.test(name),
    keys: (at) => [identityOf(at('BobRSASignByCarl.cer'), at('BobPrivRSAEncrypt.pri'))],
  },
  {
    name: 'RFC 9216',
    folder: corpora('rfc9216-examples-cms'),
    expected: RFC9216,
    examples: (name) => name.endsWith('.p7m'),
    keys: (at) => [
      identityOf(at('certs-and-keys/lamps-bob.encrypt.crt'), at('certs-and-keys/lamps-bob.decrypt.p8.pem')),
      identityOf(at('certs-and-keys/lamps-dana.encrypt.crt'), at('certs-and-keys/lamps-dana.decrypt.p8.pem')),
    ],
    known: (at) => [certificateOf(at('certs-and-keys/lamps-alice.crt'))],
  },
]

describe.each(CORPORA)('$name', ({ folder, expected, examples, keys, known }) => {
  const at = (name: string) => join(folder ?? '', name)

  test.skipIf(folder === null)('every example is expected, and no other', () => {
    const files = readdirSync(at(''), { recursive: true, encoding: 'utf8' })
    expect(files.filter(examples).sort()).toEqual(Object.keys(expected).sort())
  })

  test.skipIf(folder === null).each(Object.entries(expected))('%s: %s', async (file, outcomeExpected) => {
    const found = await outcome(readFileSync(at(file)), keys(at), known?.(at) ?? [])
    expect(found).toContain(outcomeExpected)
  })
})
