import { expect, test, vi } from 'vitest'
import { keptToken, xoauth2 } from '../../mailbox/token.ts'

function counted() {
  const clock = { now: 0 }
  let asked = 0
  const ask = vi.fn(async () => `token-${++asked}`)
  return { clock, ask, token: keptToken(ask, () => clock.now) }
}

test('a token is asked for once, by whoever needs it at once or later', async () => {
  const { ask, token } = counted()
  expect(await Promise.all([token(), token()])).toEqual(['token-1', 'token-1'])
  expect(await token()).toBe('token-1')
  expect(ask).toHaveBeenCalledTimes(1)
})

test('one that was refused is asked for anew, once for all whom it failed', async () => {
  const { ask, token } = counted()
  const refused = await token()
  expect(await Promise.all([token(refused), token(refused)])).toEqual(['token-2', 'token-2'])
  expect(await token(refused)).toBe('token-2')
  expect(ask).toHaveBeenCalledTimes(2)
})

test('it is kept for five minutes, and not over a clock that was set back', async () => {
  const { clock, token } = counted()
  await token()
  clock.now = 299_999
  expect(await token()).toBe('token-1')
  clock.now = 300_000
  expect(await token()).toBe('token-2')
  clock.now = 0
  expect(await token()).toBe('token-3')
})

test('a program that fails is asked again by the next who needs a token', async () => {
  const ask = vi.fn(async () => 'token')
  ask.mockRejectedValueOnce(new Error('away'))
  const token = keptToken(ask)
  await expect(token()).rejects.toThrow('away')
  expect(await token()).toBe('token')
})

test('XOAUTH2 is user and token in one line, as servers of Microsoft and Google read it', () => {
  const sent = Buffer.from(xoauth2('clinic@mail.example', 'ya29.vF9'), 'base64').toString()
  expect(sent).toBe('user=clinic@mail.example\u0001auth=Bearer ya29.vF9\u0001\u0001')
})
