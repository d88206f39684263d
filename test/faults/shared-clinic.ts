import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type CliClinic, clinicIn } from '../interop/cli-clinic.ts'
import type { PostgresServer } from '../services/postgres.ts'
import type { World } from './world.ts'

/** A configuration of the same clinic whose messages stay in the outbox: nobody listens where its relay should be. */
export const UNREACHABLE = 'no-relay.yaml'

/** A clinic whose store is in a database that several processes may share. */
export interface SharedClinic {
  readonly clinic: CliClinic
  /**
   * As if so many milliseconds had passed for whoever has died: what it held is free. The living, who hold theirs anew
   * every few seconds, may lose them meanwhile, as if they had been asleep.
   */
  outlast(ms: number): Promise<void>
}

/** Until when something is held by a process. */
const HELD = {
  leases: 'until',
  copies: 'held_until',
  waiting_messages: 'held_until',
  inbox_deliveries: 'held_until',
}

/** The clinic `b` of a world anew. */
export async function sharedClinic({ dir, mail, b }: World, server: PostgresServer): Promise<SharedClinic> {
  const own = join(dir, `b-${await server.database()}`)
  const database = await server.database()
  await cp(b.dir, own, { recursive: true, filter: (path) => path !== join(b.dir, 'data') })
  await writeFile(join(own, 'store.password'), server.password, { mode: 0o600 })
  const clinic = clinicIn(own, b.domain, mail)
  const store = `store: { url: "${server.url(database)}", passwordFile: store.password }\n`
  await clinic.variant('direct.yaml', { 'identities:': `${store}identities:` })
  await clinic.variant(UNREACHABLE, { [`smtp://127.0.0.1:${mail.smtp.port}`]: 'smtp://127.0.0.1:1' })
  return {
    clinic,
    async outlast(ms) {
      for (const [table, until] of Object.entries(HELD))
        await server.asAdministrator(`update ${table} set ${until} = ${until} - ${ms}`, database)
    },
  }
}
