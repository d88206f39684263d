import { describe, expect, test } from 'vitest'
import { describeOpened } from '../../../agent/open/report.ts'
import type { Minted } from '../../../fixtures/pki.ts'
import { envelope, keyTrans } from './hostile.ts'
import { judge, mail, signed, wrapped } from './opening.ts'
import { alice, bob, intermediate } from './parties.ts'

const without = (entity = wrapped(), certificates: readonly Minted[] = []) =>
  mail(envelope(signed(entity, { certificates }), { recipientInfos: [keyTrans(bob)] }))
const outcome = async (message: Uint8Array, ...inHand: readonly Minted[]) => {
  const intermediates = inHand.map(({ certificate }) => certificate)
  await using judged = await judge(message, { tools: { intermediates } })
  const { verdict, code, signer } = describeOpened(judged)
  return { verdict, code, signer: signer?.sha256 ?? null }
}

describe('a signature that came without its signer’s certificate (RFC 5652 5.1)', () => {
  const signer = alice.certificate.sha256

  test('is checked with one that is configured', async () => {
    expect(await outcome(without(), alice, intermediate)).toEqual({ verdict: 'accept', code: null, signer })
    expect(await outcome(without(wrapped(), [bob]), alice, intermediate)).toMatchObject({ signer })
  })

  test('is not valid where nobody knows it', async () => {
    const invalid = { verdict: 'reject', code: 'SIGNATURE_INVALID', signer: null }
    expect(await outcome(without())).toEqual(invalid)
    expect(await outcome(without(), bob)).toEqual(invalid)
  })

  test('is believed no more than any other: path and From are asked for (TR-2, IN-6)', async () => {
    expect(await outcome(without(), alice)).toMatchObject({ verdict: 'reject', code: 'SIGNER_UNTRUSTED' })
    const another = without(wrapped({ From: 'dr.m@clinic-m.example' }))
    expect(await outcome(another, alice, intermediate)).toMatchObject({ code: 'SIGNER_NOT_FROM' })
  })
})
