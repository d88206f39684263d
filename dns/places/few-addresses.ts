import { isIPv6 } from 'node:net'
import type { Reach } from '../types.ts'

/**
 * NET for a host that a DNS answer named, of whose addresses two are dialled: one of each family where it has both, as
 * either may be beyond this machine's reach. Whoever publishes names as many as it likes, and each is a connection that
 * we open to somebody.
 */
export function fewAddresses(reach: Reach): Reach {
  return async (host, signal) => {
    const reached = await reach(host, signal)
    if (reached.status !== 'ok') return reached
    const [first = '', second] = reached.addresses
    const other = reached.addresses.find((one) => isIPv6(one) !== isIPv6(first)) ?? second
    return { ...reached, addresses: reached.addresses.filter((one) => one === first || one === other) }
  }
}
