import { describe, expect, it } from 'vitest'
import { isLoopback, tlsRule } from '../../mailbox/tls.ts'

const plain = { secure: false }

describe('the rule for a connection goes by the address that is dialled (smtp)', () => {
  it.each([
    '192.0.2.1',
    '2001:db8::1',
    '10.0.0.1',
    '0.0.0.0',
    '::ffff:192.0.2.1',
    '128.0.0.1',
    'localhost',
    '',
  ])('insists on STARTTLS and a valid certificate for %j', (address) => {
    expect(isLoopback(address)).toBe(false)
    expect(tlsRule(plain, address, false)).toEqual({ start: 'starttls', verify: true })
  })

  it.each(['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1'])(
    'may do without TLS to %s',
    (address) => {
      expect(tlsRule(plain, address, false)).toEqual({ start: 'if-offered', verify: false })
    },
  )

  it('insists on loopback too where the tls route or a ca asks for it', () => {
    expect(tlsRule(plain, '127.0.0.1', true)).toEqual({ start: 'starttls', verify: true })
    expect(tlsRule({ secure: false, ca: 'PEM' }, '127.0.0.1', false)).toEqual({
      start: 'starttls',
      verify: true,
    })
  })

  it('starts with TLS, and verifies, wherever smtps or imaps is configured', () => {
    for (const address of ['127.0.0.1', '192.0.2.1']) {
      expect(tlsRule({ secure: true }, address, false)).toEqual({ start: 'implicit', verify: true })
    }
  })
})
