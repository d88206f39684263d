import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Verified, verify } from '../../agent/smime/verify.ts'
import { rowOf } from '../../cli/chain-row.ts'
import { verdictOf } from '../../cli/chain-verdict.ts'
import { parseCertificate, readCertificates, toPem } from '../../trust-anchors/index.ts'
import { envelope, keyTrans } from '../agent/smime/hostile.ts'
import { bob, countingSpool, identity, opened, sourceOf } from '../agent/smime/parties.ts'
import { corpora } from '../corpora.ts'
import { DIVERGENCES } from './divergences.ts'
import { pkits, type Row } from './rows.ts'

const folder = corpora('')
const rows = pkits()
const mailOf = ({ smime_file }: Row): Buffer => readFileSync(join(folder ?? '', smime_file ?? ''))

/** The suite's mails are signed and not encrypted; ours never are, so they are put into an envelope first (IN-4). */
async function signatureOf(mail: Uint8Array): Promise<Verified | { readonly code: string }> {
  const { spool } = countingSpool()
  const decrypted = await opened(sourceOf(envelope(mail, { recipientInfos: [keyTrans(bob)] })), identity(bob))
  return verify(decrypted, { spool, parseCertificate })
}

describe.skipIf(rows.length === 0)("PKITS's signed mails", () => {
  test.each(rows)(
    '$id: the signature is right, and its signer is judged as the row: $expect',
    async (row) => {
      const verified = await signatureOf(mailOf(row))
      const pin = DIVERGENCES[row.id]
      if ('code' in verified) {
        expect([row.id, verified.code, pin?.we]).toEqual([row.id, 'ALGORITHM_REFUSED', 'reject'])
        return
      }
      const [signer] = verified.signers
      const leaf = readCertificates(Buffer.from(row.leaf))
      expect([signer.certificate]).toEqual(leaf)
      const beside = verified.certificates.map(({ der }) => toPem(der))
      const { verdict, text } = verdictOf(
        rowOf(
          { ...row, leaf: toPem(signer.certificate.der), untrusted: [...beside, ...row.untrusted] },
          new Date(0),
        ),
      )
      expect(verdict, pin?.because ?? text ?? '').toBe(pin?.we ?? row.expect)
    },
  )

  test('a mail of which one byte is not as it was signed is no longer a signed one', async () => {
    for (const row of rows.filter(({ expect }) => expect === 'accept').slice(0, 20)) {
      const mail = mailOf(row)
      const at = mail.indexOf('This is a sample signed message.')
      expect(at).toBeGreaterThan(0)
      mail[at] = 't'.charCodeAt(0)
      expect(await signatureOf(mail)).toMatchObject({
        code: expect.stringMatching(/SIGNATURE_INVALID|ALGORITHM_REFUSED/),
      })
    }
  })
})
