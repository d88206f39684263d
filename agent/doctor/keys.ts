import { DirectError } from '../errors.ts'
import { counts, ownFiles } from '../identities/files.ts'
import { loadIdentity } from '../identities/load.ts'
import { ownNotices } from '../own-notices.ts'
import type { IdentitySettings } from '../settings.ts'
import { findingOf, ok } from './finding.ts'
import type { Check } from './tools.ts'

const AWAITED =
  'Have your certificate authority sign the request, and take its answer ("direct cert import"); or correct the path.'

/** Each certificate of ours with its key: read, and proved to belong together. */
export async function* checkKeys({ settings, identityTools, at }: Parameters<Check>[0]): ReturnType<Check> {
  const { files, requested, damaged } = await ownFiles(settings)
  for (const { text } of damaged)
    yield {
      level: 'error',
      code: 'KEY_UNREADABLE',
      about: settings.dataDir,
      text,
      do: 'Bring the folder back from a backup, or take it away and ask for a new certificate.',
    }
  const sound: IdentitySettings[] = []
  for (const file of files) {
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
    try {
      await loadIdentity(file.settings)
      sound.push(file.settings)
      yield ok('KEY_FITS', 'the certificate and its key are there, and belong together', certificate)
    } catch (error) {
      if (!(error instanceof DirectError)) throw error
      const finding = findingOf(error, certificate)
      // As "direct init" leaves it.
      const waits = error.code === 'CERT_UNREADABLE' && file.stamp.startsWith('ENOENT')
      yield waits ? { ...finding, do: AWAITED } : finding
    }
  }
  for (const name of requested)
    yield {
      level: 'note',
      code: 'REQUESTED',
      about: name,
      text: `a certificate of ${name} is asked for, and the CA's answer is not there yet`,
      do: '"direct cert import FILE" takes it.',
    }
  const { policy } = await identityTools()
  for (const text of await ownNotices(sound, await policy(), at()))
    yield {
      level: 'error',
      code: 'CERT_UNUSABLE',
      about: null,
      text,
      do: 'Ask for another one ("direct cert request"), and take the answer ("direct cert import").',
    }
}
