import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensurePackages } from './apt.ts'
import { freePorts, privateFolder, startProcess } from './process.ts'

/** One entry: an inetOrgPerson with this `mail`, an address or a domain. */
export interface SlapdEntry {
  readonly mail: string
  /** DER, published as `userCertificate;binary`; the server takes nothing but certificates. */
  readonly userCertificate?: readonly Uint8Array[]
  /** Published as `userSMIMECertificate`: any bytes. */
  readonly userSMIMECertificate?: readonly Uint8Array[]
}

/** One naming context. */
export interface SlapdContext {
  /** `dc=d,dc=example`, `o=clinic` or `ou=clinic`. */
  readonly suffix: string
  /** Whole LDIF with the entry of the suffix itself ('': not even that), or entries to put below it. Default: none. */
  readonly entries?: string | readonly SlapdEntry[]
  /** Nobody may read it: searches come back as insufficientAccessRights. */
  readonly denied?: boolean
  /** The password of `cn=admin,<suffix>`, who may write. Default: nobody may. */
  readonly administrator?: string
  /** It is read under TLS alone, else confidentialityRequired. Needs `tls`. */
  readonly onlyUnderTls?: boolean
}

export interface SlapdOptions {
  readonly contexts: readonly SlapdContext[]
  /** Files in PEM: StartTLS and LDAPS are offered when they are given. */
  readonly tls?: { readonly certificate: string; readonly privateKey: string }
  /** The rootDSE names no naming context. */
  readonly hideContexts?: boolean
  /** Most entries that a search gives. Default 500. */
  readonly sizeLimit?: number
  /** Log nothing while it runs: `operations` is empty then. For measuring. */
  readonly quiet?: boolean
  /** Where the private folder is made. Default: the system's temporary folder. */
  readonly dir?: string
}

export interface Slapd extends AsyncDisposable {
  readonly host: '127.0.0.1'
  /** LDAP, with StartTLS where `tls` was given. */
  readonly port: number
  /** LDAPS; null unless a certificate was given. */
  readonly securePort: number | null
  readonly logFile: string
  /** What it was asked, by kind: `ACCEPT` (a connection), `SRCH`, `STARTTLS`, `BIND`. */
  operations(kind: 'ACCEPT' | 'SRCH' | 'STARTTLS' | 'BIND'): Promise<number>
}

const run = promisify(execFile)

const SCHEMAS = ['core', 'cosine', 'inetorgperson']

/**
 * A real OpenLDAP server in a private folder, on 127.0.0.1 and free ports, its entries loaded before it starts. Dispose
 * of it to stop it and to remove its folder.
 */
export async function startSlapd(options: SlapdOptions): Promise<Slapd> {
  const { slapd, slapadd } = await ensurePackages({ slapd: 'slapd', slapadd: 'slapd' })
  const folder = await privateFolder('slapd', options.dir)
  const logFile = join(folder, 'log')
  const conf = join(folder, 'slapd.conf')
  try {
    await writeFile(logFile, '')
    await writeFile(conf, configuration(options, folder, logFile))
    await load(options.contexts, folder, (suffix, ldif) =>
      run(slapadd, ['-q', '-f', conf, '-b', suffix, '-l', ldif]),
    )
  } catch (error) {
    await rm(folder, { recursive: true, force: true })
    throw error
  }
  const [port = 0, securePort = 0] = await freePorts(2)
  const tls = options.tls !== undefined
  const urls = [`ldap://127.0.0.1:${port}/`, ...(tls ? [`ldaps://127.0.0.1:${securePort}/`] : [])]
  const process = await startProcess({
    command: slapd,
    // With -d it stays in the foreground.
    args: ['-d', options.quiet ? '0' : 'stats', '-f', conf, '-h', urls.join(' ')],
    folder,
    logFile,
    ports: [port, ...(tls ? [securePort] : [])],
  })
  // Each port was tried by one connection, which may come into the log only later.
  const ours = tls ? 2 : 1
  return {
    host: '127.0.0.1',
    port,
    securePort: tls ? securePort : null,
    logFile,
    async operations(kind) {
      const log = await readFile(logFile, 'utf8')
      const count = log.split('\n').filter((line) => OPERATION[kind].test(line)).length
      return kind === 'ACCEPT' ? Math.max(0, count - ours) : count
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  }
}

async function load(
  contexts: readonly SlapdContext[],
  folder: string,
  add: (suffix: string, ldif: string) => Promise<unknown>,
): Promise<void> {
  for (const index of contexts.keys()) await mkdir(join(folder, `db-${index}`))
  for (const [index, { suffix, entries = [] }] of contexts.entries()) {
    if (entries === '') continue
    const ldif = join(folder, `${index}.ldif`)
    await writeFile(ldif, typeof entries === 'string' ? entries : ldifOf(suffix, entries))
    await add(suffix, ldif)
  }
}

const OPERATION = {
  ACCEPT: / ACCEPT from /,
  SRCH: / SRCH base=/,
  STARTTLS: / STARTTLS$/,
  BIND: / BIND dn=/,
} as const

function configuration(options: SlapdOptions, folder: string, logFile: string): string {
  const { contexts, tls, hideContexts, sizeLimit = 500 } = options
  const databases = contexts.map(
    ({ suffix, denied, onlyUnderTls, administrator }, index) => `
database mdb
suffix "${suffix}"
${administrator === undefined ? '' : `rootdn "cn=admin,${suffix}"\nrootpw ${administrator}`}
directory ${folder}/db-${index}
maxsize 268435456
dbnosync
index objectClass,mail eq
${onlyUnderTls ? 'security tls=1' : ''}
access to * by * ${denied ? 'disclose' : 'read'}
`,
  )
  return `${SCHEMAS.map((name) => `include /etc/ldap/schema/${name}.schema`).join('\n')}
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile ${folder}/pid
argsfile ${folder}/args
logfile ${logFile}
sizelimit ${sizeLimit}
${tls === undefined ? '' : `TLSCertificateFile ${tls.certificate}\nTLSCertificateKeyFile ${tls.privateKey}`}
${hideContexts ? 'access to dn.base="" attrs=namingContexts by * none\naccess to * by * read' : ''}
${databases.join('')}`
}

/** The entry of the suffix, and one below it for each of `entries`. */
function ldifOf(suffix: string, entries: readonly SlapdEntry[]): string {
  const [, attribute = '', value = ''] = /^(dc|o|ou)=([^,]+)/.exec(suffix) ?? []
  const kind = { dc: ['dcObject', 'organization'], o: ['organization'], ou: ['organizationalUnit'] }[
    attribute
  ]
  if (kind === undefined) throw new Error(`the suffix ${suffix} has to begin with dc=, o= or ou=`)
  const top = [
    `dn: ${suffix}`,
    ...kind.map((name) => `objectClass: ${name}`),
    `${attribute}: ${value}`,
    ...(attribute === 'dc' ? [`o: ${value}`] : []),
  ]
  const below = entries.map(({ mail, userCertificate = [], userSMIMECertificate = [] }, index) => [
    `dn: cn=entry ${index},${suffix}`,
    'objectClass: inetOrgPerson',
    `cn: entry ${index}`,
    'sn: entry',
    `mail:: ${base64(Buffer.from(mail))}`,
    ...userCertificate.map((der) => `userCertificate;binary:: ${base64(der)}`),
    ...userSMIMECertificate.map((der) => `userSMIMECertificate:: ${base64(der)}`),
  ])
  return [top, ...below].map((lines) => `${lines.join('\n')}\n`).join('\n')
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}
