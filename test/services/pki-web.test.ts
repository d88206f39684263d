import { expect, test } from 'vitest'
import { pkiWeb } from './pki-web.ts'

test('the web of a test CA counts, redirects, fails, and comes back at the same port', async () => {
  await using web = await pkiWeb({
    '/ca.crl': Buffer.from('crl'),
    '/elsewhere': { redirect: '/ca.crl' },
    '/broken': { status: 503 },
    '/ocsp': ({ method, body }) => `${method} ${body}`,
  })
  const text = async (path: string, post?: string) => {
    const response = await fetch(web.url(path), post === undefined ? {} : { method: 'POST', body: post })
    return `${response.status} ${await response.text()}`
  }
  expect(await text('/elsewhere')).toBe('200 crl')
  expect(await text('/broken')).toBe('503 ')
  expect(await text('/nowhere')).toBe('404 ')
  expect(await text('/ocsp', 'asked')).toBe('200 POST asked')
  expect(web.requests).toEqual(['GET /elsewhere', 'GET /ca.crl', 'GET /broken', 'GET /nowhere', 'POST /ocsp'])
  expect(web.count('/ca.crl')).toBe(1)

  const { port } = web
  await web.stop()
  await expect(text('/ca.crl')).rejects.toThrow('fetch failed')
  await web.start()
  expect(web.port).toBe(port)
  expect(await text('/ca.crl')).toBe('200 crl')
})

test('a path that hangs answers nothing, and one that is cut neither', async () => {
  await using web = await pkiWeb({ '/hang': 'HANG', '/cut': 'CUT' })
  await expect(fetch(web.url('/cut'))).rejects.toThrow('fetch failed')
  const hanging = fetch(web.url('/hang'))
  await expect.poll(() => web.count('/hang')).toBe(1)
  await web.stop()
  await expect(hanging).rejects.toThrow('fetch failed')
})
