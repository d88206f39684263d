import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * Which addresses anyone on the Internet may reach (NET). IPv4: all but the IANA special-purpose registry (RFC 6890)
 * and multicast. Its few globally reachable corners (192.0.0.9, say) are anycast services, not web servers.
 */
const SPECIAL_V4 = blocks('ipv4', [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
])

/** IPv6: global unicast alone (RFC 4291 2.4). Loopback, link-local, unique local, multicast and the rest lie outside. */
const UNICAST_V6 = blocks('ipv6', ['2000::/3'])

/** What the registry takes out of it again: protocol assignments (Teredo too), documentation. */
const SPECIAL_V6 = blocks('ipv6', ['2001::/23', '2001:db8::/32', '3fff::/20'])

/** Whether an address, as text, is globally reachable; what is no address, or has a zone, is not. */
export function isGlobal(address: string): boolean {
  if (isIPv4(address)) return !SPECIAL_V4.check(address, 'ipv4')
  if (!isIPv6(address) || address.includes('%')) return false
  const inside = embeddedIpv4(groupsOf(address))
  if (inside !== null) return isGlobal(inside)
  return UNICAST_V6.check(address, 'ipv6') && !SPECIAL_V6.check(address, 'ipv6')
}

/** The IPv4 address that packets to an IPv6 one end at: mapped, NAT64 (RFC 6052), 6to4 (RFC 3056). */
function embeddedIpv4(groups: readonly number[]): string | null {
  const isMapped = startsWith(groups, [0, 0, 0, 0, 0, 0xffff])
  if (isMapped || startsWith(groups, [0x64, 0xff9b, 0, 0, 0, 0])) return ipv4Text(groups.slice(6))
  return groups[0] === 0x2002 ? ipv4Text(groups.slice(1, 3)) : null
}

function startsWith(groups: readonly number[], prefix: readonly number[]): boolean {
  return prefix.every((group, i) => groups[i] === group)
}

function ipv4Text(groups: readonly number[]): string {
  return groups.flatMap((group) => [group >> 8, group & 0xff]).join('.')
}

/** The eight 16-bit groups of a valid IPv6 address without zone. */
function groupsOf(address: string): readonly number[] {
  const [head = '', tail] = address.split('::')
  const left = parse(head)
  if (tail === undefined) return left
  const right = parse(tail)
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right]

  function parse(text: string): number[] {
    if (text === '') return []
    return text.split(':').flatMap((group) => {
      if (!group.includes('.')) return [Number.parseInt(group, 16)]
      const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
      return [a * 256 + b, c * 256 + d]
    })
  }
}

function blocks(family: 'ipv4' | 'ipv6', subnets: readonly string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [network = '', bits] = subnet.split('/')
    list.addSubnet(network, Number(bits), family)
  }
  return list
}
