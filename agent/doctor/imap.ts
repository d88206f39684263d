import { DirectError } from '../errors.ts'
import { NOT_ASKED, ok } from './finding.ts'
import { mailFinding } from './silent.ts'
import type { Check } from './tools.ts'

/** Each mailbox: reached, by TLS where that must be, logged in, its folder there. Nothing is fetched or flagged. */
export async function* checkImap(
  { settings, offline, mailServer, imap, lookup }: Parameters<Check>[0],
  signal: AbortSignal,
): ReturnType<Check> {
  if (offline) {
    yield NOT_ASKED
    return
  }
  const looks = settings.mailboxes.map(async ({ name, server, folder }) => {
    try {
      await using opened = await (await imap()).open(await mailServer(server), folder, signal)
      return ok('IMAP_ANSWERS', `its folder holds ${(await opened.uids()).length} messages`, name)
    } catch (error) {
      if (!(error instanceof DirectError)) throw error
      return await mailFinding(error, { code: 'IMAP_UNREACHABLE', about: name, server, lookup, signal })
    }
  })
  for (const look of looks) yield await look
}
