import { type CertificatePolicy, ownPolicyFailures } from '../trust-anchors/index.ts'
import type { Reason } from './errors.ts'
import { mayOthersRead } from './files/private-file.ts'
import { type OwnCertificate, readOwnCertificates } from './identities/certificates.ts'
import { endNotices } from './identities/end-watch.ts'
import { type End, ownEnds, pinEnds } from './identities/ends.ts'
import { counts, ownFiles } from './identities/files.ts'
import type { IdentityTools } from './identities/tools.ts'
import type { Use } from './identities/types.ts'
import { useFailure } from './identities/usable.ts'
import type { IdentitySettings } from './settings.ts'

/** What the administrator should be told of our own certificates, and, with `ends`, of what comes to an end. */
export async function noticesOf(
  tools: IdentityTools,
  { ends }: { readonly ends: boolean },
): Promise<readonly string[]> {
  const { files, requested, damaged } = await ownFiles(tools.settings)
  const settings = files.filter(counts).map((file) => file.settings)
  const broken = [
    ...damaged.map(({ text }) => text),
    ...files
      .filter((file) => !counts(file))
      .map(
        ({ settings: { certificate, privateKey } }) =>
          `the key of ${certificate}, ${privateKey}, is gone: it is not published, and mail to it cannot be opened; bring the key back from a backup, or take the folder away and ask for a new certificate`,
      ),
    ...(await exposed(files.map((file) => file.settings))),
  ].map((text) => `of our own: ${text}`)
  const wrong = await ownNotices(settings, await tools.policy(), tools.at())
  const ending = ends ? endNotices(await endsOf(settings, tools), requested) : []
  return [...broken, ...wrong, ...ending]
}

/** What ends within 60 days, of ours and of what is pinned; `requested`: names that wait for a CA's answer. */
export async function endsNow(
  tools: IdentityTools,
): Promise<{ readonly ends: readonly End[]; readonly requested: ReadonlySet<string> }> {
  const { files, requested } = await ownFiles(tools.settings)
  const settings = files.filter(counts).map((file) => file.settings)
  return { ends: await endsOf(settings, tools), requested }
}

/** A process that uses one already goes on: refusing it there would leave mail unread, and hide nothing that was seen. */
async function exposed(settings: readonly IdentitySettings[]): Promise<readonly string[]> {
  const keys = [...new Set(settings.flatMap(({ privateKey }) => privateKey ?? []))]
  const open = await Promise.all(keys.map(mayOthersRead))
  return keys
    .filter((_, i) => open[i])
    .map((key) => `the mode of the private key ${key} lets others read it: "chmod 600 ${key}"`)
}

async function endsOf(
  settings: readonly IdentitySettings[],
  { policy, trust, at }: IdentityTools,
): Promise<readonly End[]> {
  const read = await readOwnCertificates(settings)
  const own = read.filter((one) => 'certificate' in one)
  const { pins } = await trust()
  return [...ownEnds(own, await policy(), at()), ...pinEnds(pins, at())]
}

const CANNOT: Readonly<Record<Use, string>> = {
  sign: 'can sign what is sent in its name',
  encrypt: 'can be encrypted to',
}

/**
 * What is wrong with our own certificates, before a partner is told: for whom none can be used, and which break the
 * certificate policy. Old ones that stay for reading are nothing to tell. No key is read for it.
 */
export async function ownNotices(
  settings: readonly IdentitySettings[],
  policy: CertificatePolicy,
  at: Date,
): Promise<readonly string[]> {
  const read = await readOwnCertificates(settings)
  // Before a CA has answered there is none; whoever needs it is told so as an error.
  const unreadable = read.flatMap((one) => ('certificate' in one ? [] : [`of our own: ${one.text}`]))
  const names = Map.groupBy(
    read.filter((one) => 'certificate' in one),
    ({ name }) => name,
  )
  const others = [...names].flatMap(([name, all]) => {
    const unusable = uselessness(name, all, policy, at)
    return unusable.length > 0 ? unusable : all.flatMap((own) => breach(own, policy, at))
  })
  return [...unreadable, ...others]
}

/** For which uses none of a name's certificates will do, and why; the same reasons are told once. */
function uselessness(
  name: string,
  all: readonly OwnCertificate[],
  policy: CertificatePolicy,
  at: Date,
): readonly string[] {
  const uses = (['sign', 'encrypt'] as const).flatMap((use) => {
    const problems = all.map((own) => {
      const failure = useFailure(use, own, policy, at)
      return failure === null ? null : `${own.file}: ${textOf(failure)}`
    })
    return problems.includes(null) ? [] : [{ cannot: CANNOT[use], why: problems.join('; ') }]
  })
  return [...Map.groupBy(uses, ({ why }) => why)].map(
    ([why, same]) => `no certificate of ${name} ${same.map(({ cannot }) => cannot).join(', or ')}: ${why}`,
  )
}

/** One that would be used but for the policy, beside another that is. */
function breach(
  { file, certificate, intermediates }: OwnCertificate,
  policy: CertificatePolicy,
  at: Date,
): readonly string[] {
  if (!certificate.isWithinValidity(at)) return []
  const [failure] = ownPolicyFailures(certificate, intermediates, policy, at)
  return failure === undefined
    ? []
    : [`${file} breaks certificatePolicy.own, and only reads: ${textOf(failure)}`]
}

const textOf = ({ code, text }: Reason) => `${text} (${code})`
