import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createAgent } from '../../agent/index.ts'
import { corpora } from '../corpora.ts'
import { temporaryFolder } from '../flow/clinics.ts'
import { privateCopy } from '../private-copy.ts'

const dir = corpora('messages')

type Keys = { readonly anchor: string } & (
  | { readonly certificate: string; readonly privateKey: string }
  | { readonly pkcs12: string; readonly password: string }
)

/** The fixtures of the reference implementations, with the keys that lie beside them. */
describe.skipIf(dir === null)('messages of the reference implementations (ALG-4)', () => {
  const path = (name: string) => join(dir ?? '', 'nhin-d', name)

  const passwordFile = async (password: string) => {
    const file = join(await temporaryFolder(), 'password')
    await writeFile(file, password, { mode: 0o600 })
    return file
  }

  const open = async (
    file: string,
    to: string,
    { anchor, ...key }: Keys,
    { at, ...legacy }: { at: string; sha1From?: readonly string[]; subjectEmail?: boolean },
  ) => {
    const keyFiles =
      'pkcs12' in key
        ? { pkcs12: await privateCopy(path(key.pkcs12)), passwordFile: await passwordFile(key.password) }
        : { certificate: path(key.certificate), privateKey: await privateCopy(path(key.privateKey)) }
    await using agent = await createAgent(
      {
        dataDir: await temporaryFolder(),
        identities: [{ for: to, ...keyFiles }],
        trust: [{ for: '*', direction: 'both', anchors: [path(anchor)] }],
        legacy,
      },
      { at: new Date(at), network: false },
    )
    const copy = join(await temporaryFolder(), 'message.eml')
    await copyFile(path(file), copy)
    return await agent.open({ path: copy, to: [to] })
  }

  const RYAN = {
    certificate: 'keys/ryan.der',
    privateKey: 'keys/ryanKey.der',
    anchor: 'keys/secureHealthEmailCACert.der',
  }
  const USER1 = {
    certificate: 'keys/user1.der',
    privateKey: 'keys/user1key.der',
    anchor: 'keys/user1.der',
  }

  test.each(['agent_EncryptedMessage2.txt', 'agent_EncAttachment.txt'])(
    '%s opens where legacy.sha1From names its domain',
    async (file) => {
      const opened = await open(file, 'ryan@securehealthemail.com', RYAN, {
        at: '2026-11-21T00:00:00Z',
        sha1From: ['securehealthemail.com'],
      })
      expect(opened).toMatchObject({
        verdict: 'accept',
        from: 'gm2552@securehealthemail.com',
        signer: { boundTo: 'address', address: 'gm2552@securehealthemail.com' },
      })
    },
  )

  test.each(['agent_EncryptedMessage2.txt', 'agent_EncAttachment.txt'])(
    '%s is refused where legacy.sha1From does not name its domain',
    async (file) => {
      const opened = await open(file, 'ryan@securehealthemail.com', RYAN, {
        at: '2026-11-21T00:00:00Z',
        sha1From: ['cerner.com'],
      })
      expect(opened.verdict).toBe('reject')
      expect([opened.code, ...opened.why.map(({ code }) => code)]).toContain('SIGNATURE_WEAK')
    },
  )

  test('agent_EncryptedMessage is refused: 3DES', async () => {
    const opened = await open('agent_EncryptedMessage.txt', 'user1@cerner.com', USER1, {
      at: '2010-12-01T00:00:00Z',
      sha1From: ['cerner.com'],
    })
    expect(opened).toMatchObject({ verdict: 'reject', code: 'ALGORITHM_REFUSED' })
  })

  const BIFF = {
    pkcs12: 'keys/nhind_umamalga1_vm1.pfx',
    password: 'passw0rd!',
    anchor: 'keys/secureHealthEmailCACert.der',
  }

  test('cs_envelopeSignature is decrypted with the one of two keys of a PKCS#12 file that is its, and its signer is bound by no subjectAltName (CERT-1)', async () => {
    const opened = await open('cs_envelopeSignature.eml', 'biff@nhind.hsgincubator.com', BIFF, {
      at: '2016-01-01T00:00:00Z',
    })
    expect(opened).toMatchObject({
      verdict: 'reject',
      code: 'SIGNER_NOT_FROM',
      wrapped: true,
      from: 'toby@redmond.hsgincubator.com',
      algorithms: { content: 'aes-128-cbc', keyTransport: 'rsa-oaep-sha1' },
    })
  })

  test('its signature holds where legacy lets the subject bind and SHA-1 sign; no anchor of its issuer is known', async () => {
    const opened = await open('cs_envelopeSignature.eml', 'biff@nhind.hsgincubator.com', BIFF, {
      at: '2016-01-01T00:00:00Z',
      sha1From: ['redmond.hsgincubator.com'],
      subjectEmail: true,
    })
    expect(opened).toMatchObject({ verdict: 'reject', code: 'SIGNER_UNTRUSTED' })
    expect(opened.why.map(({ code }) => code)).toEqual(['SIGNER_UNTRUSTED', 'UNKNOWN_ISSUER'])
  })
})
