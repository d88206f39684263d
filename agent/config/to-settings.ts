import { resolve } from 'node:path'
import type {
  AlgorithmSettings,
  CertificatePolicySettings,
  DeliverySettings,
  IdentitySettings,
  MailboxSettings,
  PolicySettings,
  PublishSettings,
  ServerSettings,
  Settings,
  StoreSettings,
} from '../settings.ts'
import type { SettingsBase } from './base.ts'
import type { KeyPath, Refuse } from './problems.ts'
import type { Configuration } from './schema.ts'
import { secretInEnv, secretOf } from './secrets.ts'
import { domainOf, isOpenOnTheWay, type ServerUrl, Wrong } from './values.ts'

/** Paths made absolute, secrets tied to their variables, defaults filled in. */
export function toSettings(data: Configuration, base: SettingsBase, refuse: Refuse): Settings {
  const path = (file: string) => resolve(base.dir, file)
  const optionalPath = (file: string | undefined) => (file === undefined ? undefined : path(file))
  const server = <More extends object>(
    url: ServerUrl,
    entry: {
      passwordEnv?: string | undefined
      tokenCommand?: readonly string[] | undefined
      ca?: string | undefined
    },
    at: KeyPath,
    more: More,
  ): ServerSettings & More => {
    const { host, port, secure, user } = url
    const key = [...at, 'passwordEnv']
    if (entry.passwordEnv !== undefined && url.password !== undefined)
      throw refuse(key, 'and the URL both hold a password: keep one of them')
    if (entry.passwordEnv !== undefined && user === undefined)
      throw refuse(key, 'needs a user in the URL: user@host')
    const { tokenCommand } = entry
    if (tokenCommand !== undefined && (entry.passwordEnv ?? url.password) !== undefined)
      throw refuse([...at, 'tokenCommand'], 'takes the place of a password: keep one of them')
    if (tokenCommand !== undefined && user === undefined)
      throw refuse([...at, 'tokenCommand'], 'needs a user in the URL: user@host')
    const { passwordEnv } = entry
    return {
      ...{ host, port, secure, user, ca: optionalPath(entry.ca), ...more },
      token: secretOf('token', entry, at, { base, refuse }),
      get password() {
        if (url.password !== undefined || passwordEnv === undefined) return url.password
        return secretInEnv(passwordEnv, base.env, (...why) => refuse(key, ...why))
      },
    }
  }
  return {
    origin: base.origin,
    dataDir: path(data.dataDir ?? 'data'),
    store: data.store && database(data.store, base, refuse),
    identities: data.identities.map((entry, i) => identity(entry, ['identities', i], base, refuse)),
    trust: data.trust.map((entry, i) => ({
      for: entry.for,
      direction: entry.direction,
      anchors: entry.anchors.map(path),
      bundles: entry.bundles.map(({ url, signedBy, refreshHours }, j) => {
        if (signedBy === undefined && isOpenOnTheWay(url) && !data.network.allowPrivate)
          throw refuse(['trust', i, 'bundles', j, 'url'], OPEN_BUNDLE.text, OPEN_BUNDLE.hint)
        return { url, signedBy: optionalPath(signedBy), refreshHours }
      }),
    })),
    certificates: data.certificates.map(path),
    dns: { servers: data.dns.servers, timeoutMs: data.dns.timeoutMs, followUrls: data.dns.followUrls },
    ldap: data.ldap,
    publish: publishing(data.publish, refuse),
    certServers: byDomain(data.certServers, ['certServers'], refuse),
    revocation: data.revocation,
    certificatePolicy: policies(data.certificatePolicy, path),
    network: data.network,
    smtp: data.smtp && server(data.smtp.url, data.smtp, ['smtp'], { connections: data.smtp.connections }),
    mailboxes: data.mailboxes.map((entry, i): MailboxSettings => {
      const folder = folderOf(entry)
      if (data.mailboxes.findIndex((other) => nameOf(other) === nameOf(entry)) < i)
        throw refuse(['mailboxes', i, entry.name === undefined ? 'imap' : 'name'], 'is there twice')
      if (folder.toLowerCase() === entry.asideFolder.toLowerCase())
        throw refuse(['mailboxes', i, 'asideFolder'], 'must be another folder than the one that is polled')
      return {
        name: nameOf(entry),
        server: server(entry.imap, entry, ['mailboxes', i], {}),
        folder,
        asideFolder: entry.asideFolder,
        addresses: entry.addresses ?? null,
        pollSeconds: entry.pollSeconds,
      }
    }),
    deliver: data.deliver && delivery(data.deliver, base, refuse),
    tlsDomains: data.tlsDomains.map((entry, i) => {
      if (data.tlsDomains.findIndex((other) => other.domain === entry.domain) < i)
        throw refuse(['tlsDomains', i, 'domain'], 'is there twice')
      return { domain: entry.domain, server: server(entry.server, { ca: entry.ca }, ['tlsDomains', i], {}) }
    }),
    algorithms: {
      ...DEFAULT_ALGORITHMS,
      ...given(data.algorithms),
      byDomain: new Map(
        [...byDomain(data.algorithms.byDomain, ['algorithms', 'byDomain'], refuse)].map(([domain, entry]) => [
          domain,
          given(entry),
        ]),
      ),
    },
    legacy: data.legacy,
    retention: retaining(data.retention, refuse),
    operations: data.operations,
    notifications: {
      timeoutMs: data.notifications.timeoutMinutes * 60_000,
      failureNotice: data.notifications.failureNotice,
      perCorrespondentPerHour: Math.floor(data.notifications.perCorrespondentPerHour),
    },
    receive: data.receive,
  }
}

