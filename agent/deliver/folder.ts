import { join } from 'node:path'
import { DirectError } from '../errors.ts'
import { Turns } from '../inbox/turns.ts'
import type { TrustedMessage } from '../open/trusted-message.ts'
import { describeDelivery } from './description.ts'
import { type Describe, type Filed, type FilingTools, fileOnce } from './file-once.ts'
import type { FiledPart } from './filed-parts.ts'
import { deliveryName, Leftovers, type SettledKeys } from './leftovers.ts'
import type { Deliverable, Destination } from './types.ts'
import { whyUnwritable } from './writable.ts'

/** What the folder asks of its neighbours, where several processes file into it. */
export interface FolderTools extends Pick<FilingTools, 'alone'> {
  readonly settledKeys: SettledKeys
}

/**
 * A folder below `dir` for each message, exactly once (IN-10), also where the EHR takes folders away. What the store knows by
 * different keys, as it came in different mails first, is filed one by one: whoever has to do with a key, from whichever
 * mail, finds what others did with it.
 */
export function folderDestination(dir: string, { alone, settledKeys }: FolderTools): Destination {
  const leftovers = new Leftovers(dir, settledKeys)

  async function deliverOne(offered: Deliverable): Promise<Filed> {
    const { key, message, isWaiting } = offered
    const delivery = deliveryName(key)
    const { folder, recorded } = await deliverToFolder(
      dir,
      message,
      (deliveredTo, parts) => describe(offered, { deliveredTo, parts }),
      { delivery, alone, ...(isWaiting && { isWaiting: () => isWaiting(key) }) },
    )
    return {
      folder,
      async recorded() {
        await recorded()
        // What cannot be removed holds up no message.
        await leftovers.remove(message.innerSha256, delivery).catch(() => leftovers.lookAgain())
      },
    }
  }

  return {
    async deliver(offered) {
      const filed: Filed[] = []
      try {
        for (const [key, deliveries] of Map.groupBy(offered.deliveries, ({ key }) => key))
          filed.push(await deliverOne({ ...offered, key, deliveries }))
      } catch (error) {
        leftovers.lookAgain()
        throw error
      }
      return {
        outcome: 'delivered',
        // They differ only where another author's message of the same bytes came or went in between.
        where: filed.at(-1)?.folder ?? null,
        async recorded() {
          for (const { recorded } of filed) await recorded()
        },
      }
    },
    async check() {
      const why = await whyUnwritable(dir)
      if (why !== null) throw unwritable(dir, why)
    },
  }
}

/**
 * For those of our recipients alone whose delivery this is, and for all of them, though some have it from another mail with the
 * same message; who was refused is told.
 */
function describe(
  offered: Deliverable,
  place: { readonly deliveredTo: string; readonly parts: readonly FiledPart[] },
) {
  const described = describeDelivery(offered, place)
  const ours = new Set(offered.deliveries.map(({ recipient }) => recipient))
  const recipients = described.recipients.filter(
    ({ address, verdict }) => (verdict === 'accept') === ours.has(address.toLowerCase()),
  )
  for (const { address } of recipients) ours.delete(address.toLowerCase())
  const others = [...ours].map((address) => ({ address, verdict: 'accept' as const, code: null }))
  return { ...described, recipients: [...recipients, ...others] }
}

/**
 * Files one trusted message under `dir/<innerSha256>/`: `message.eml` (the inner message byte for byte),
 * `attachments/NN-<safe name>` and `delivery.json`. The folder appears complete, by rename, after everything in it
 * is on the disk; unfinished ones begin with a dot. A folder that is there already is the same message, perhaps for
 * another recipient, who is then added to its `delivery.json`. Where it is somebody else's message with the same bytes,
 * this one's folder is `<innerSha256>-<digest of author and signer>`: nobody takes over another's authorship. The same
 * where a folder is left without its `delivery.json`.
 * How it gets there, where several processes share `dir` and each may stop anywhere, is told in `claim.ts`.
 * Files are 0600, folders 0700. Throws FILE_UNWRITABLE (temporary: the message is kept and comes again) for what the
 * disk refuses; anything else that is thrown is no fault of the disk.
 */
export function deliverToFolder(
  dir: string,
  message: TrustedMessage,
  describe: Describe,
  tools: Partial<FilingTools> = {},
): Promise<Filed> {
  // Of two who add a recipient side by side, one would take the other's away.
  return turns.take(join(dir, message.innerSha256), () =>
    fileMessage(dir, message, describe, { ...ONE_PROCESS, ...tools }),
  )
}

const ONE_PROCESS: FilingTools = {
  delivery: null,
  alone: async () => ({ [Symbol.dispose]() {} }),
  isWaiting: async () => true,
}

/** Mailboxes are passed over side by side, and the same message may lie in each. */
const turns = new Turns()

/** How often it is begun anew where another process is at the same message. */
const MOST_TRIES = 8

async function fileMessage(
  dir: string,
  message: TrustedMessage,
  describe: Describe,
  tools: FilingTools,
  tries = 1,
): Promise<Filed> {
  try {
    return await fileOnce(dir, message, describe, tools)
  } catch (cause) {
    const { code, syscall } = ((cause instanceof DirectError ? cause.cause : cause) ??
      {}) as NodeJS.ErrnoException
    // Another process files the same message, or has cleared ours away; or the EHR has just taken what is there.
    const isShared = ['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(code ?? '')
    if (isShared && tries < MOST_TRIES) return await fileMessage(dir, message, describe, tools, tries + 1)
    if (cause instanceof DirectError || syscall === undefined) throw cause
    throw unwritable(dir, code, cause)
  }
}

function unwritable(dir: string, code: string | undefined, cause?: unknown): DirectError {
  return new DirectError('FILE_UNWRITABLE', `cannot file a message in ${dir}: ${code}`, {
    hint: 'Check that the folder is writable and has room. The message is kept, and tried again: by the daemon after a pause, else by the next "direct receive".',
    temporary: true,
    cause,
  })
}
