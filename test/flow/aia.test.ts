/** CERT-8 as an address and a message meet it: intermediates that are at their AIA URL alone. */
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { type Minted, type MintOptions, mint } from '../../fixtures/pki.ts'
import { makeCrl } from '../../fixtures/revocation.ts'
import { pkiWeb } from '../services/pki-web.ts'
import { openssl } from '../trust-anchors/judging.ts'
import { issuer } from './clinics.ts'
import { classified, openedFrom, pemFile } from './trusting.ts'

const root = issuer('root-a')
const HOSTS = { 'aia.ca.example': ['127.0.0.1'] }
const leaf = (options: MintOptions = {}): Minted =>
  mint({ issuer: root, key: 'dr-lee', san: ['hisp.example'], ...options })
/** The same for a message's author. */
const signer = (options: MintOptions = {}): Minted => leaf({ san: ['clinic-a.example'], ...options })

describe('D18: an intermediate that is at its AIA URL alone', () => {
  const regional = mint({ issuer: root, key: 'intermediate', ca: true, subject: 'Test Regional CA' })
  const p7c = () => {
    const made = openssl(
      { 'ca.pem': regional.pem },
      ...['crl2pkcs7', '-nocrl', '-certfile', 'ca.pem', '-outform', 'PEM'],
    )
    return Buffer.from(made.output.replace(/-----[^-]+-----/g, ''), 'base64')
  }

  test.each<[string, () => Uint8Array | string]>([
    ['DER', () => regional.certificate.der],
    ['PEM', () => regional.pem],
    ['p7c', p7c],
  ])('is found as %s, and the path is built, for an address and for a message', async (_, body) => {
    await using web = await pkiWeb({ '/regional': body() })
    const pointed = { issuer: regional, caIssuersUrls: [web.urlAt('aia.ca.example', '/regional')] }
    const { recipient } = await classified([leaf(pointed)], { hosts: HOSTS })
    expect(recipient).toMatchObject({ route: 'direct', why: [] })
    expect(web.count('/regional')).toBe(1)
    expect(await openedFrom({ signer: signer(pointed), key: 'dr-lee' }, { hosts: HOSTS })).toMatchObject({
      verdict: 'accept',
    })
    expect(web.requests).toEqual(['GET /regional', 'GET /regional'])
  })

  test('two of them, one above the other, and the upper one revoked by its CRL: nothing goes', async () => {
    await using web = await pkiWeb()
    const upper = mint({
      ...{ issuer: root, key: 'root-b', ca: true, subject: 'Test National CA' },
      crlUrls: [web.url('/root.crl')],
    })
    const lower = mint({
      ...{ issuer: upper, key: 'intermediate', ca: true, subject: 'Test Regional CA' },
      caIssuersUrls: [web.url('/upper')],
    })
    web.paths.set('/upper', upper.certificate.der)
    web.paths.set('/lower', lower.certificate.der)
    web.paths.set('/root.crl', makeCrl({ issuer: root }).der)
    const one = leaf({ issuer: lower, caIssuersUrls: [web.url('/lower')] })
    expect((await classified([one])).recipient).toMatchObject({ route: 'direct' })
    web.paths.set('/root.crl', makeCrl({ issuer: root, revoked: [{ certificate: upper }] }).der)
    expect((await classified([one])).recipient).toMatchObject({
      route: 'insecure',
      why: [{ code: 'CERT_REVOKED', text: expect.stringContaining('Test National CA') }],
    })
  })

  test("whose URL gives another CA's certificate, or none: who looks after it is told what came from where", async () => {
    const stranger = mint({ key: 'root-b', ca: true, subject: 'Test Stranger CA' })
    await using web = await pkiWeb({ '/regional': stranger.certificate.der })
    const url = web.urlAt('aia.ca.example', '/regional')
    const one = leaf({ issuer: regional, caIssuersUrls: [url] })
    const why = async () => (await classified([one], { hosts: HOSTS })).recipient
    expect(await why()).toMatchObject({
      route: 'insecure',
      why: [
        {
          code: 'UNKNOWN_ISSUER',
          text: expect.stringMatching(/Regional CA.*regional,.*CN=Test Stranger CA/),
        },
      ],
    })
    web.paths.set('/regional', '<html>sorry</html>')
    expect(await why()).toMatchObject({
      route: 'undetermined',
      why: [
        { code: 'UNKNOWN_ISSUER', text: expect.stringContaining(`could not be had from ${url}: its host`) },
      ],
    })
  })

  test('where they point at each other in a ring, asking ends and nobody is trusted', async () => {
    await using web = await pkiWeb()
    const [a, b] = ['Ring A', 'Ring B'].map((subject) => ({ subject, ca: true }) as const)
    const ringA = mint({
      ...a,
      key: 'root-b',
      issuer: mint({ ...b, key: 'intermediate' }),
      caIssuersUrls: [web.url('/b')],
    })
    const ringB = mint({ ...b, key: 'intermediate', issuer: ringA, caIssuersUrls: [web.url('/a')] })
    web.paths.set('/a', ringA.certificate.der)
    web.paths.set('/b', ringB.certificate.der)
    const { recipient } = await classified([leaf({ issuer: ringB, caIssuersUrls: [web.url('/b')] })])
    expect(recipient).toMatchObject({ route: 'insecure', why: [{ code: 'UNKNOWN_ISSUER' }] })
    expect(web.requests.length).toBeLessThanOrEqual(5)
  })
})

test('an intermediate in the file of our own certificate completes a partner’s path, as it does for mail from there', async () => {
  const regional = mint({ issuer: root, key: 'intermediate', ca: true, subject: 'Test Regional CA' })
  const own = mint({ issuer: regional, key: 'clinic-a', san: ['clinic-a.example'] })
  const certificate = await pemFile(own, regional)
  const privateKey = fileURLToPath(new URL('../../fixtures/pki/clinic-a.key', import.meta.url))
  const identities = [{ for: 'clinic-a.example', certificate, privateKey }]
  const partner = leaf({ issuer: regional })
  expect((await classified([partner])).recipient).toMatchObject({ why: [{ code: 'UNKNOWN_ISSUER' }] })
  const { recipient } = await classified([partner], { config: { identities } })
  expect(recipient).toMatchObject({ route: 'direct' })
})
