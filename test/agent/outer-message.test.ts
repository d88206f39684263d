import { expect, test } from 'vitest'
import { outerMessage } from '../../agent/seal.ts'
import { encrypt } from '../../agent/smime/encrypt.ts'
import { sign } from '../../agent/smime/sign.ts'
import { wrap } from '../../agent/smime/wrap.ts'
import {
  address,
  alice,
  bob,
  bytesOf,
  composed,
  encryptionPath,
  identity,
  intermediate,
  NOW,
  sourceOf,
} from './smime/parties.ts'

test('a long conversation and many recipients fit into the lines of the outer header (RFC 5322 2.1.1)', async () => {
  const ids = Array.from({ length: 90 }, (_, i) => `<${i}.of.a.long.conversation@clinic-a.example>`)
  const { routing, inner } = composed()
  const message = wrap(sourceOf(await bytesOf(inner)), { ...routing, references: ids.join(' ') })
  const signed = await sign(message, identity(alice, [intermediate]), {
    digest: 'sha-256',
    signature: 'rsa-pkcs1',
    at: NOW,
  })
  const encrypted = await encrypt(signed, [encryptionPath(bob, 'b@clinic-b.example')], {
    content: 'aes-256-cbc',
    keyTransport: 'rsa-oaep-sha256',
  })
  const to = Array.from({ length: 60 }, (_, i) => address(`nurse.${i}@clinic-b.example`))
  const outer = (await bytesOf(outerMessage(encrypted, { to, cc: [] }))).toString('latin1')
  const header = outer.slice(0, outer.indexOf('\r\n\r\n'))
  expect(Math.max(...header.split('\r\n').map(({ length }) => length))).toBeLessThan(200)
  const unfolded = header.replace(/\r\n(?=[ \t])/g, '')
  expect(unfolded).toContain(`\r\nReferences: ${ids.join(' ')}\r\n`)
  expect(unfolded).toContain(`\r\nTo: ${to.join(', ')}\r\n`)
})
