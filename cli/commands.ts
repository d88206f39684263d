import type { Command } from 'commander'
import type { Session } from './session.ts'

/** One command's file: its options, and what it does with them. */
export interface CommandModule {
  /** Adds options, and the examples that end its help. */
  options(command: Command): void
  /** Parses, asks the library once, prints. Returns the exit code. */
  run(session: Session, command: Command): Promise<number>
}

export interface CommandEntry {
  /** More than one word for a command within a group: `message seal`, `trust bundle add`. */
  readonly name: string
  readonly args: string
  readonly summary: string
  /** Works until it is told to stop: SIGTERM is a good end. */
  readonly daemon?: true
  /** Reads its configuration again at SIGHUP, which ends all others. */
  readonly rereads?: true
  /** Whole messages pass through it, and they may be large. */
  readonly messages?: true
  /** Hands mail to SMTP: a message, a receipt, or what waits in the outbox. */
  readonly sends?: true
  readonly load: () => Promise<CommandModule>
}

/** Every command, in the order of the help. Only the one that is called is loaded. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'init',
    args: '',
    summary: 'set up: key, certificate request, direct.yaml',
    load: () => import('./init.ts'),
  },
  {
    name: 'classify',
    args: '[address...]',
    summary: 'how each address can be reached, and why',
    load: () => import('./classify.ts'),
  },
  {
    name: 'discover',
    args: '[address]',
    summary: 'every certificate found, and the verdict on it',
    load: () => import('./discover.ts'),
  },
  {
    name: 'send',
    args: '',
    summary: 'classify, seal, queue and hand over a message',
    messages: true,
    sends: true,
    load: () => import('./send.ts'),
  },
  {
    name: 'receive',
    args: '',
    summary: 'fetch, judge and deliver what is new',
    messages: true,
    sends: true,
    load: () => import('./receive.ts'),
  },
  {
    name: 'run',
    args: '',
    summary: 'the daemon: mailboxes, outbox, notifications',
    daemon: true,
    rereads: true,
    messages: true,
    sends: true,
    load: () => import('./run.ts'),
  },
  {
    name: 'status',
    args: '[message-id]',
    summary: 'what became of messages sent',
    load: () => import('./status.ts'),
  },
  {
    name: 'audit',
    args: '',
    summary: 'who sent what, when, by which route',
    load: () => import('./audit.ts'),
  },
  {
    name: 'store check',
    args: '[backup]',
    summary: 'is the store, or a backup, whole, and does all in it fit together',
    load: () => import('./store-check.ts'),
  },
  {
    name: 'store backup',
    args: '<file>',
    summary: 'copy the store, while the daemon runs',
    load: () => import('./store-backup.ts'),
  },
  {
    name: 'store restore',
    args: '<file>',
    summary: 'put a backup in the place of the store',
    load: () => import('./store-restore.ts'),
  },
  {
    name: 'message seal',
    args: '',
    summary: 'sign and encrypt a file',
    messages: true,
    load: () => import('./message-seal.ts'),
  },
  {
    name: 'message open',
    args: '',
    summary: 'decrypt, verify and judge a file',
    messages: true,
    load: () => import('./message-open.ts'),
  },
  {
    name: 'chain verify',
    args: '[file]',
    summary: 'RFC 5280 path validation of certificates in hand',
    load: () => import('./chain-verify.ts'),
  },
  {
    name: 'cert inspect',
    args: '<file...>',
    summary: "what certificates say, unverified; a mail's signers",
    load: () => import('./cert-inspect.ts'),
  },
  {
    name: 'trust explain',
    args: '<address-or-file>',
    summary: 'why somebody is believed, or not: all that was tried',
    load: () => import('./trust-explain.ts'),
  },
  {
    name: 'cert request',
    args: '<address-or-domain>',
    summary: 'a key, and a request for a certificate of ours',
    load: () => import('./cert-request.ts'),
  },
  {
    name: 'cert import',
    args: '<file>',
    summary: "take a certificate authority's answer",
    load: () => import('./cert-import.ts'),
  },
  {
    name: 'cert list',
    args: '',
    summary: 'our certificates and pins, and when each ends',
    load: () => import('./cert-list.ts'),
  },
  {
    name: 'cert pin',
    args: '<file>',
    summary: "pin a certificate, or a mail's signer, to an address",
    load: () => import('./cert-pin.ts'),
  },
  {
    name: 'cert pins',
    args: '',
    summary: 'certificates that are pinned',
    load: () => import('./cert-pins.ts'),
  },
  {
    name: 'cert unpin',
    args: '<address>',
    summary: 'end what was pinned to an address',
    load: () => import('./cert-unpin.ts'),
  },
  {
    name: 'trust list',
    args: '',
    summary: 'every trust anchor: for whom, and where it is from',
    load: () => import('./trust-list.ts'),
  },
  {
    name: 'trust add',
    args: '<file>',
    summary: 'believe the anchors of a file',
    load: () => import('./trust-add.ts'),
  },
  {
    name: 'trust remove',
    args: '<sha256-or-file>',
    summary: 'believe an anchor no more, wherever it is from',
    load: () => import('./trust-remove.ts'),
  },
  {
    name: 'trust bundle list',
    args: '',
    summary: 'trust bundles, and how they stand',
    load: () => import('./trust-bundle-list.ts'),
  },
  {
    name: 'trust bundle add',
    args: '<url>',
    summary: 'believe the anchors of a bundle, from now on',
    load: () => import('./trust-bundle-add.ts'),
  },
  {
    name: 'trust bundle remove',
    args: '<url>',
    summary: 'end what trust bundle add began',
    load: () => import('./trust-bundle-remove.ts'),
  },
  {
    name: 'trust bundle refresh',
    args: '[url]',
    summary: 'fetch bundles now, and take what changed',
    load: () => import('./trust-bundle-refresh.ts'),
  },
  {
    name: 'trust bundle diff',
    args: '[url]',
    summary: 'what a refresh would change',
    load: () => import('./trust-bundle-diff.ts'),
  },
  {
    name: 'zone generate',
    args: '',
    summary: 'records that publish our certificates',
    load: () => import('./zone-generate.ts'),
  },
  {
    name: 'zone check',
    args: '',
    summary: 'do strangers see what we publish',
    load: () => import('./zone-check.ts'),
  },
  {
    name: 'certs serve',
    args: '',
    summary: 'publish our certificates: a small DNS server',
    daemon: true,
    load: () => import('./certs-serve.ts'),
  },
  {
    name: 'doctor',
    args: '',
    summary: 'what is wrong with this installation, and what to do',
    load: () => import('./doctor.ts'),
  },
]

export const GROUPS: Readonly<Record<string, string>> = {
  store: 'the store as a whole (store check, backup, restore)',
  message: 'seal and open files (message seal, message open)',
  chain: 'judge certificates in hand (chain verify)',
  cert: 'our certificates, and those pinned to partners (cert request, import, list, inspect, pin, pins, unpin)',
  trust: 'whom we believe (trust list, add, remove, bundle, explain)',
  'trust bundle': 'anchors that a URL distributes (trust bundle list, add, remove, refresh, diff)',
  zone: 'our certificates in DNS and directories (zone generate, zone check)',
  certs: 'publish our certificates (certs serve)',
}
