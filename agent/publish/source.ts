import { access } from 'node:fs/promises'
import type { CertificatePolicy } from '../../trust-anchors/index.ts'
import { DirectError } from '../errors.ts'
import type { OwnCertificate } from '../identities/certificates.ts'
import { namesOf, type OwnFile, ownFiles } from '../identities/files.ts'
import { readForPublishing } from '../identities/pair.ts'
import { type PublishedCertificate, publishable } from '../identities/usable.ts'
import type { IdentitySettings, Settings } from '../settings.ts'

/** What is to be published at a moment. */
export interface ToPublish {
  /** Everyone of ours, a domain or an address each: their domains are our zones, with a certificate or without. */
  readonly names: readonly string[]
  readonly certificates: readonly PublishedCertificate[]
  /** What its administrator should know of it. */
  readonly notes: readonly string[]
}

/** Asked every few seconds, so it is cheap where nothing changed. May reject with DirectError: nothing changes then. */
export type PublishSource = (at: Date) => Promise<ToPublish>

/**
 * The certificates of our own files, managed ones too; a machine that only publishes needs none of the keys that the
 * configuration names. A file that cannot be read any more keeps what it held, as does one beside another's key: a renewal
 * of which half is there. One whose key is lost is withdrawn.
 */
export function certificateFiles(
  settings: Pick<Settings, 'identities' | 'dataDir'>,
  policy: CertificatePolicy,
): PublishSource {
  let known: ReadonlyMap<string, Known> = new Map()
  return async (at) => {
    const { files, damaged } = await ownFiles(settings)
    const read = await Promise.all(
      files.map(async (file) => [keyOf(file), await readAnew(file, known)] as const),
    )
    known = new Map(read)
    const all = [...known.values()]
    return {
      names: namesOf({ files }),
      certificates: publishable(
        all.flatMap(({ own }) => own ?? []),
        policy,
        at,
      ).map(({ name, own }) => ({ name, for: own.name, certificate: own.certificate })),
      notes: [...damaged.map(({ text }) => text), ...all.flatMap(({ notes }) => notes)],
    }
  }
}

/** `why`: a sentence for each certificate of ours that is there. */
export function nothingToPublish(why: readonly string[]): DirectError {
  const text = 'no identity has a certificate that others could encrypt to now'
  return new DirectError('IDENTITY_MISSING', [text, ...why].join('; '), {
    hint: 'Add an identity with a valid certificate, bound to its name; "direct init" makes one.',
  })
}

/** One file as it was last read. */
interface Known {
  /** Null: it could not be read, and may be readable without having changed. */
  readonly stamp: string | null
  /** Null: it never was. */
  readonly own: OwnCertificate | null
  readonly notes: readonly string[]
}

function keyOf({ settings }: OwnFile): string {
  return `${settings.certificate} ${settings.for}`
}

async function readAnew(file: OwnFile, known: ReadonlyMap<string, Known>): Promise<Known> {
  const before = known.get(keyOf(file))
  if (before?.stamp === file.stamp) return before
  const { settings, stamp } = file
  const [read] = await readForPublishing([file])
  if (read !== undefined && 'certificate' in read)
    return { stamp, own: read, notes: await keyNotes(settings) }
  const own = read?.isLost ? null : (before?.own ?? null)
  const consequence = own === null ? 'nothing of it is published' : 'what it held before stays published'
  return { stamp: null, own, notes: [`${read?.text ?? settings.certificate}; ${consequence}`] }
}

/** It may well lie on another machine. */
export async function keyNotes({ certificate, privateKey }: IdentitySettings): Promise<readonly string[]> {
  if (privateKey === null) return []
  return access(privateKey).then(
    () => [],
    (error: NodeJS.ErrnoException) => [
      `${certificate} is published, and its private key is not to be had here (${privateKey}: ${error.code}): mail to it cannot be opened on this machine`,
    ],
  )
}
