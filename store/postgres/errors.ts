import { DirectError } from '../../agent/errors.ts'

/** The connection is gone, and with it whatever transaction was open on it. */
export class ConnectionLost extends DirectError {}

/** SQLSTATE classes and codes (PostgreSQL, appendix A) after which the same may well succeed. */
const PASSING = /^(08|40|53|57|58)|^55P03$|^25006$/
/** Classes of which the server's sentences name tables, columns, roles and files, and never values. */
const SAFE_TO_REPEAT = /^(08|25|28|3D|3F|40|42|53|55|57|58)/
const DAMAGED = /^XX00[12]$/
/** The server ends the session with these. */
const ENDS = /^(08|57P0[1-5]|25P0[34])/

const HINTS: readonly (readonly [codes: RegExp, hint: string])[] = [
  // The server itself has no reason to: pgbouncer says everything with it.
  [
    /^08P01/,
    'What answers there is most likely a pooler, such as pgbouncer: name the server itself in store.url. It has to let through what docs/daemon.md says of poolers.',
  ],
  [/^28/, 'Check the user in store.url and the password, and what pg_hba.conf says of them.'],
  [/^3D/, 'Make the database, owned by that user: createdb --owner USER NAME.'],
  [/^42501/, 'Let the user of store.url own the database: direct-agent makes its tables by itself.'],
  [/^3F/, 'Let the search_path of that user name a schema that it owns, such as public.'],
  // Our own tables are made in one transaction, and nobody else takes them away.
  [
    /^42(P0[17]|703)/,
    'Another program has tables there: name a database in store.url that is for direct-agent alone, and empty.',
  ],
  [/^25006/, 'This server only reads, as a standby does: name the one that writes in store.url.'],
  [/^53300/, 'Give the server more connections (max_connections), or the daemons fewer (store.connections).'],
  [/^53100/, "Make room on the server's disk; nothing of this step was kept."],
  [/^5[57]/, 'Nothing of this step was kept; try again.'],
]

/**
 * What PostgreSQL or the way to it threw, as DirectError. The driver's own error holds rows and values in its details,
 * so that nothing of it but its code goes on, and its sentence where that holds none.
 */
export function postgresError(error: unknown, place: string, hasPassword = true): unknown {
  if (error instanceof DirectError || !(error instanceof Error)) return error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null
  if (code?.startsWith('28') && !hasPassword)
    return new DirectError('STORE_FAILED', `${place} refuses the login, and no password is configured`, {
      hint: 'Name what holds it: store.passwordEnv, passwordFile or passwordCommand.',
    })
  if (code !== null && isSqlState(error)) return ofServer(code, error, place)
  if (isTls(error, code))
    return new DirectError('TLS_FAILED', `TLS with ${place} failed: ${error.message}`, {
      hint: 'Name the CA of its certificate in store.ca; the host in store.url must be one that the certificate names.',
    })
  return new ConnectionLost('STORE_FAILED', `${place} cannot be reached: ${code ?? said(error)}`, {
    hint: 'See whether the server runs, and whether this machine reaches it.',
    temporary: true,
  })
}

function ofServer(code: string, error: Error, place: string): DirectError {
  const text = SAFE_TO_REPEAT.test(code) ? `: ${error.message}` : constraint(error)
  if (DAMAGED.test(code))
    return new DirectError('STORE_DAMAGED', `${place} is damaged: its server says ${code}${text}`, {
      hint: 'Look after the disk of the server, and restore a backup (direct store restore).',
    })
  const hint = HINTS.find(([codes]) => codes.test(code))?.[1]
  return new (ENDS.test(code) ? ConnectionLost : DirectError)(
    'STORE_FAILED',
    `${place} failed: ${code}${text}`,
    { ...(hint === undefined ? {} : { hint }), temporary: PASSING.test(code) },
  )
}

/** The name of what was violated is of our own making. */
function constraint(error: Error): string {
  return 'constraint' in error && typeof error.constraint === 'string' ? ` (${error.constraint})` : ''
}

/** Only the server's own answers have a severity; `code` alone may be a system error's. */
function isSqlState(error: Error): boolean {
  return 'severity' in error
}

function isTls(error: Error, code: string | null): boolean {
  return (
    /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|HOSTNAME_MISMATCH|EPROTO)/.test(code ?? '') ||
    NO_TLS.test(error.message)
  )
}

/** The driver's words for what a server answers to the wish for TLS. */
const NO_TLS = /SSL connection/

/** What the driver says by itself has no code: these sentences are its own, without any value. */
function said({ message }: Error): string {
  return (
    ['Connection terminated', 'timeout', 'Query read timeout'].find((words) => message.includes(words)) ??
    'the connection failed'
  )
}
