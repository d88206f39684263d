/** What survives a restart: bodies, outbox, inbox, tracking, audit, fetches, trust. */
export { exclusively } from './exclusive.ts'
export type * from './incoming-types.ts'
export { type OpenStoreOptions, openStore } from './open.ts'
export type * from './outgoing-types.ts'
export type { Store } from './store.ts'
export type * from './trust-types.ts'
export type * from './types.ts'
export type * from './waiting-types.ts'
