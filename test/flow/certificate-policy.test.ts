/** What an administrator asks of certificates beyond the protocol, from the configuration to the answers (DISC-10). */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mint } from '../../fixtures/pki.ts'
import { all, issuer, mintedIdentity, pki, temporaryFolder, twoClinics } from './clinics.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'
const referral = { from: KIM, to: [LEE], subject: 'Referral', text: 'Please see her.' }
const HIGH = '1.3.6.1.4.1.41179.0.1.2'
const ROOT_B = [pki('root-b.pem')]

test('encrypt: an address whose certificate breaks it is not sent to, and the reason names what was asked', async () => {
  const { a, post } = await twoClinics({ a: { certificatePolicy: { encrypt: { minRsaBits: 3072 } } } })
  expect(await a.send(referral)).toMatchObject({
    recipients: [
      {
        route: 'insecure',
        result: 'refused',
        why: [{ code: 'KEY_WEAK', text: expect.stringMatching(/3072/) }],
      },
    ],
  })
  expect(post.handed).toEqual([])
})

test('encrypt: a policy OID that no certificate of the path names is POLICY', async () => {
  const { a } = await twoClinics({ a: { certificatePolicy: { encrypt: { policies: [HIGH] } } } })
  expect(await a.classify([LEE])).toMatchObject([{ route: 'insecure', why: [{ code: 'POLICY' }] }])
})

test('encrypt: issuers are files; one that is no certificate is an error that names it', async () => {
  const missing = join(await temporaryFolder(), 'none.pem')
  const [asking, broken] = [
    await twoClinics({ a: { certificatePolicy: { encrypt: { issuers: ROOT_B } } } }),
    await twoClinics({ a: { certificatePolicy: { encrypt: { issuers: [missing] } } } }),
  ]
  expect(await asking.a.classify([LEE])).toMatchObject([{ route: 'insecure', why: [{ code: 'POLICY' }] }])
  await expect(broken.a.classify([LEE])).rejects.toMatchObject({ code: 'CERT_UNREADABLE' })
})

test('verify: a signer whose certificate breaks it is not trusted, and whom we encrypt to is not asked', async () => {
  const { a, b, post } = await twoClinics({ b: { certificatePolicy: { verify: { issuers: ROOT_B } } } })
  expect(await b.classify([KIM])).toMatchObject([{ route: 'direct' }])
  await a.send(referral)
  expect(await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))).toMatchObject([
    { verdict: 'reject', code: 'SIGNER_UNTRUSTED', why: [{}, { code: 'POLICY' }] },
  ])
  expect(post.handed).toHaveLength(1)
})

test('own: a certificate of ours that breaks it neither signs nor is published; the error tells why, by name', async () => {
  const own = { minRsaBits: 4096 }
  const { a, post } = await twoClinics({ a: { certificatePolicy: { own } } })
  await expect(a.send(referral)).rejects.toMatchObject({
    code: 'IDENTITY_UNUSABLE',
    message: expect.stringMatching(/clinic-a\.pem: .*2048 bits.*4096 \(KEY_WEAK\)/),
  })
  expect(post.handed).toEqual([])
})

test('own: another certificate of ours that keeps it is used instead, and the old one still reads', async () => {
  const policed = await mintedIdentity('clinic-b.example', {
    key: 'dr-lee',
    policies: [HIGH],
    from: '2026-01-02',
  })
  const plain = { for: 'clinic-b.example', certificate: pki('clinic-b.pem'), privateKey: pki('clinic-b.key') }
  const { a, b, post } = await twoClinics({
    b: { identities: [plain, policed], certificatePolicy: { own: { policies: [HIGH] } } },
  })
  await a.send(referral)
  expect(await all(b.receiveOnce({ deliverTo: await temporaryFolder() }))).toMatchObject([
    { verdict: 'accept' },
  ])
  expect(post.handed).toHaveLength(2)
  const [receipt] = await all(a.receiveOnce({ deliverTo: await temporaryFolder() }))
  expect(receipt).toMatchObject({ notification: 'processed', recipients: [{ state: 'processed' }] })
})

test('own: one that does not lead to an issuer that is asked for is not used', async () => {
  const options = { key: 'dr-lee', issuer: issuer('root-b'), from: '2026-01-02' } as const
  const identities = [await mintedIdentity('clinic-a.example', options)]
  const under = (file: string) => ({ identities, certificatePolicy: { own: { issuers: [pki(file)] } } })
  const { a } = await twoClinics({ a: under('root-b.pem') })
  expect(await a.send(referral)).toMatchObject({ recipients: [{ result: 'accepted' }] })
  const { a: strict } = await twoClinics({ a: under('root-a.pem') })
  await expect(strict.send(referral)).rejects.toMatchObject({
    code: 'IDENTITY_UNUSABLE',
    message: expect.stringMatching(/POLICY/),
  })
})

test('a certificate of the wrong usage for what is asked is told apart from the protocol', async () => {
  const { certificate } = mint({
    ...{
      issuer: issuer('root-a'),
      key: 'clinic-b',
      san: ['clinic-b.example'],
      keyUsage: ['keyEncipherment'],
    },
  })
  const { a } = await twoClinics({
    zone: { 'clinic-b.example': [Buffer.from(certificate.der)] },
    a: { certificatePolicy: { encrypt: { keyUsage: ['digitalSignature', 'keyEncipherment'] } } },
  })
  expect(await a.classify([LEE])).toMatchObject([
    { why: [{ code: 'KEY_USAGE', text: expect.stringMatching(/certificate policy of the configuration/) }] },
  ])
})
