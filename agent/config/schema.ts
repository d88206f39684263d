import { z } from 'zod'
import type { KeyUsage, RevocationMode } from '../../trust-anchors/index.ts'
import type { CertServerSettings } from '../settings.ts'
import type { ContentCipher, Digest, KeyTransport } from '../smime/algorithms.ts'
import type { PrivateKey } from '../smime/private-key.ts'
import {
  atMost,
  command,
  file,
  folder,
  givenOf,
  keepOne,
  ledgerName,
  map,
  number,
  oneOf,
  some,
  text,
  variable,
  wrong,
} from './kinds.ts'
import {
  domainOf,
  domainOrAddressOf,
  hostNameOf,
  hostPortOf,
  ipOf,
  loopbackOf,
  nameServerOf,
  oidOf,
  type ServerUrl,
  serverUrlOf,
  Wrong,
  webhookUrlOf,
  webUrlOf,
} from './values.ts'

/**
 * The shape of `direct.yaml` (docs/configuration.md) and what each value must be. It knows no files and no environment:
 * paths stay as written, and `passwordEnv` is a name.
 */

const domain = text(domainOf)
const domainOrAddress = text(domainOrAddressOf)
const hostName = text(hostNameOf)
const directory = text((server) => hostPortOf(server, 389))
/** Submission (RFC 6409) for our own relay; a partner's server is handed mail as an MX is, on port 25. */
const smtpUrl = text((url) => withoutPath(serverUrlOf(url, { smtp: 587, smtps: 465 })))
const partnerUrl = text((url) => withoutLogin(withoutPath(serverUrlOf(url, { smtp: 25, smtps: 465 }))))
const imapUrl = text((url) => serverUrlOf(url, { imap: 143, imaps: 993 }))

const names = z.array(domain)

/** Of the places of a password there is one at most. */
const passwordPlaces = {
  passwordEnv: variable.optional(),
  passwordFile: file.optional(),
  passwordCommand: command.optional(),
}
const PASSWORDS = ['passwordEnv', 'passwordFile', 'passwordCommand'] as const

const identity = map({
  for: domainOrAddress,
  certificate: file.optional(),
  privateKey: file.optional(),
  pkcs12: file.optional(),
  key: z
    .custom<PrivateKey>(
      isPrivateKey,
      'must be an object with the functions sign and decrypt, given to createAgent',
    )
    .optional(),
  ...passwordPlaces,
}).superRefine((entry, context) => {
  const places = givenOf(entry, ['pkcs12', 'key', 'privateKey'])
  const place = keepOne(context, places, 'both say where the private key is')
  if (entry.pkcs12 !== undefined && entry.certificate !== undefined)
    wrong(context, 'certificate', 'stands beside pkcs12, which holds the certificate: keep one of them')
  if (entry.pkcs12 === undefined && entry.certificate === undefined)
    wrong(context, 'certificate', 'is missing')
  if (place === undefined) wrong(context, 'privateKey', 'is missing')
  const password = keepOne(context, givenOf(entry, PASSWORDS), 'both give the password')
  if (password !== undefined && place === 'key') wrong(context, password, 'opens a file, and key is none')
})

const trust = map({
  for: text((name) => (name === '*' ? name : domainOrAddressOf(name))),
  direction: oneOf(['both', 'incoming', 'outgoing']).default('both'),
  anchors: z.array(file).default([]),
  bundles: z
    .array(
      map({
        url: text(webUrlOf),
        signedBy: file.optional(),
        refreshHours: number(0.1, 744, 'hours').default(24),
      }),
    )
    .default([]),
})

/** Those that say something about the certificate of an address or domain. */
const END_ENTITY_USAGES: readonly KeyUsage[] = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
]

const policy = map({
  keyUsage: some(oneOf(END_ENTITY_USAGES)),
  policies: some(text(oidOf)),
  minRsaBits: number(2048, 8192, 'bits').optional(),
  issuers: some(file),
}).optional()

const postgresUrl = text((value) => {
  const url = serverUrlOf(value, { postgres: 5432, postgresql: 5432 })
  if (url instanceof Wrong) return url
  if (url.user === undefined)
    return new Wrong('must name a user before the host: postgres://USER@HOST/DATABASE')
  if (url.path === '' || url.path.includes('/'))
    return new Wrong('must end in the name of a database: postgres://USER@HOST/DATABASE')
  return url
})

const store = map({
  url: postgresUrl,
  ...passwordPlaces,
  ca: file.optional(),
  connections: number(1, 100, 'connections').default(8),
}).superRefine((entry, context) => {
  const passwords = [...(entry.url.password === undefined ? [] : ['the URL']), ...givenOf(entry, PASSWORDS)]
  keepOne(context, passwords, 'both give the password')
})

const smtp = map({
  url: smtpUrl,
  passwordEnv: variable.optional(),
  tokenCommand: command.optional(),
  ca: file.optional(),
  connections: number(1, 50, 'connections').default(4),
})

const webhook = map({
  url: text(webhookUrlOf),
  secretEnv: variable.optional(),
  secretFile: file.optional(),
  secretCommand: command.optional(),
  ca: file.optional(),
  timeoutMs: number(100, 600_000, 'milliseconds').default(30_000),
  giveUpHours: number(0.1, 720, 'hours').default(24),
  events: z.boolean().default(true),
}).superRefine((entry, context) => {
  const secrets = givenOf(entry, ['secretEnv', 'secretFile', 'secretCommand'])
  if (keepOne(context, secrets, 'both give the secret') === undefined)
    wrong(context, 'secretEnv', 'is missing')
})

