import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pki, temporaryFolder } from './clinics.ts'

const run = promisify(execFile)

/** Somebody's certificate and key, as files. */
export interface Party {
  readonly certificate: string
  readonly privateKey: string
}

export const CLINIC_A: Party = { certificate: pki('clinic-a.pem'), privateKey: pki('clinic-a.key') }
export const CLINIC_B: Party = { certificate: pki('clinic-b.pem'), privateKey: pki('clinic-b.key') }

export interface ForeignMail {
  /** Fields of the inner header; those of the usual referral stand for what is not said. Null leaves one out. */
  readonly inner?: Readonly<Record<string, string | readonly string[] | null>>
  /** Content-Type and what follows the inner header. */
  readonly body?: string
  readonly signers?: readonly Party[]
  /** A file of further certificates that the signature carries. */
  readonly certificates?: string
  readonly digest?: 'sha256' | 'sha1' | 'md5'
  readonly cipher?: 'aes-256-cbc' | 'des3'
  /** Not wrapped: the inner message's body is signed itself (IN-5). */
  readonly unwrapped?: boolean
  /** Null: not encrypted. */
  readonly encryptTo?: readonly string[] | null
  readonly outer?: Readonly<Record<string, string | null>>
}

const REFERRAL = {
  From: 'dr.kim@clinic-a.example',
  To: 'dr.lee@clinic-b.example',
  Subject: 'Referral',
  'Message-ID': '<foreign@clinic-a.example>',
  Date: 'Sat, 21 Nov 2026 12:00:00 +0000',
  'MIME-Version': '1.0',
}

/** A message as another program makes it: openssl signs and encrypts, so that every mistake can be made. */
export async function foreignMail(mail: ForeignMail = {}): Promise<Buffer> {
  const dir = await temporaryFolder()
  const body = mail.body ?? 'Content-Type: text/plain; charset=us-ascii\r\n\r\nPlease see her.\r\n'
  const inner = `${fields({ ...REFERRAL, ...mail.inner })}${body}`
  let entity = mail.unwrapped ? body : `Content-Type: message/rfc822\r\n\r\n${inner}`
  if ((mail.signers ?? [CLINIC_A]).length > 0) entity = await sign(entity, mail, dir)
  const encryptTo = mail.encryptTo === undefined ? [pki('clinic-b.pem')] : mail.encryptTo
  const outer = fields({ ...REFERRAL, Subject: 'Encrypted Message', ...mail.outer })
  if (encryptTo === null) return Buffer.from(`${outer}${entity}`, 'latin1')
  const [plain, sealed] = [join(dir, 'plain'), join(dir, 'sealed')]
  await writeFile(plain, entity, 'latin1')
  const cipher = `-${mail.cipher ?? 'aes-256-cbc'}`
  const args = ['cms', '-encrypt', '-binary', cipher, '-outform', 'DER', '-in', plain, '-out', sealed]
  await run('openssl', [...args, ...encryptTo])
  return Buffer.from(
    `${outer}Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"\r\n` +
      `Content-Transfer-Encoding: base64\r\n\r\n${await base64(sealed)}`,
    'latin1',
  )
}

async function sign(entity: string, mail: ForeignMail, dir: string): Promise<string> {
  const [plain, signature] = [join(dir, 'to-be-signed'), join(dir, 'signature')]
  await writeFile(plain, entity, 'latin1')
  const who = (mail.signers ?? [CLINIC_A]).flatMap(({ certificate, privateKey }) => [
    '-signer',
    certificate,
    '-inkey',
    privateKey,
  ])
  const others = mail.certificates === undefined ? [] : ['-certfile', mail.certificates]
  const how = ['cms', '-sign', '-binary', '-md', mail.digest ?? 'sha256', '-outform', 'DER']
  await run('openssl', [...how, ...others, ...who, '-in', plain, '-out', signature])
  return [
    'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="signed"',
    '',
    '--signed',
    entity,
    '--signed',
    'Content-Type: application/pkcs7-signature; name="smime.p7s"',
    'Content-Transfer-Encoding: base64',
    '',
    await base64(signature),
    '--signed--',
    '',
  ].join('\r\n')
}

/** A file's content in lines of 76. */
async function base64(path: string): Promise<string> {
  return (await readFile(path)).toString('base64').replace(/.{1,76}/g, '$&\r\n')
}

function fields(values: Readonly<Record<string, string | readonly string[] | null>>): string {
  return Object.entries(values)
    .flatMap(([name, value]) => (value === null ? [] : [value].flat().map((one) => `${name}: ${one}\r\n`)))
    .join('')
}
