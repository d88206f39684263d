import { isSilence } from '../answers.ts'
import { ExpiringMap } from '../expiring-map.ts'
import { NEGATIVE } from '../lifetimes.ts'
import { isDnsName } from '../names.ts'
import type { Answer, Resolver } from '../resolver/types.ts'
import { createSharing } from '../share.ts'
import type { Question, Reach } from '../types.ts'
import { fewAddresses } from './few-addresses.ts'
import type { CertdnsHosts, DiscoveryNetwork, FoundCertdns, Silence } from './types.ts'

/** Domains of which it is remembered that they have none, and what they take, as measured for answers of DNS. */
const KEPT = { maxEntries: 10_000, maxBytes: 4 << 20 }
const ENTRY_BYTES = 400

/**
 * What stands behind `certdns.<domain>` (DISC-9), found out once for all who ask at the same time: a host that is silent
 * is not waited for once an address. That it is no cert server, but one of any names of its domain, is remembered; that
 * it is silent is not (DISC-6). `now`: milliseconds that never go back.
 */
export function createCertdnsHosts(now: () => number = () => performance.now()): CertdnsHosts {
  const share = createSharing<FoundCertdns>()
  const without = new ExpiringMap<string>({ now, ...KEPT })
  return {
    find(domain, owner, network, signal) {
      const work = async (shared: AbortSignal) => {
        const found = await findHost(domain, owner, network, shared)
        if (found.status === 'wildcard') {
          const bytes = ENTRY_BYTES + domain.length + found.note.length
          without.set(domain, found.note, { bytes, seconds: NEGATIVE.most })
        }
        return found
      }
      const known = signal?.aborted ? null : without.get(domain)
      if (known === null) return share(domain, work, signal)
      const { value: note, seconds: ttl } = known
      return Promise.resolve({ status: 'wildcard', note, ttl, first: null, questions: [] })
    },
  }
}

async function findHost(
  domain: string,
  owner: string,
  network: DiscoveryNetwork,
  signal: AbortSignal,
): Promise<FoundCertdns> {
  const name = `certdns.${domain}`
  const questions: Question[] = []
  const reach: Reach = async (host, signal) => {
    const reached = await network.reach(host, signal)
    questions.push(...(reached.questions ?? []))
    return reached
  }
  const asking = { reach, random: network.random }
  const reached = await fewAddresses(reach)(name, signal)
  switch (reached.status) {
    case 'absent':
      return { status: 'absent', questions }
    case 'failed':
      return { status: 'failed', note: reached.text, questions }
    case 'refused': {
      const isAnyName = await isWildcard(domain, null, asking, signal)
      return isAnyName
        ? wildcard(name, null, questions)
        : { status: 'refused', note: reached.text, questions }
    }
    case 'ok':
      break
  }
  const { addresses } = reached
  const resolver = network.askHost({ name, addresses })
  const answer = await resolver.resolve(owner, 'CERT', { signal })
  if (!isSilence(answer))
    return { status: 'answers', resolver: startingWith({ owner, answer }, resolver), questions }
  const first = { owner, answer }
  if (await isWildcard(domain, addresses, asking, signal)) return wildcard(name, first, questions)
  return { status: 'silent', first, questions }
}

function wildcard(name: string, first: Silence | null, questions: readonly Question[]): FoundCertdns {
  const note = `${name} has an address only as every name of its domain has, and no name server is there: it is no cert server`
  return { status: 'wildcard', note, ttl: NEGATIVE.most, first, questions }
}

/** What the host has answered already is not asked again. */
function startingWith(
  { owner, answer }: { readonly owner: string; readonly answer: Answer },
  resolver: Resolver,
): Resolver {
  return {
    resolve: (name, type, options) =>
      name === owner && type === 'CERT' ? Promise.resolve(answer) : resolver.resolve(name, type, options),
  }
}

/**
 * Whether the domain answers for any name, by a wildcard that leads to the same addresses; `addresses` null: to such as
 * NET forbids as well.
 */
async function isWildcard(
  domain: string,
  addresses: readonly string[] | null,
  { reach, random }: Pick<DiscoveryNetwork, 'reach' | 'random'>,
  signal: AbortSignal,
): Promise<boolean> {
  const label = `no-such-host-${Math.floor(random() * 36 ** 8).toString(36)}`
  const name = `${label}.${domain}`
  const probed = isDnsName(name) ? await reach(name, signal) : null
  if (addresses === null) return probed?.status === 'refused'
  return probed?.status === 'ok' && probed.addresses.some((one) => addresses.includes(one))
}