const deliver = map({ folder: file.optional(), webhook: webhook.optional() }).superRefine(
  (entry, context) => {
    const places = givenOf(entry, ['folder', 'webhook'])
    if (keepOne(context, places, 'both say where messages go') === undefined)
      wrong(context, 'folder', 'is missing')
  },
)

const mailbox = map({
  name: ledgerName.optional(),
  imap: imapUrl,
  passwordEnv: variable.optional(),
  tokenCommand: command.optional(),
  ca: file.optional(),
  addresses: z.array(domainOrAddress).optional(),
  asideFolder: folder.default('Direct-Refused'),
  pollSeconds: number(1, 86_400, 'seconds').default(30),
})

const algorithms = {
  keyTransport: oneOf<KeyTransport>([
    'rsa-oaep-sha1',
    'rsa-oaep-sha256',
    'rsa-oaep-sha384',
    'rsa-oaep-sha512',
    'rsa-pkcs1',
  ]).optional(),
  content: oneOf<ContentCipher>([
    'aes-128-cbc',
    'aes-192-cbc',
    'aes-256-cbc',
    'aes-128-gcm',
    'aes-256-gcm',
  ]).optional(),
  digest: oneOf<Digest>(['sha-256', 'sha-384', 'sha-512']).optional(),
  signature: oneOf(['rsa-pkcs1', 'rsa-pss']).optional(),
}

export const configuration = map({
  dataDir: file.optional(),
  store: store.optional(),
  identities: z.array(identity).default([]),
  trust: z.array(trust).default([]),
  certificates: z.array(file).default([]),
  dns: map({
    servers: z.array(text(nameServerOf)).min(1, 'must name a server, or be left out').optional(),
    timeoutMs: number(10, 600_000, 'milliseconds').default(3000),
    followUrls: z.boolean().default(false),
  }).prefault({}),
  ldap: map({ timeoutMs: number(10, 600_000, 'milliseconds').default(5000) }).prefault({}),
  certServers: z.record(z.string(), z.string().transform(certServer)).default({}),
  publish: map({
    listen: text((value) => hostPortOf(value, 53)).optional(),
    nameServers: atMost(13, hostName),
    mailServers: atMost(13, hostName),
    directories: atMost(8, directory),
    addresses: z.record(z.string(), z.array(text(ipOf)).min(1, 'must hold an IP address')).default({}),
    ttl: number(60, 86_400, 'seconds').default(3600),
  }).prefault({}),
  revocation: oneOf<RevocationMode>(['require', 'prefer', 'off']).default('require'),
  certificatePolicy: map({ encrypt: policy, verify: policy, own: policy }).prefault({}),
  network: map({ allowPrivate: z.boolean().default(false) }).prefault({}),
  smtp: smtp.optional(),
  mailboxes: z.array(mailbox).default([]),
  deliver: deliver.optional(),
  tlsDomains: z.array(map({ domain, server: partnerUrl, ca: file.optional() })).default([]),
  algorithms: map({
    ...algorithms,
    byDomain: z.record(z.string(), map(algorithms)).default({}),
  }).prefault({}),
  legacy: map({
    sha1From: names.default([]),
    tripleDesFrom: names.default([]),
    subjectEmail: z.boolean().default(false),
  }).prefault({}),
  retention: map({
    messageDays: number(1, 36_500, 'days').optional(),
    auditDays: number(1, 36_500, 'days').optional(),
  }).prefault({}),
  operations: map({ listen: text(loopbackOf).optional() }).prefault({}),
  notifications: map({
    timeoutMinutes: number(0.1, 10_080, 'minutes').default(60),
    failureNotice: z.boolean().default(true),
    perCorrespondentPerHour: number(1, 1_000_000, 'MDNs').default(20_000),
  }).prefault({}),
  receive: map({
    unwrapped: oneOf(['accept', 'refuse']).default('accept'),
    envelopeRecipients: oneOf(['warn', 'refuse']).default('warn'),
    mailFrom: oneOf(['refuse', 'warn']).default('refuse'),
    senderOnlyFrom: names.default([]),
  }).prefault({}),
})

export type Configuration = z.output<typeof configuration>

function isPrivateKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return ['sign', 'decrypt'].every((name) => typeof Reflect.get(value, name) === 'function')
}

const CERT_SERVER_PORTS: Readonly<Record<string, number>> = { dns: 53, ldap: 389, ldaps: 636 }

function certServer(value: string, context: z.RefinementCtx): CertServerSettings {
  const [, scheme = '', server = ''] = /^(dns|ldaps?):\/\/([^/]+)\/?$/i.exec(value) ?? []
  const protocol = scheme.toLowerCase()
  const parsed = hostPortOf(server, CERT_SERVER_PORTS[protocol] ?? 0)
  if (!(parsed instanceof Wrong))
    return { ...parsed, protocol: protocol === 'dns' ? 'dns' : 'ldap', secure: protocol === 'ldaps' }
  context.addIssue({
    code: 'custom',
    message: 'must be a URL such as dns://192.0.2.53:53 or ldap://directory.example:389',
  })
  return z.NEVER
}

function withoutPath(url: ServerUrl | Wrong): ServerUrl | Wrong {
  return url instanceof Wrong || url.path === '' ? url : new Wrong('must end after the port')
}

function withoutLogin(url: ServerUrl | Wrong): ServerUrl | Wrong {
  return url instanceof Wrong || (url.user ?? url.password) === undefined
    ? url
    : new Wrong('must not hold a user or password: nobody logs in at a partner')
}