function folderOf({ imap }: Configuration['mailboxes'][number]): string {
  return imap.path === '' ? 'INBOX' : imap.path
}

/** Two mailboxes of one name would share one ledger. */
function nameOf(entry: Configuration['mailboxes'][number]): string {
  const { user = '', host, port } = entry.imap
  return entry.name ?? `${user}@${host}:${port}/${folderOf(entry)}`
}

/** The schema has seen to it that exactly one place of the private key, and one of the password at most, is given. */
function identity(
  entry: Configuration['identities'][number],
  at: KeyPath,
  base: SettingsBase,
  refuse: Refuse,
): IdentitySettings {
  const path = (file: string | undefined) => resolve(base.dir, file ?? '')
  const name = entry.for
  if (entry.key !== undefined)
    return { for: name, certificate: path(entry.certificate), privateKey: null, key: entry.key }
  const password = secretOf('password', entry, at, { base, refuse })
  if (entry.pkcs12 === undefined)
    return { for: name, certificate: path(entry.certificate), privateKey: path(entry.privateKey), password }
  const file = path(entry.pkcs12)
  return { for: name, certificate: file, privateKey: file, isPkcs12: true, password }
}

/** The schema has seen to it that the password stands in one place at most. */
function database(
  { url, ca, connections, ...entry }: NonNullable<Configuration['store']>,
  base: SettingsBase,
  refuse: Refuse,
): StoreSettings {
  const { host, port, user = '', path: database } = url
  const given = url.password
  return {
    ...{ host, port, user, database },
    password:
      given === undefined ? secretOf('password', entry, ['store'], { base, refuse }) : async () => given,
    ca: ca === undefined ? undefined : resolve(base.dir, ca),
    connections: Math.floor(connections),
  }
}

/** The schema has seen to it that exactly one place is given, and one of the secret. */
function delivery(
  { folder, webhook }: NonNullable<Configuration['deliver']>,
  base: SettingsBase,
  refuse: Refuse,
): DeliverySettings {
  if (webhook === undefined) return { folder: resolve(base.dir, folder ?? '') }
  const { url, ca, timeoutMs, giveUpHours, events } = webhook
  const at = ['deliver', 'webhook']
  // A short one could be found out by whoever has seen a request.
  const secret = secretOf('secret', webhook, at, { base, refuse, atLeast: 16 })
  if (secret === undefined) throw refuse([...at, 'secretEnv'], 'is missing')
  return {
    webhook: {
      url,
      secret,
      ca: ca === undefined ? undefined : resolve(base.dir, ca),
      timeoutMs,
      giveUpMs: giveUpHours * 3_600_000,
      events,
    },
  }
}

