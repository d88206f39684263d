import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CliClinic, clinicIn, LEE, setUp } from '../interop/cli-clinic.ts'
import { startBind, wholeZone } from '../services/bind.ts'
import { ifWeEnd, quoted } from '../services/guard.ts'
import { type MailServers, startMailServers } from '../services/mail-servers.ts'
import { freePorts } from '../services/process.ts'

/** Two clinics on real servers: `a` sends and is left alone, `b` is what the faults are done to. */
export interface World extends AsyncDisposable {
  readonly dir: string
  readonly mail: MailServers
  /** For its whole domain. */
  readonly a: CliClinic
  /** For the address of Dr. Lee alone. */
  readonly b: CliClinic
}

/** Postfix, Dovecot, and a BIND that publishes both clinics' certificates as `direct zone generate` writes them. */
export async function startWorld(): Promise<World> {
  await using started = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'direct-faults-'))
  started.use(ifWeEnd(`rm -rf ${quoted(dir)}`))
  started.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }))
  const mail = started.use(await startMailServers({ domains: ['clinic-a.example', 'clinic-b.example'] }))
  const a = clinicIn(join(dir, 'a'), 'clinic-a.example', mail)
  const b = clinicIn(join(dir, 'b'), 'clinic-b.example', mail)
  const [port = 0] = await freePorts(1)
  const dns = [`127.0.0.1:${port}`]
  await setUp(a, ['--domain', a.domain], { dir, mail, dns })
  await setUp(b, ['--address', LEE], { dir, mail, dns })
  const zones = await Promise.all(
    [a, b].map(async (clinic) => [clinic.domain, await zoneOf(clinic)] as const),
  )
  started.use(await startBind({ port, zones: Object.fromEntries(zones) }))
  const stop = started.move()
  return { dir, mail, a, b, [Symbol.asyncDispose]: () => stop.disposeAsync() }
}

async function zoneOf(clinic: CliClinic): Promise<string> {
  const said = await clinic.run(['zone', 'generate', '--domain', clinic.domain])
  if (said.code !== 0) throw new Error(`direct zone generate ended with ${said.code}: ${said.stderr}`)
  return wholeZone(clinic.domain, [said.stdout])
}
