import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder, twoClinics } from './clinics.ts'

const FROM = 'dr.kim@clinic-a.example'
const HERE = 'nurse@clinic-a.example'
const THERE = 'dr.lee@clinic-b.example'

test('a partner with algorithms of its own gets its copy by them, digest and all, and others by ours (ALG, MSG-10)', async () => {
  const own = { digest: 'sha-512', content: 'aes-128-cbc', keyTransport: 'rsa-pkcs1' }
  const { a, b } = await twoClinics({
    a: { algorithms: { digest: 'sha-384', byDomain: { 'clinic-b.example': own } } },
  })
  const dir = await temporaryFolder()
  const message = join(dir, 'message.eml')
  await writeFile(message, `From: ${FROM}\r\nTo: ${HERE}, ${THERE}\r\n\r\nhello\r\n`)
  const { copies } = await a.seal({
    from: FROM,
    to: [HERE, THERE],
    message: { path: message },
    out: join(dir, 'sealed.eml'),
  })
  const [here, there] = copies.map(({ file }) => file) as [string, string]
  const atA = await a.open({ path: here, to: [HERE] })
  const atB = await b.open({ path: there, to: [THERE] })
  expect([atA.verdict, atB.verdict]).toEqual(['accept', 'accept'])
  expect(atA.algorithms).toMatchObject({
    digest: 'sha-384',
    content: 'aes-256-cbc',
    keyTransport: 'rsa-oaep-sha256',
  })
  expect(atB.algorithms).toMatchObject(own)
  expect(atB.innerSha256).toBe(atA.innerSha256)
})
