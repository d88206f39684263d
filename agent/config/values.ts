import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'
import type { HostPort } from '../../dns/index.ts'
import { parseAddress, parseDomain } from '../address.ts'

/**
 * The small languages inside configuration values. Each function returns the value, or a `Wrong` that says
 * what was expected; a `Wrong` never repeats the text, which may hold a password.
 */
export class Wrong {
  readonly expected: string

  constructor(expected: string) {
    this.expected = expected
  }
}

/** A server's URL, taken apart. `path` is decoded and has no leading slash. */
export interface ServerUrl extends HostPort {
  readonly secure: boolean
  readonly user: string | undefined
  readonly password: string | undefined
  readonly path: string
}

/** A domain as lower-case A-labels. */
export function domainOf(text: string): string | Wrong {
  return parseDomain(text) ?? new Wrong('must be a domain name such as clinic-a.example')
}

/** A domain, or an address as its key (`Address.key`). */
export function domainOrAddressOf(text: string): string | Wrong {
  if (!text.includes('@')) return domainOf(text)
  const address = parseAddress(text)
  return 'key' in address
    ? address.key
    : new Wrong('must be a domain or an address such as dr.kim@clinic-a.example')
}

/** A host by its name, as DNS records name it: lower-case A-labels. */
export function hostNameOf(text: string): string | Wrong {
  return parseDomain(text) ?? new Wrong('must be the name of a host such as ns1.clinic-a.example')
}

/** `host`, `host:port`, `[IPv6]:port` or a bare IPv6 address. */
export function hostPortOf(text: string, defaultPort: number): HostPort | Wrong {
  const wrong = new Wrong('must be a host, host:port or [IPv6]:port')
  if (isIP(text) === 6) return { host: text.toLowerCase(), port: defaultPort }
  const parts = /^(\[[^[\]]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text)
  const host = hostOf(parts?.[1] ?? '')
  const port = parts?.[2] === undefined ? defaultPort : Number(parts[2])
  return host === null || port < 1 || port > 65_535 ? wrong : { host, port }
}

/** An IPv4 or IPv6 address. */
export function ipOf(text: string): string | Wrong {
  return isIP(text) > 0 && !text.includes('%') ? text.toLowerCase() : new Wrong('must be an IP address')
}

/** Where nobody but this machine can ask: 127.0.0.0/8, [::1] or localhost, with a port. */
export function loopbackOf(text: string): HostPort | Wrong {
  const wrong = new Wrong('must be a loopback address with a port, such as 127.0.0.1:9464')
  const at = hostPortOf(text, 0)
  if (at instanceof Wrong || at.port === 0) return wrong
  if (at.host === 'localhost') return { host: '127.0.0.1', port: at.port }
  return at.host === '::1' || (isIP(at.host) === 4 && at.host.startsWith('127.')) ? at : wrong
}

/** A DNS server: its address, since a name could not be resolved before there is a server to ask. */
export function nameServerOf(text: string): HostPort | Wrong {
  const server = hostPortOf(text, 53)
  if (server instanceof Wrong) return server
  if (server.host === 'localhost') return { host: '127.0.0.1', port: server.port }
  return isIP(server.host) > 0
    ? server
    : new Wrong(
        'must be an IP address, with a port if it is not 53: a name cannot be resolved without a server',
      )
}

/**
 * `scheme://[user[:password]@]host[:port][/path]`, where `schemes` gives each scheme's default port; one that
 * ends in `s` is TLS from the start.
 */
export function serverUrlOf(text: string, schemes: Readonly<Record<string, number>>): ServerUrl | Wrong {
  const known = Object.keys(schemes).map((scheme) => `${scheme}://`)
  const wrong = new Wrong(`must be a URL such as ${known[0]}host:port, and begin with ${known.join(' or ')}`)
  const url = URL.parse(text)
  const defaultPort = url === null ? undefined : schemes[url.protocol.slice(0, -1)]
  if (url === null || defaultPort === undefined) return wrong
  const host = hostOf(url.hostname)
  if (host === null)
    return new Wrong('must name a host after //; encode @ : / ? # in a user or password as %40 …')
  if (url.search !== '' || url.hash !== '')
    return new Wrong('must not hold ? or #; encode them in a user or password as %3F, %23')
  try {
    const password = decodeURIComponent(url.password)
    const user = decodeURIComponent(url.username)
    const path = decodeURIComponent(url.pathname.replace(/^\//, ''))
    if (hasControls(user + password + path)) return new Wrong('must not hold control characters')
    return {
      host,
      port: url.port === '' ? defaultPort : Number(url.port),
      secure: url.protocol.endsWith('s:'),
      user: user === '' ? undefined : user,
      password: password === '' ? undefined : password,
      path,
    }
  } catch {
    // The one thing that decodeURIComponent throws: a URIError, for a lone % or bytes that are not UTF-8.
    return new Wrong('must write a % in a user or password as %25')
  }
}

/** The URL of a file that is fetched: http or https, no login. */
export function webUrlOf(text: string): string | Wrong {
  const url = URL.parse(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol) || hostOf(url.hostname) === null)
    return new Wrong('must be a URL such as https://bundles.example/anchors.p7b')
  if (url.username !== '' || url.password !== '') return new Wrong('must not hold a user or password')
  return url.href
}

/** An absolute URL of our own EHR: by TLS, or to this machine. */
export function webhookUrlOf(text: string): string | Wrong {
  const url = webUrlOf(text)
  if (url instanceof Wrong)
    return new Wrong(url.expected.replace('bundles.example/anchors.p7b', 'ehr.example/direct'))
  if (isOpenOnTheWay(url))
    return new Wrong('must be https: messages would go in the clear (http will do to 127.0.0.1)')
  return url.includes('#') ? new Wrong('must not hold a #') : url
}

/** Whether whoever is on the way could change what a web URL gives: plain http to another machine. */
export function isOpenOnTheWay(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !/^((.+\.)?localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}

/** An object identifier with dots, such as 2.16.840.1.113733.1.7.23.1.1. */
export function oidOf(text: string): string | Wrong {
  return /^[0-2](\.(0|[1-9]\d{0,38})){1,31}$/.test(text)
    ? text
    : new Wrong('must be an object identifier such as 1.3.6.1.4.1.41179.0.1.2')
}

export function hasControls(text: string): boolean {
  return /[\u0000-\u001f\u007f-\u009f]/.test(text)
}

function hostOf(text: string): string | null {
  const bare = text.startsWith('[') ? text.slice(1, -1) : text
  if (isIP(bare) > 0) return bare.toLowerCase()
  if (text.startsWith('[')) return null
  const name = domainToASCII(decodeHost(bare))
  return name.length <= 253 && /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/.test(name) ? name : null
}

/** The URL parser percent-encodes the letters of an IDN host, as it does not know the mail schemes. */
function decodeHost(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A URIError: not an encoding, so not a host; the caller's pattern refuses the percent sign.
    return text
  }
}
