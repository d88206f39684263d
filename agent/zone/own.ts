import type { ZoneEntry } from '../../dns/zone/index.ts'
import type { CertificatePolicy } from '../../trust-anchors/index.ts'
import type { OwnCertificate } from '../identities/certificates.ts'
import { ownFiles } from '../identities/files.ts'
import { readForPublishing } from '../identities/pair.ts'
import { placesOf, publishable, useFailure } from '../identities/usable.ts'
import { keyNotes, nothingToPublish } from '../publish/source.ts'
import type { ZoneTools } from './tools.ts'

/** Our own certificates: those that others may encrypt to now, the others, and why. */
export interface OwnContent {
  readonly published: readonly ZoneEntry[]
  readonly withheld: readonly ZoneEntry[]
  /** Of ours, as far as the configuration and our certificates name them. */
  readonly addresses: readonly string[]
  readonly notes: readonly string[]
  /** Of those withheld whose names have others published: known, and normal after each renewal. */
  readonly replaced: readonly string[]
}

/** From their files; a key that is not there is told. Throws DirectError IDENTITY_MISSING where nothing can be published. */
export async function own({ settings, policy, at }: ZoneTools): Promise<OwnContent> {
  const { files, damaged } = await ownFiles(settings)
  const read = await readForPublishing(files)
  const certificates = read.filter((one) => 'certificate' in one)
  const published = publishable(certificates, policy, at())
  const current = new Set(published.map(({ own }) => own))
  const withheld = certificates.filter((one) => !current.has(one))
  const names = new Set(published.map(({ name }) => name))
  const replaced = new Set(withheld.filter((one) => isReplaced(one, names)))
  const why = (one: OwnCertificate) => whyWithheld(one, policy, at())
  const leftOut = [
    ...damaged.map(({ text }) => text),
    ...read.flatMap((one) => ('text' in one ? [`${one.text}: nothing of it is published`] : [])),
    ...withheld.filter((one) => !replaced.has(one)).map(why),
  ]
  if (published.length === 0) throw nothingToPublish(leftOut)
  const shown = new Set(published.map(({ own }) => own.file))
  const elsewhere = files
    .filter(({ keepsKey, settings }) => !keepsKey && shown.has(settings.certificate))
    .map((file) => file.settings)
  return {
    published: published.map(({ name, own }) => ({ name, der: own.certificate.der })),
    withheld: withheld.flatMap((one) =>
      [...new Set([one.name, ...placesOf(one)])].map((name) => ({ name, der: one.certificate.der })),
    ),
    addresses: [
      ...settings.mailboxes.flatMap(({ addresses }) => addresses ?? []),
      ...files.map((file) => file.settings.for),
      ...certificates.flatMap(({ certificate }) => certificate.names.rfc822),
    ].filter((name) => name.includes('@')),
    notes: [...leftOut, ...(await Promise.all(elsewhere.map(keyNotes))).flat()],
    replaced: [...replaced].map(why),
  }
}

/** Others stand at each of its names. One that is bound to nobody there is a mistake, and stays told. */
function isReplaced(one: OwnCertificate, published: ReadonlySet<string>): boolean {
  const places = placesOf(one)
  return places.length > 0 && places.every((name) => published.has(name))
}

function whyWithheld(own: OwnCertificate, policy: CertificatePolicy, at: Date): string {
  const failure = useFailure('encrypt', own, policy, at)
  const why = failure === null ? 'a newer one has taken its place' : `${failure.text} (${failure.code})`
  return `left out: ${own.file} of ${own.name}: ${why}`
}
