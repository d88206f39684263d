import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely'
import type { PoolClient, PoolConfig } from 'pg'
import { closed } from '../database.ts'
import { asKept } from '../kept-text.ts'
import { describePlace, isLoopback, type PostgresPlace } from '../place.ts'
import { ConnectionLost, postgresError } from './errors.ts'

const CONNECTIONS = 8
const CONNECT_MS = 30_000
const STATEMENT_MS = 60_000
/** A statement that the server has given up by then has no answer any more. */
const ANSWER_MS = STATEMENT_MS + 10_000
/** Whoever holds the turn and says nothing has stopped: the others go on. */
const SILENT_MS = 10_000

/** What a server hears that asks for a password where none is configured: pg refuses to say nothing. */
const NONE = 'none'

/** `patient`: statements may take as long as they do, as those do that read all that a store holds. */
export async function makePool(place: PostgresPlace, patient = false): Promise<PostgresPool> {
  const { Pool } = (await import('pg')).default
  const name = describePlace(place)
  let password = NONE
  const limits = patient ? { options: `${OPTIONS} ${NO_LIMITS}` } : LIMITS
  const pool = new Pool({ ...settingsOf(place), password: () => password, ...limits })
  // What breaks while nothing is asked of it has nobody to tell: the pool makes a new one for who comes next.
  const unheard = () => undefined
  pool.on('error', unheard)
  pool.on('connect', (client) => client.on('error', unheard))
  const clients = new WeakMap<PoolClient, ReportingClient>()
  const connect = async () => {
    // Before there is a connection: pg leaves one open whose password is not to be had.
    if (pool.idleCount === 0 && pool.totalCount < pool.options.max)
      password = (await place.password?.()) ?? NONE
    try {
      const client = await pool.connect()
      const known = clients.get(client)
      if (known !== undefined) return known
      const made = new ReportingClient(client, name)
      clients.set(client, made)
      return await made.prepared()
    } catch (error) {
      throw postgresError(error, name, place.password !== undefined)
    }
  }
  const waiting = new Set<Promise<unknown>>()
  let ended: Promise<void> | null = null
  const end = async () => {
    // From its own end on the pool answers nobody who waits, not even that it ends.
    await Promise.allSettled(waiting)
    await pool.end()
  }
  return {
    // kysely would copy them, and its own clients with them, to cancel statements; we cancel none.
    options: {},
    connect: async () => {
      if (ended !== null) throw closed(name)
      const client = connect()
      waiting.add(client)
      try {
        return await client
      } finally {
        waiting.delete(client)
      }
    },
    end: async () => {
      ended ??= end()
      await ended
    },
  }
}

const LIMITS: PoolConfig = {
  statement_timeout: STATEMENT_MS,
  query_timeout: ANSWER_MS,
  lock_timeout: STATEMENT_MS / 2,
  idle_in_transaction_session_timeout: SILENT_MS,
}

/** A database or a role may have limits of its own. */
const NO_LIMITS = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout']
  .map((limit) => `-c ${limit}=0`)
  .join(' ')

/** Said here, neither PGOPTIONS, which may name another schema, nor the server's settings have a say in how bytes are told. */
const OPTIONS = '-c client_encoding=UTF8 -c bytea_output=hex'

const PREPARE = `select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`

/** All is given, so that nothing is taken from PG… variables, a .pgpass or the name of the user. */
function settingsOf({ host, port, user, database, ca, connections }: PostgresPlace): PoolConfig {
  return {
    ...{ host, port, user, database },
    // Nobody else is on the way to this machine itself; to any other there is no way without TLS.
    ssl:
      ca === undefined && isLoopback(host)
        ? false
        : // Said here, NODE_TLS_REJECT_UNAUTHORIZED has no say.
          { minVersion: 'TLSv1.2', rejectUnauthorized: true, ...(ca !== undefined && { ca }) },
    max: connections ?? CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    application_name: 'direct-agent',
    options: OPTIONS,
    client_encoding: 'UTF8',
    types: { getTypeParser },
  }
}

/** pg_type: bigint, bytea, numeric, double precision. */
const NUMBERS: ReadonlySet<number> = new Set([20, 21, 23, 701, 1700])
const BYTEA = 17

/** Every number of ours is one that a double holds. */
function getTypeParser(type: number): (text: string) => unknown {
  if (NUMBERS.has(type)) return Number
  if (type === BYTEA) return (text) => Buffer.from(text.slice(2), 'hex')
  return (text) => text
}

/** One connection, which tells of failures in our words, and is given up once it is lost. */
class ReportingClient implements PostgresPoolClient {
  readonly #client: PoolClient
  readonly #place: string
  #lost = false

  constructor(client: PoolClient, place: string) {
    this.#client = client
    this.#place = place
  }

  query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>>
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>
  query(what: string | PostgresCursor<unknown>, parameters: readonly unknown[] = []): unknown {
    // kysely makes a cursor where it was given what makes one, which it was not.
    if (typeof what !== 'string') throw new TypeError('cursors are not used')
    return this.#ask(what, parameters)
  }

  async #ask(sql: string, parameters: readonly unknown[]) {
    try {
      return await this.#client.query(sql, parameters.map(asKept))
    } catch (error) {
      const reported = postgresError(error, this.#place)
      if (reported instanceof ConnectionLost) this.#lost = true
      throw reported
    }
  }

  /** What has answered is on the disk: more than that (a standby's) is the server's to ask for, less is not. */
  async prepared(): Promise<this> {
    try {
      await this.#ask(PREPARE, [])
      return this
    } catch (error) {
      this.release(true)
      throw error
    }
  }

  release(destroy = false): void {
    this.#client.release(destroy || this.#lost)
  }
}
