import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Verified, verify } from '../../agent/smime/verify.ts'
import { rowOf } from '../../cli/chain/row.ts'
import { verdictOf } from '../../cli/chain/verdict.ts'
import { parseCertificate, readCertificates, toPem } from '../../trust-anchors/index.ts'
import { envelope, keyTrans } from '../agent/smime/hostile.ts'
import { bob, countingSpool, identity, opened, sourceOf } from '../agent/smime/parties.ts'
import { corpora } from '../corpora.ts'
import { DIVERGENCES } from './divergences.ts'
import { pkits, type Row } from './rows.ts'

const folder = corpora('')
const rows = pkits()
const mailOf = ({ smime_file }: Row): Buffer => readFileSync(join(folder ?? '', smime_file ?? ''))

/** The row has the certificate of the next one as its leaf; the mail is signed by its own. */
const ANOTHER_LEAF = 'pkits::4.14.18::Section14ValidonlySomeReasonsTest18'

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
        // chain verify follows a DSA path; no mail is believed for a DSA signature (ALG).
        expect(verified.code).toBe('ALGORITHM_REFUSED')
        expect(row.id).toMatch(/DSA/)
        return
      }
      const [{ certificate }] = verified.signers
      if (row.id !== ANOTHER_LEAF)
        expect(readCertificates(Buffer.from(row.leaf))).toMatchObject([{ sha256: certificate.sha256 }])
      const leaf = toPem(certificate.der)
      const untrusted = [...verified.certificates.map(({ der }) => toPem(der)), ...row.untrusted]
      const crls = [...verified.revocation.crls.map((der) => toPem(der, 'X509 CRL')), ...row.crls]
      const { verdict, text } = verdictOf(rowOf({ ...row, leaf, untrusted, crls }, new Date(0)))
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
