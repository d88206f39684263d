import { answeringAgents } from './answering-agents.ts'
import { clockLeaps } from './clock.ts'
import { everyByteIn, everyByteOut } from './every-byte.ts'
import type { FaultRun } from './fault-run.ts'
import { fullDisk } from './full-disk.ts'
import { killLoop } from './kill-loop.ts'
import { killSendAtNthCommand } from './kill-send.ts'
import { restoredStore, secondClient, uidValidity } from './mailbox-changes.ts'
import { mdnFlood } from './mdn-flood.ts'
import { nthCallIn, nthCallOut } from './nth-call.ts'
import { killAtNthCommand, nthCommandIn, nthCommandOut } from './nth-command.ts'
import { twoDaemons } from './two-daemons.ts'
import { webhook } from './webhook.ts'

export interface NamedRun {
  readonly run: FaultRun
  /** For whoever asks which runs there are. */
  readonly what: string
}

/** Every run by its name. */
export const RUNS: Readonly<Record<string, NamedRun>> = {
  'kill-loop': { run: killLoop, what: 'SIGKILL of the daemon, again and again, while messages come in' },
  'two-daemons': {
    run: twoDaemons,
    what: 'SIGKILL of either of two daemons on one PostgreSQL, or SIGSTOP for longer than its lease',
  },
  webhook: {
    run: webhook,
    what: 'SIGKILL of the daemon while it posts to an EHR that answers late, 500 or not at all',
  },
  'every-byte-out': {
    run: everyByteOut,
    what: 'SMTP is cut and reset after each byte, held up at each, and sliced',
  },
  'every-byte-in': { run: everyByteIn, what: 'the same for IMAP' },
  'nth-command-out': { run: nthCommandOut, what: 'SMTP fails at each command: unheard, unanswered, 421' },
  'nth-command-in': { run: nthCommandIn, what: 'IMAP fails at each command: unheard, unanswered, BYE' },
  'kill-send-at-nth-command': { run: killSendAtNthCommand, what: 'SIGKILL of send at each command to SMTP' },
  'kill-at-nth-command': {
    run: killAtNthCommand,
    what: 'SIGKILL of the daemon at each command to IMAP or SMTP',
  },
  'nth-call-out': {
    run: nthCallOut,
    what: 'EIO, ENOSPC and SIGKILL at each write, sync and rename of sending',
  },
  'nth-call-in': { run: nthCallIn, what: 'the same for receiving' },
  clock: { run: clockLeaps, what: 'the clocks leap ahead and back' },
  uidvalidity: { run: uidValidity, what: 'the mailbox gets another UIDVALIDITY' },
  'second-client': { run: secondClient, what: 'another client moves mail away' },
  'restored-store': { run: restoredStore, what: 'an older store is put back' },
  'full-disk': { run: fullDisk, what: 'the disk has no room, for who sends and for who receives (as root)' },
  'mdn-flood': { run: mdnFlood, what: '10,000 MDNs lie in the mailbox at once' },
  'answering-agents': { run: answeringAgents, what: 'agents that would answer each other for ever' },
}
