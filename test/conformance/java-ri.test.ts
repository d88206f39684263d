import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createAgent } from '../../agent/index.ts'
import { corpora } from '../corpora.ts'
import { temporaryFolder } from '../flow/clinics.ts'
import { privateCopy } from '../private-copy.ts'

interface Case {
  readonly id: string
  readonly file: string
  readonly description: string
  readonly from: string
  readonly to: readonly string[]
  readonly recipients: readonly { address: string; cert: readonly string[]; key: readonly string[] }[]
  readonly anchors: readonly string[]
  readonly wrapped: boolean
  readonly expected: { readonly outcome: 'accept' | 'reject' }
  readonly innerSha256: string
}

/** Every certificate of the corpus is valid then. */
const AT = new Date('2026-12-01T00:00:00Z')

/** The manifest says accept or reject; which code says why is ours. */
const REJECTED = {
  'n02-content-tampered': 'SIGNATURE_INVALID',
  'n03-untrusted-ca': 'SIGNER_UNTRUSTED',
  'n05-expired-signer': 'SIGNER_UNTRUSTED',
  'n08-wrong-signer': 'SIGNER_NOT_FROM',
  'n10-unsigned': 'NOT_SIGNED',
  'n13-envelope-from': 'ENVELOPE_MISMATCH',
} as Readonly<Record<string, string>>

const NOTIFICATIONS = ['m01-mdn-processed', 'm02-mdn-dispatched']

const dir = corpora('java-ri')

describe.skipIf(dir === null)('messages of the Direct Java reference implementation', () => {
  const path = (name: string) => join(dir ?? '', name)
  const cases: readonly Case[] =
    dir === null ? [] : JSON.parse(readFileSync(path('manifest.json'), 'utf8')).messages

  test('all 26 are judged here', () => {
    expect(cases).toHaveLength(26)
    const rejected = cases.filter(({ expected }) => expected.outcome === 'reject').map(({ id }) => id)
    expect(rejected).toEqual(Object.keys(REJECTED))
  })

  test.each(cases)('$id: $description', async (message) => {
    await using agent = await createAgent(
      {
        dataDir: await temporaryFolder(),
        identities: await Promise.all(
          message.recipients.flatMap(({ address, cert, key }) =>
            cert.map(async (certificate, index) => ({
              // A tag is no part of what an identity is for (MSG-13).
              for: address.startsWith('nurse') ? 'nurse@addr-d.example' : (address.split('@')[1] ?? ''),
              certificate: path(certificate),
              privateKey: await privateCopy(path(key[index] as string)),
            })),
          ),
        ),
        trust: [{ for: '*', direction: 'both', anchors: message.anchors.map(path) }],
      },
      { at: AT, network: false },
    )
    const { from: mailFrom, to, file } = message
    const opened = await agent.open({ path: path(file), to, mailFrom })
    if (message.expected.outcome === 'reject') {
      expect(opened).toMatchObject({ verdict: 'reject', code: REJECTED[message.id], mdn: 'none', parts: [] })
      return
    }
    expect(opened).toMatchObject({
      verdict: 'accept',
      code: null,
      from: mailFrom,
      wrapped: message.wrapped,
      innerSha256: message.innerSha256,
      mdn: NOTIFICATIONS.includes(message.id) ? 'none' : 'processed',
      recipients: to.map((address) => ({ address, verdict: 'accept', code: null })),
    })
  })

  test('n05 is refused because its certificate has expired, and says so', async () => {
    const message = cases.find(({ id }) => id === 'n05-expired-signer') as Case
    await using agent = await createAgent(
      {
        dataDir: await temporaryFolder(),
        identities: [
          {
            for: 'clinic-b.example',
            certificate: path('pki/org-b.pem'),
            privateKey: await privateCopy(path('pki/org-b.key.pem')),
          },
        ],
        trust: [{ for: '*', direction: 'both', anchors: [path('pki/rootA.pem')] }],
      },
      { at: AT, network: false },
    )
    const { why } = await agent.open({
      path: path(message.file),
      to: message.to,
      mailFrom: message.from,
    })
    expect(why.map(({ code }) => code)).toContain('CERT_EXPIRED')
  })
})
