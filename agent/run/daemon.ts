import { DirectError } from '../errors.ts'
import { KeptFolders } from '../inbox/folders.ts'
import type { Mailbox } from '../inbox.ts'
import type { Neighbours } from '../neighbours.ts'
import type { ReceiveReport } from '../receiving-types.ts'
import { run } from '../run.ts'
import type { stepsOf } from './steps.ts'

/** What the daemon is made of. */
export interface DaemonTools {
  readonly neighbours: Neighbours
  readonly steps: ReturnType<typeof stepsOf>
  readonly mailboxes: readonly Mailbox[]
  /** One pass over one mailbox, with what is kept of folders between two. */
  readonly pass: (mailbox: Mailbox, kept: KeptFolders, signal: AbortSignal) => AsyncIterable<ReceiveReport>
  /** Whether messages wait for the EHR's webhook, and are not delivered by a pass. */
  readonly byWebhook: boolean
  /** Called once nothing can keep it from running any more. */
  readonly onStarted: (() => void) | undefined
}

/**
 * Opens what the daemon listens at, and runs until `until` aborts. Throws DirectError `STORE_WENT_BACK`, since all that it has
 * in mind is of another store then, and of what cannot be listened at.
 */
export async function runDaemon(tools: DaemonTools, until: AbortSignal): Promise<void> {
  const over = new AbortController()
  const signal = AbortSignal.any([until, over.signal])
  const { neighbours, steps, mailboxes, pass, byWebhook, onStarted } = tools
  const { watch, log } = neighbours
  await using kept = new KeptFolders()
  const wait = (mailbox: Mailbox) => kept.wait(mailbox, mailbox.settings.pollSeconds * 1000, signal)
  watch.begin(mailboxes)
  const ehr = byWebhook ? await steps.ehr() : null
  const receive = watch.pass((mailbox) => pass(mailbox, kept, signal), byWebhook ? 'waiting' : 'left')
  // It ends last, so that whoever asks hears to the end.
  await using _operations = await steps.serveOperations()
  const ended = new AbortController()
  const serving = await steps.servePublished(AbortSignal.any([signal, ended.signal]))
  await using _ = {
    async [Symbol.asyncDispose]() {
      ended.abort()
      await serving?.closed
    },
  }
  onStarted?.()
  const { seal, handOver, seek, expire, refreshes } = steps
  const { deliver = null, tellEvents = null } = ehr ?? {}
  await run(
    {
      ...{ mailboxes, receive, wait, deliver, tellEvents, seal, handOver, seek, expire, refreshes, log },
      onFailure(error) {
        watch.failed(error)
        if (error instanceof DirectError && error.code === 'STORE_WENT_BACK') over.abort(error)
      },
    },
    signal,
  )
  over.signal.throwIfAborted()
}
