import { userInfo } from 'node:os'
import { expect, test } from 'vitest'
import { loggedIn } from '../../cli/trust-options.ts'

test('who does it is who is logged in; a user without a name, as of a container, by its number', () => {
  expect(loggedIn()).toBe(userInfo().username)
  const nameless = () => {
    throw new Error('A system error occurred: uv_os_get_passwd returned ENOENT')
  }
  expect(loggedIn(nameless)).toBe(`uid ${process.getuid?.()}`)
})
