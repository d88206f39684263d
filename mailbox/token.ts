/**
 * An OAuth 2.0 access token for XOAUTH2. `refused` is one that a server did not take: another is asked for then. Rejects
 * with what asking for it throws.
 */
export type AccessToken = (refused?: string) => Promise<string>

/** Most tokens live an hour; a server that does not tell why it refuses is given no old one for long. */
const KEPT_MS = 300_000

/** Keeps what `ask` gives, for 5 minutes or until it is refused. Those who need it at once wait for one answer. */
export function keptToken(ask: () => Promise<string>, now: () => number = Date.now): AccessToken {
  let kept: { readonly token: string; readonly since: number } | null = null
  let asking: Promise<string> | null = null
  const askAnew = async (): Promise<string> => {
    try {
      const token = await ask()
      kept = { token, since: now() }
      return token
    } finally {
      asking = null
    }
  }
  return async (refused) => {
    const age = kept === null ? Number.NaN : now() - kept.since
    // A clock that was set back keeps nothing: its age is below 0.
    if (kept !== null && kept.token !== refused && age >= 0 && age < KEPT_MS) return kept.token
    asking ??= askAnew()
    return await asking
  }
}

/** What XOAUTH2 hands over in its one step, for SMTP and IMAP alike: base64 of user and token. */
export function xoauth2(user: string, token: string): string {
  return Buffer.from(`user=${user}\u0001auth=Bearer ${token}\u0001\u0001`, 'utf8').toString('base64')
}
