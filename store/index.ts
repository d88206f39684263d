/** What survives a restart: bodies, outbox, inbox, tracking, audit. */
export type * from './types.ts'
