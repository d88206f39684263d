import type { CustomAuthenticationContext, SMTPError } from 'nodemailer/lib/smtp-connection'
import { printable, saidBy } from './replies.ts'
import { xoauth2 } from './token.ts'

/** A name of ours: asked for XOAUTH2 by its own, nodemailer falls back to methods that would show the token as a password. */
export const BY_TOKEN = 'DIRECT-TOKEN'

/** XOAUTH2, as Google and Microsoft describe it. A refusal comes after an answer to what looks like a question. */
export async function loginByToken({ auth, authMethods, sendCommand }: CustomAuthenticationContext) {
  const { user, pass } = auth.credentials
  if (!authMethods.includes('XOAUTH2')) throw new Error('it offers no XOAUTH2')
  const first = await sendCommand(`AUTH XOAUTH2 ${xoauth2(user, pass)}`)
  const { status } = first.status === 334 ? await sendCommand('') : first
  if (status !== 235) throw new Error('no login')
}

/** What a server says about a login; it may repeat what it was told. */
export function withoutSecrets(failure: SMTPError, user: string, secret: string): string {
  const plain = Buffer.from(`\u0000${user}\u0000${secret}`, 'utf8').toString('base64')
  const secrets = [secret, Buffer.from(secret, 'utf8').toString('base64'), plain, xoauth2(user, secret)]
  const text = saidBy(failure, 'at the login')
  return printable(secrets.filter(Boolean).reduce((shown, hidden) => shown.replaceAll(hidden, '***'), text))
}
