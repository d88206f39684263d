/** What survives a restart: bodies, outbox, inbox, tracking, audit, fetches. */
export { exclusively } from './exclusive.ts'
export { type OpenStoreOptions, openStore } from './open.ts'
export type * from './types.ts'
