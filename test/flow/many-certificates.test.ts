/** DISC-10 and NET where a place publishes more certificates than an honest one does. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Minted, type MintOptions, mint, poolKey } from '../../fixtures/pki.ts'
import { makeCrl } from '../../fixtures/revocation.ts'
import { pkiWeb } from '../services/pki-web.ts'
import { issuer, temporaryFolder } from './clinics.ts'
import { classified, openedFrom } from './trusting.ts'

const root = issuer('root-a')
const leaf = (options: MintOptions): Minted => mint({ issuer: root, key: 'dr-lee', ...options })
const day = (n: number) => new Date(Date.UTC(2026, 0, n)).toISOString().slice(0, 10)
const numbers = (n: number) => Array.from({ length: n }, (_, i) => i)

test('a hundred certificates with URLs of their own cause no more than 64 fetches, and what was not asked says so', async () => {
  await using web = await pkiWeb()
  const urls = (i: number) => numbers(4).map((j) => web.url(`/${i}-${j}.crl`))
  const many = numbers(100).map((i) => leaf({ san: ['hisp.example'], crlUrls: urls(i) }))
  const { recipient } = await classified(many)
  expect(web.requests.length).toBeLessThanOrEqual(64)
  const judged = recipient.evidence.flatMap(({ certificates }) => certificates)
  expect(judged).toHaveLength(100)
  expect(judged.filter(({ usable }) => usable)).toEqual([])
  const refused = judged.flatMap(({ why }) => why).filter(({ code }) => code === 'URL_REFUSED')
  expect(refused.length).toBeGreaterThanOrEqual(80)
  expect(refused[0]?.text).toContain('64 other URLs were asked already for certificates beside it')
})

test('address-bound ones go first, the newest of them before the others, wherever they stand in the answer (MSG-9)', async () => {
  await using web = await pkiWeb()
  web.paths.set('/good.crl', makeCrl({ issuer: root }).der)
  const old = numbers(100).map((i) =>
    leaf({
      san: i % 2 === 0 ? ['hisp.example'] : ['dr.lee@hisp.example'],
      from: day(1 + (i % 50)),
      crlUrls: [web.url(`/${i}.crl`)],
    }),
  )
  const newest = leaf({ san: ['dr.lee@hisp.example'], from: day(60), crlUrls: [web.url('/good.crl')] })
  const { recipient, of } = await classified([...old, newest])
  expect(recipient).toMatchObject({ route: 'direct', why: [] })
  expect(of(newest)).toMatchObject({ usable: true, boundTo: 'address' })
  // The eight that were judged beside it; nothing can be gained from the rest.
  expect(web.requests.length).toBeLessThanOrEqual(8)
  const [first] = old as [Minted]
  expect(of(first).why).toMatchObject([
    {
      code: 'REVOCATION_UNKNOWN',
      text: expect.stringContaining('a certificate that goes before it is usable'),
    },
  ])
})

test('of an honest set of certificates that share a CRL each gets its verdict, whichever is chosen (D17)', async () => {
  await using web = await pkiWeb()
  const set = numbers(12).map((i) =>
    leaf({ san: ['hisp.example'], from: day(1 + i), crlUrls: [web.url('/root.crl')] }),
  )
  const [oldest, second] = set as [Minted, Minted]
  web.paths.set('/root.crl', makeCrl({ issuer: root, revoked: [{ certificate: oldest }] }).der)
  const { recipient, of } = await classified(set)
  expect(recipient.route).toBe('direct')
  expect(of(oldest).why).toMatchObject([{ code: 'CERT_REVOKED' }])
  expect(of(second).usable).toBe(true)
  expect(web.requests).toEqual(['GET /root.crl'])
})

test("the signers of one message share one message's URLs", async () => {
  await using web = await pkiWeb()
  const signerOf = (n: number) =>
    leaf({
      san: ['clinic-a.example'],
      from: day(1 + n),
      crlUrls: numbers(8).map((i) => web.url(`/${n}-${i}.crl`)),
      ocspUrls: numbers(8).map((i) => web.url(`/${n}-${i}.ocsp`)),
    })
  const dir = await temporaryFolder()
  const signers = await Promise.all(
    numbers(6).map(async (n) => {
      const [certificate, privateKey] = [join(dir, `${n}.pem`), join(dir, `${n}.key`)]
      await writeFile(certificate, signerOf(n).pem)
      await writeFile(privateKey, poolKey('dr-lee').export({ format: 'pem', type: 'pkcs8' }))
      return { certificate, privateKey }
    }),
  )
  const opened = await openedFrom({ signer: signerOf(0), key: 'dr-lee', mail: { signers } })
  expect(opened.verdict).not.toBe('accept')
  expect(web.requests).toHaveLength(64)
})
