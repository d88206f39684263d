import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { readVariants, type Variant } from '../../../agent/smime/signed/signed-content.ts'
import { unwrap } from '../../../agent/smime/unwrap.ts'
import { bytesOf, countingSpool, MESSAGE, sourceOf } from './parties.ts'

async function unwrapped(entity: string) {
  const { spool, open } = countingSpool()
  await using result = await unwrap(sourceOf(entity, 7), spool)
  const inner = await bytesOf(result.inner)
  expect(inner.length).toBe(result.inner.bytes)
  return { wrapped: result.wrapped, inner: inner.toString(), spooled: open() }
}

test('the wrapped message is the body, byte for byte (IN-8)', async () => {
  expect(await unwrapped(`Content-Type: message/rfc822\r\n\r\n${MESSAGE}`)).toEqual({
    wrapped: true,
    inner: MESSAGE,
    spooled: 0,
  })
})

test('the header may be written in any way (IN-2)', async () => {
  const head =
    'X-Before: 1\r\nCONTENT-TYPE:Message/RFC822;\r\n\tname=x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
  expect(await unwrapped(head + MESSAGE)).toMatchObject({ wrapped: true, inner: MESSAGE })
})

test('an illegal base64 or quoted-printable is undone (IN-2)', async () => {
  const base64 = Buffer.from(MESSAGE).toString('base64')
  expect(
    await unwrapped(`Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64}`),
  ).toEqual({ wrapped: true, inner: MESSAGE, spooled: 1 })
  const quoted = Buffer.from(MESSAGE)
    .toString('latin1')
    .replace(/[\x80-\xff]/g, (char) => `=${char.charCodeAt(0).toString(16).toUpperCase()}`)
  expect(
    await unwrapped(
      `Content-Type: message/rfc822\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\n${quoted}`,
    ),
  ).toEqual({ wrapped: true, inner: MESSAGE, spooled: 1 })
})

test('an entity that wraps nothing is the message itself (IN-5)', async () => {
  const entity = `Content-Type: text/plain\r\n\r\nHello`
  expect(await unwrapped(entity)).toEqual({ wrapped: false, inner: entity, spooled: 0 })
})

test('what a wrapped message is known by comes with the signature, however the bytes are cut (IN-10)', async () => {
  const entity = `Content-Type: message/rfc822\r\nX-Other: field\r\n\r\n${MESSAGE}`
  for (const chunk of [1, 7, 48, 49, 1000]) {
    const [exact] = await readVariants(sourceOf(entity, chunk), new Set(['sha-256']))
    await using result = await unwrap(exact as Variant, countingSpool().spool)
    expect(result.inner.sha256).toBe(createHash('sha256').update(MESSAGE).digest('hex'))
  }
})

test('of a header with other line ends it is not known, and never wrong', async () => {
  const entity = `Content-Type: message/rfc822\n\n${MESSAGE}\r\n\r\nmore`
  const [exact] = await readVariants(sourceOf(entity), new Set(['sha-256']))
  await using result = await unwrap(exact as Variant, countingSpool().spool)
  expect(result.inner.sha256).toBeUndefined()
})
