/** The servers on which the table is published: BIND, three slapd, and the CA's web server. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Bind, certLine, startBind, wholeZone } from '../../services/bind.ts'
import { type PkiWeb, pkiWeb } from '../../services/pki-web.ts'
import { type Slapd, type SlapdEntry, startSlapd } from '../../services/slapd.ts'
import {
  addressOf,
  CASES,
  DIRECTORIES,
  type DirectoryName,
  type FixtureName,
  ownerOf,
  type SrvTarget,
  UNRESOLVABLE,
} from './cases.ts'
import { type Certificates, mintCertificates } from './certificates.ts'

/** How a name that has no such record is denied. */
export type Denial = 'NXDOMAIN' | 'NOERROR'

export interface World extends AsyncDisposable {
  /** For what tests write; it goes with the world. */
  readonly dir: string
  readonly certificates: Certificates
  /** The trust anchor, as a file. */
  readonly anchorFile: string
  readonly directories: Readonly<Record<DirectoryName, Slapd>>
  readonly web: PkiWeb
  /** A BIND with all of the table's zones. `small`: it sends no more than 512 bytes over UDP. */
  bind(options: { readonly denial: Denial; readonly small?: boolean }): Promise<Bind>
}

const ZONE = 'dcdt.example'
const NAMES: readonly DirectoryName[] = ['LDAP1', 'LDAP2', 'LDAP3']

export async function startWorld(): Promise<World> {
  await using started = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'direct-dcdt-'))
  started.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
  const web = started.use(await pkiWeb())
  const certificates = mintCertificates(web)
  const anchorFile = join(dir, 'anchor.pem')
  await writeFile(anchorFile, certificates.anchor.pem)
  const start = async (name: DirectoryName) =>
    [name, started.use(await startSlapd({ contexts: contextsOf(name, certificates) }))] as const
  const directories = Object.fromEntries(await Promise.all(NAMES.map(start))) as Record<DirectoryName, Slapd>
  const binds = started.use(new AsyncDisposableStack())
  const stop = started.move()
  return {
    dir,
    certificates,
    anchorFile,
    directories,
    web,
    bind: async ({ denial, small }) =>
      binds.use(
        await startBind({
          zones: { [ZONE]: zoneText(certificates, directories, denial) },
          options: `recursion no; minimal-responses yes; ${small ? 'max-udp-size 512; edns-udp-size 512;' : ''}`,
        }),
      ),
    [Symbol.asyncDispose]: () => stop.disposeAsync(),
  }
}

/** Each directory has a context without any entry before the one that has all. */
function contextsOf(name: DirectoryName, certificates: Certificates) {
  return [{ suffix: 'o=nobody' }, { suffix: 'dc=dcdt,dc=example', entries: entriesOf(name, certificates) }]
}

/** Those of the address under its `mail`, those of the domain under the domain's. */
function entriesOf(name: DirectoryName, certificates: Certificates): readonly SlapdEntry[] {
  return CASES.flatMap((one) => {
    const { ldapAddress, ldapDomain } = one.publishes
    const entry = (mail: string, names: readonly FixtureName[] = []) =>
      names.length === 0
        ? []
        : [{ mail, userCertificate: names.map((each) => certificates.get(each).certificate.der) }]
    return [...entry(addressOf(one), ldapAddress?.[name]), ...entry(one.domain, ldapDomain?.[name])]
  })
}

function zoneText(
  certificates: Certificates,
  directories: Readonly<Record<DirectoryName, Slapd>>,
  denial: Denial,
): string {
  const cert = (owner: string) => (name: FixtureName) =>
    certLine(owner, certificates.get(name).certificate.der)
  const srv = (domain: string, { priority, weight, target }: SrvTarget) => {
    const port = target === UNRESOLVABLE ? 389 : directories[target].port
    return `_ldap._tcp.${domain}. 600 IN SRV ${priority} ${weight} ${port} ${target.toLowerCase()}.${ZONE}.`
  }
  return wholeZone(ZONE, [
    ...NAMES.map((name) => `${name.toLowerCase()}.${ZONE}. 600 IN A 127.0.0.1`),
    ...Object.entries(DIRECTORIES).flatMap(([domain, targets]) => targets.map((each) => srv(domain, each))),
    ...CASES.flatMap((one) => [
      ...(one.publishes.dnsAddress ?? []).map(cert(ownerOf(one))),
      ...(one.publishes.dnsDomain ?? []).map(cert(one.domain)),
    ]),
    ...(denial === 'NOERROR'
      ? namesAskedFor().map((name) => `${name}. 600 IN TXT "nothing of that kind"`)
      : []),
  ])
}

/** Every name that anybody may ask for: where it exists, what is not there is NOERROR without an answer. */
function namesAskedFor(): readonly string[] {
  const ofCases = CASES.flatMap((one) => [
    ...[ownerOf(one), one.domain],
    ...[`_ldap._tcp.${one.domain}`, `certdns.${one.domain}`],
  ])
  return [...new Set([...ofCases, `${UNRESOLVABLE}.${ZONE}`])]
}
