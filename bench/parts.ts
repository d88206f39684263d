import type { Part } from './harness/part.ts'

interface Listed {
  readonly about: string
  /** It takes long, and runs only where it is asked for. */
  readonly byNameOnly?: true
  readonly load: () => Promise<{ readonly default: Part }>
}

/** The parts, in the order in which they run. */
export const parts: Readonly<Record<string, Listed>> = {
  seal: {
    about: 'seal and open 10 KB, 1 MB, 25 MB within a process, beside the floor and pkijs',
    load: () => import('./seal.ts'),
  },
  process: { about: 'the same as whole processes, beside openssl cms', load: () => import('./process.ts') },
  rates: {
    about: 'messages of 10 KB a second, beside RSA-2048 operations a second',
    load: () => import('./rates.ts'),
  },
  memory: { about: 'memory that 1, 25 and 250 MB add', load: () => import('./memory.ts') },
  delay: { about: 'event-loop delay beside 25 MB', load: () => import('./delay.ts') },
  path: {
    about: 'paths of certificates, beside node:crypto and pkijs',
    load: () => import('./path.ts'),
  },
  hostile: { about: 'chains made to keep us busy', load: () => import('./hostile.ts') },
  text: { about: 'base64 and the canonical form', load: () => import('./text.ts') },
  send: { about: 'small messages through agent.send, with a store', load: () => import('./send.ts') },
  'mail-out': {
    about: 'sending through Postfix, beside a bare pool of connections',
    load: () => import('./mail-out.ts'),
  },
  'mail-in': {
    about: 'receiving from Dovecot, filing and answering, beside a bare loop',
    load: () => import('./mail-in.ts'),
  },
  'store-size': {
    about: 'a store with 100,000 messages beside one with 100',
    load: () => import('./store-size.ts'),
  },
  start: { about: 'commands from cold, beside node -e 0', load: () => import('./start.ts') },
  discovery: {
    about: 'an address book of 10,000 against BIND and slapd',
    load: () => import('./discovery.ts'),
  },
  soak: {
    about: 'an hour at two messages a second: whether the heap grows (--minutes)',
    byNameOnly: true,
    load: () => import('./soak.ts'),
  },
}
