import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeCertRecord } from '../../dns/resolver/index.ts'
import { ensurePackages } from './apt.ts'
import { freePorts, privateFolder, startProcess } from './process.ts'

export interface BindOptions {
  /**
   * Zones that it answers for, by name: master-file text with SOA and NS (`wholeZone` adds them to records alone).
   * None: it is a forwarder or a resolver by `options` and `clauses`.
   */
  readonly zones?: Readonly<Record<string, string>>
  /** Lines for the `options` block. Default: `recursion no;`, and no more. */
  readonly options?: string
  /** Further clauses of named.conf, such as forward zones. */
  readonly clauses?: string
  /** An address of loopback. Default 127.0.0.1. */
  readonly host?: string
  /** Default: one that is free. */
  readonly port?: number
}

export interface Bind extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** As `dns.servers` takes it. */
  readonly server: string
  readonly logFile: string
}

/** A real BIND on loopback, in a private folder. Dispose of it to stop it and to remove its folder. */
export async function startBind(options: BindOptions): Promise<Bind> {
  const { named } = await ensurePackages({ named: 'bind9' })
  const folder = await privateFolder('bind')
  const host = options.host ?? '127.0.0.1'
  const port = options.port ?? ((await freePorts(1))[0] as number)
  const logFile = join(folder, 'log')
  await mkdir(join(folder, 'cache'))
  const zones: string[] = []
  for (const [name, text] of Object.entries(options.zones ?? {})) {
    const file = join(folder, `${name === '.' ? 'root' : name}.zone`)
    await writeFile(file, text)
    zones.push(`zone "${name}" { type primary; file "${file}"; };`)
  }
  const configuration = join(folder, 'named.conf')
  await writeFile(
    configuration,
    `options {
  directory "${folder}/cache";
  listen-on port ${port} { ${host}; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  dnssec-validation no;
  empty-zones-enable no;
  ${options.options ?? 'recursion no;'}
};
controls { };
${zones.join('\n')}
${options.clauses ?? ''}
`,
  )
  const process = await startProcess({
    command: named,
    args: ['-f', '-L', logFile, '-c', configuration, '-n', '1'],
    folder,
    logFile,
    host,
    ports: [port],
  })
  return {
    host,
    port,
    server: `${host}:${port}`,
    logFile,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  }
}

/** A zone file around records with absolute owners: SOA, and a name server that nobody needs to reach. */
export function wholeZone(
  name: string,
  records: readonly string[],
  { minimum = 120 }: { readonly minimum?: number } = {},
): string {
  return [
    `${name}. 600 IN SOA ns.${name}. hostmaster.${name}. 1 7200 900 1209600 ${minimum}`,
    `${name}. 600 IN NS ns.${name}.`,
    `ns.${name}. 600 IN A 127.0.0.1`,
    ...records,
    '',
  ].join('\n')
}

/** A line of a zone file: a certificate in DER, published at this name. */
export function certLine(owner: string, der: Uint8Array): string {
  const rdata = encodeCertRecord(Buffer.from(der))
  const [keyTag, algorithm] = [rdata.readUInt16BE(2), rdata.readUInt8(4)]
  return `${owner}. 600 IN CERT PKIX ${keyTag} ${algorithm} ${rdata.subarray(5).toString('base64')}`
}
