import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readPkcs12File } from '../../agent/identities/pkcs12-file.ts'
import { type Agent, createAgent } from '../../agent/index.ts'
import type { Certificate } from '../../trust-anchors/index.ts'
import { envelope, keyTrans } from '../agent/smime/hostile.ts'
import { corpora } from '../corpora.ts'
import { THUNDERBIRD } from './smime-divergences.ts'

/** The corpus of Thunderbird and NSS: every certificate of it is valid then. */
const AT = new Date('2026-11-22T00:00:00Z')
const BOB = 'bob@example.com'

const corpus = corpora('thunderbird-smime')
const messages = corpus === null ? [] : readdirSync(corpus).filter((name) => name.endsWith('.eml'))
const mailOf = (name: string) => readFileSync(join(corpus ?? '', name), 'latin1').replaceAll(/\r?\n/g, '\r\n')

/** What a file's name says of it, from the outermost layer inwards. */
function expected(name: string): string {
  if (/\.(bad|mismatch-econtent|future)\./.test(name)) return 'SIGNATURE_INVALID'
  if (name === 'alice.env.eml') return 'NOT_SIGNED'
  // Signed outside, encrypted inside, and no other signature around it: refused as nested (IN-4).
  if (name.startsWith('alice.env.') && !name.includes('.dave.')) return 'MALFORMED'
  return name.includes('SHA1') ? 'ALGORITHM_REFUSED' : 'accept'
}

let folder: string
let agent: Agent
let bob: Certificate

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'direct-thunderbird-'))
  if (corpus === null) return
  const [pkcs12, passwordFile] = [join(folder, 'bob.p12'), join(folder, 'password')]
  writeFileSync(pkcs12, readFileSync(join(corpus, 'Bob.p12')), { mode: 0o600 })
  writeFileSync(passwordFile, 'nss', { mode: 0o600 })
  const file = { for: BOB, certificate: pkcs12, privateKey: pkcs12, password: async () => 'nss' }
  bob = (await readPkcs12File(file)).certificate
  agent = await createAgent(
    {
      dataDir: join(folder, 'data'),
      identities: [{ for: BOB, pkcs12, passwordFile }],
      trust: [{ for: '*', direction: 'both', anchors: [join(corpus, 'TestCA.pem')] }],
      // These certificates have their addresses in the subject.
      legacy: { subjectEmail: true },
    },
    { at: AT, network: false },
  )
})

afterAll(async () => {
  await agent?.[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

async function open(mail: string) {
  const path = join(folder, 'mail.eml')
  writeFileSync(path, mail, 'latin1')
  return agent.open({ path, to: [BOB] })
}

const isEncrypted = (mail: string) =>
  /smime-type=enveloped-data/.test(mail.slice(0, mail.indexOf('\r\n\r\n')))

/** A signed message inside an envelope to Bob, as Direct asks for it. */
function enveloped(mail: string): string {
  const end = mail.indexOf('\r\n\r\n')
  const fields = mail
    .slice(0, end)
    .replaceAll(/\r\n(?=[ \t])/g, '')
    .split('\r\n')
  const [own, mime] = [false, true].map((is) => fields.filter((field) => /^Content-/i.test(field) === is))
  const cms = envelope(Buffer.from(`${mime?.join('\r\n')}${mail.slice(end)}`, 'latin1'), {
    recipientInfos: [keyTrans({ certificate: bob })],
  })
  const type = 'Content-Type: application/pkcs7-mime; smime-type=enveloped-data'
  const encoding = 'Content-Transfer-Encoding: base64'
  return [...(own ?? []), type, encoding, '', cms.toString('base64'), ''].join('\r\n')
}

describe.skipIf(corpus === null)("Thunderbird's messages", () => {
  test('there are 66', () => {
    expect(messages).toHaveLength(66)
    const needless = Object.entries(THUNDERBIRD).filter(([name, { we }]) => we === expected(name))
    expect(needless).toEqual([])
    expect(messages).toEqual(expect.arrayContaining(Object.keys(THUNDERBIRD)))
  })

  test.each(messages)('%s', async (name) => {
    const mail = mailOf(name)
    if (!isEncrypted(mail))
      expect(await open(mail)).toMatchObject({ verdict: 'reject', code: 'NOT_ENCRYPTED', parts: [] })
    const opened = await open(isEncrypted(mail) ? mail : enveloped(mail))
    const pin = THUNDERBIRD[name]
    expect(opened.code ?? opened.verdict, pin?.because ?? JSON.stringify(opened.why)).toBe(
      pin?.we ?? expected(name),
    )
  })
})
