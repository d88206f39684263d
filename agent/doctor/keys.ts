import { DirectError } from '../errors.ts'
import { counts, ownFiles } from '../identities/files.ts'
import { waitingKeys } from '../identities/keys.ts'
import { describeOwn, tryToLoad } from '../identities/list.ts'
import type { ListedCertificate } from '../identities/types.ts'
import { ownNotices } from '../own-notices.ts'
import type { IdentitySettings } from '../settings.ts'
import { findingOf, ok, type Said } from './finding.ts'
import type { Check } from './tools.ts'

const AWAITED =
  'Have your certificate authority sign the request, and take its answer ("direct cert import"); or correct the path.'

const KEY_LOST =
  'Bring the key back from a backup, or ask for another certificate ("direct cert request NAME --new") and take the folder away.'

/** Each certificate of ours with its key: read, proved to belong together, and what it is good for now. */
export async function* checkKeys({ settings, identityTools, at }: Parameters<Check>[0]): ReturnType<Check> {
  const { files, damaged } = await ownFiles(settings)
  for (const { text } of damaged)
    yield {
      level: 'error',
      code: 'KEY_UNREADABLE',
      about: settings.dataDir,
      text,
      do: 'Bring the folder back from a backup, or take it away and ask for a new certificate.',
    }
  const { policy } = await identityTools()
  const all = files.map((file) => file.settings)
  const loaded = await Promise.all(all.map(tryToLoad))
  const listed = await describeOwn(all, loaded, await policy(), at())
  const sound: IdentitySettings[] = []
  for (const [i, file] of files.entries()) {
    const { certificate, privateKey } = file.settings
    if (!counts(file)) {
      yield {
        level: 'error',
        code: 'KEY_UNREADABLE',
        about: certificate,
        text: `its key, ${privateKey}, is gone: it is not published, and mail to it cannot be opened`,
        do: 'Bring the key back from a backup, or take the folder away and ask for a new certificate.',
      }
      continue
    }
    const failed = loaded[i]
    if (failed instanceof DirectError) {
      const finding = findingOf(failed, certificate)
      // As "direct init" leaves it.
      const waits = failed.code === 'CERT_UNREADABLE' && file.stamp.startsWith('ENOENT')
      yield waits ? { ...finding, do: AWAITED } : finding
      continue
    }
    sound.push(file.settings)
    yield ok('KEY_FITS', `its key belongs to it; ${roleOf(listed[i] as ListedCertificate)}`, certificate)
  }
  yield* checkRequests(settings)
  for (const text of await ownNotices(sound, await policy(), at()))
    yield {
      level: 'error',
      code: 'CERT_UNUSABLE',
      about: null,
      text,
      do: 'Ask for another one ("direct cert request"), and take the answer ("direct cert import").',
    }
}

/** What waits for the CA's answer, and could take it. */
async function* checkRequests(settings: Parameters<Check>[0]['settings']): AsyncGenerator<Said> {
  const waiting = await waitingKeys(settings)
  for (const { settings: own, key } of waiting) {
    if (!(key instanceof DirectError)) continue
    const finding = findingOf(key, own.privateKey)
    yield {
      ...finding,
      text: `a certificate of ${own.for} is asked for, and its answer cannot be taken: ${finding.text}`,
      do: key.code === 'KEY_UNREADABLE' ? KEY_LOST : finding.do,
    }
  }
  const sound = waiting.filter(({ key }) => !(key instanceof DirectError))
  for (const name of new Set(sound.map(({ settings: own }) => own.for)))
    yield {
      level: 'note',
      code: 'REQUESTED',
      about: name,
      text: `a certificate of ${name} is asked for, and the CA's answer is not there yet`,
      do: '"direct cert import FILE" takes it.',
    }
}

/** As `cert list` has it: what it is used for, or why it is not and stays for reading. */
function roleOf({ for: name, state, use, notBefore, notAfter, why }: ListedCertificate): string {
  const day = (at: Date | null) => at?.toISOString().slice(0, 10)
  if (state === 'in-use')
    return `${name} ${use.map((one) => (one === 'sign' ? 'signs' : 'is encrypted to')).join(' and ')} by it until ${day(notAfter)}`
  if (state === 'reading-only') return `another one of ${name} took its place, and it opens older mail`
  if (state === 'expired') return `it ended on ${day(notAfter)}, and opens older mail`
  if (state === 'not-yet-valid') return `it is of use from ${day(notBefore)} on`
  return `it is used for nothing (${why.map(({ text }) => text).join('; ')}), and opens what came to it`
}
