import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decrypt } from '../../../agent/smime/decrypt.ts'
import { Verified, verify } from '../../../agent/smime/verify.ts'
import { parseCertificate } from '../../../trust-anchors/index.ts'
import { cbc, envelope, indefinite, keyTrans, multipart, pieces, signedData, signerInfo } from './hostile.ts'
import { alice, bob, bytesOf, countingSpool, identity, opened, sourceOf } from './parties.ts'

/** Bytes with a few of them changed, left out or put in: what comes over the wire when somebody tries. */
function mutated(bytes: Uint8Array): fc.Arbitrary<Buffer> {
  const change = fc.record({
    at: fc.nat(bytes.length - 1),
    byte: fc.oneof(fc.constantFrom(0, 0x80, 0xff, 0x30, 0x31, 0x84), fc.nat(255)),
    kind: fc.constantFrom('set', 'remove', 'insert', 'cut'),
  })
  return fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) =>
    changes.reduce((mutant, { at, byte, kind }) => {
      const rest = mutant.subarray(kind === 'insert' ? at : at + 1)
      if (kind === 'cut') return mutant.subarray(0, at)
      return Buffer.concat([
        mutant.subarray(0, at),
        kind === 'remove' ? Buffer.alloc(0) : Buffer.of(byte),
        rest,
      ])
    }, Buffer.from(bytes)),
  )
}

const PLAINTEXT = `Content-Type: text/plain\r\n\r\n${'line\r\n'.repeat(10)}`
const content = pieces(cbc(PLAINTEXT), 0x80, [16, 40])
const sealed = [
  envelope(PLAINTEXT, { recipientInfos: [keyTrans(bob)] }),
  envelope(PLAINTEXT, { recipientInfos: [keyTrans(bob)], form: indefinite, encryptedContent: content }),
]

test('whatever is done to an envelope ends in an answer, with nothing left behind', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...sealed).chain(mutated),
      fc.integer({ min: 1, max: 999 }),
      async (cms, chunk) => {
        const { spool, open } = countingSpool()
        const result = await decrypt(sourceOf(cms, chunk), [identity(bob)], spool)
        expect(open()).toBe('code' in result ? 0 : 1)
      },
    ),
    { numRuns: 400 },
  )
})

const PART = 'Content-Type: message/rfc822\r\n\r\nSubject: s\r\n\r\nHello\r\n'
const signature = signedData({
  signerInfos: [signerInfo({ content: PART, signer: alice })],
  certificates: [alice],
})

test('whatever is done to a signature ends in an answer, and never makes other content pass', async () => {
  await fc.assert(
    fc.asyncProperty(mutated(signature), async (cms) => {
      const decrypted = await opened(
        sourceOf(envelope(multipart(PART, cms), { recipientInfos: [keyTrans(bob)] })),
        identity(bob),
      )
      const result = await verify(decrypted, { spool: countingSpool().spool, parseCertificate })
      if (result instanceof Verified) expect((await bytesOf(result.entity)).toString()).toBe(PART)
    }),
    { numRuns: 400 },
  )
})
