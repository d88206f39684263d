import type { SrvData } from '../records/srv-record.ts'
import type { HostPort } from '../types.ts'
import type { LdapServer } from './types.ts'

const LDAPS_PORT = 636

/** What is known of a directory by its host and port: LDAPS at its own port, everywhere else StartTLS where it is offered. */
export function directoryAt({ host, port }: HostPort): Omit<LdapServer, 'addresses'> {
  return { host, port, secure: port === LDAPS_PORT }
}

/**
 * The order in which targets are asked (DISC-7): priority ascending; within a priority, drawn by weight as RFC 2782 has
 * it, and those of weight 0 after all others, as they came. `random`: at least 0, below 1.
 */
export function orderTargets(targets: readonly SrvData[], random: () => number): readonly SrvData[] {
  const priorities = [...new Set(targets.map(({ priority }) => priority))].toSorted((a, b) => a - b)
  return priorities.flatMap((priority) => {
    const same = targets.filter((target) => target.priority === priority)
    return [
      ...drawByWeight(
        same.filter(({ weight }) => weight > 0),
        random,
      ),
      ...same.filter(({ weight }) => weight === 0),
    ]
  })
}

function drawByWeight(targets: readonly SrvData[], random: () => number): readonly SrvData[] {
  const left = [...targets]
  const drawn: SrvData[] = []
  while (left.length > 0) {
    let point = random() * left.reduce((sum, { weight }) => sum + weight, 0)
    const hit = left.findIndex(({ weight }) => {
      point -= weight
      return point < 0
    })
    drawn.push(...left.splice(Math.max(hit, 0), 1))
  }
  return drawn
}
