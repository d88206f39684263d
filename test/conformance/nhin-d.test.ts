import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createAgent } from '../../agent/index.ts'
import { corpora } from '../corpora.ts'
import { temporaryFolder } from '../flow/clinics.ts'
import { privateCopy } from '../private-copy.ts'

const dir = corpora('messages')

/** The fixtures of the reference implementations. cs_envelopeSignature needs PKCS#12, which is not built yet. */
describe.skipIf(dir === null)('messages of the reference implementations (ALG-4)', () => {
  const path = (name: string) => join(dir ?? '', 'nhin-d', name)

  const open = async (
    file: string,
    to: string,
    key: { certificate: string; privateKey: string; anchor: string },
    options: { at: string; sha1From?: readonly string[] },
  ) => {
    await using agent = await createAgent(
      {
        dataDir: await temporaryFolder(),
        identities: [
          {
            for: to,
            certificate: path(key.certificate),
            privateKey: await privateCopy(path(key.privateKey)),
          },
        ],
        trust: [{ for: '*', direction: 'both', anchors: [path(key.anchor)] }],
        legacy: { sha1From: options.sha1From ?? [] },
      },
      { at: new Date(options.at), network: false },
    )
    const copy = join(await temporaryFolder(), 'message.eml')
    await copyFile(path(file), copy)
    return agent.open({ path: copy, to: [to] })
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
})