/** A trust bundle that nobody signed, by a URL whose answer anybody may have written (TR-4). */
export const OPEN_BUNDLE = {
  text: 'is plain http, and no signedBy is given: whoever is on the way could change whom we believe',
  hint: 'Name the certificate that signs the bundle (signedBy, --signed-by), or fetch it by https. (To loopback, and for tests with network.allowPrivate, plain http will do.)',
} as const

/** protocol.md ALG, "we generate". */
const DEFAULT_ALGORITHMS: AlgorithmSettings = {
  keyTransport: 'rsa-oaep-sha256',
  content: 'aes-256-cbc',
  digest: 'sha-256',
  signature: 'rsa-pkcs1',
}

function policies(
  { encrypt, verify, own }: Configuration['certificatePolicy'],
  path: (file: string) => string,
): CertificatePolicySettings {
  const settings = (policy: NonNullable<typeof encrypt>): PolicySettings => ({
    ...(policy.keyUsage && { keyUsage: policy.keyUsage }),
    ...(policy.policies && { policies: policy.policies }),
    ...(policy.minRsaBits && { minRsaBits: policy.minRsaBits }),
    ...(policy.issuers && { issuers: policy.issuers.map(path) }),
  })
  return {
    ...(encrypt && { encrypt: settings(encrypt) }),
    ...(verify && { verify: settings(verify) }),
    ...(own && { own: settings(own) }),
  }
}

/** An address of a host that nothing here names is a slip of the pen, and the host that was meant has none. */
function publishing(publish: Configuration['publish'], refuse: Refuse): PublishSettings {
  const { listen, nameServers, mailServers, directories } = publish
  const hosts = [...nameServers, ...mailServers, ...directories.map(({ host }) => host)]
  const at = ['publish', 'addresses']
  const addresses = byDomain(publish.addresses, at, refuse)
  const unnamed = Object.keys(publish.addresses).find((key) => !hosts.some((host) => host === domainOf(key)))
  if (unnamed !== undefined)
    throw refuse(
      [...at, unnamed],
      `is of a host that publish does not name${hosts.length === 0 ? '' : `; it names ${hosts.join(', ')}`}`,
      'Name it in publish.nameServers, mailServers or directories, or take its addresses out.',
    )
  return { ...publish, listen, addresses }
}

/** A message that is still there, and nobody knows any more who sent it: that cannot be meant. */
function retaining(retention: Configuration['retention'], refuse: Refuse): Configuration['retention'] {
  const { messageDays, auditDays } = retention
  if (auditDays !== undefined && auditDays < (messageDays ?? Number.POSITIVE_INFINITY))
    throw refuse(
      ['retention', 'auditDays'],
      `is less than messageDays, which is ${messageDays ?? 'left out, for ever'}`,
      'Keep the audit at least as long as the messages that it speaks of.',
    )
  return retention
}

type GivenAlgorithms = Configuration['algorithms']['byDomain'][string]

function given(entry: GivenAlgorithms): Partial<AlgorithmSettings> {
  const { keyTransport, content, digest, signature } = entry
  return {
    ...(keyTransport && { keyTransport }),
    ...(content && { content }),
    ...(digest && { digest }),
    ...(signature && { signature }),
  }
}

function byDomain<Value>(
  record: Readonly<Record<string, Value>>,
  at: KeyPath,
  refuse: Refuse,
): ReadonlyMap<string, Value> {
  const map = new Map<string, Value>()
  for (const [key, value] of Object.entries(record)) {
    const domain = domainOf(key)
    if (domain instanceof Wrong) throw refuse([...at, key], domain.expected)
    if (map.has(domain)) throw refuse([...at, key], 'is there twice')
    map.set(domain, value)
  }
  return map
}
