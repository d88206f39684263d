import type { EventTools } from '../deliver/events.ts'
import type { Destination } from '../deliver/types.ts'
import type { WaitingTools } from '../deliver/waiting.ts'
import type { Webhook } from '../deliver/webhook.ts'
import type { DeliverTools } from '../deliver.ts'
import { DirectError } from '../errors.ts'
import { lazily } from '../neighbours/lazily.ts'
import type { Neighbours } from '../neighbours.ts'
import type { OpenTools } from '../open.ts'

/** What handing messages to the EHR asks of its neighbours. */
export function wireEhr(
  neighbours: Neighbours,
  {
    openTools,
    ourNames,
  }: { readonly openTools: () => Promise<OpenTools>; readonly ourNames: () => Promise<readonly string[]> },
) {
  const { settings, now, random, log, discovery, judging, mail } = neighbours

  /** One for each folder: what stops left in it is looked for once. */
  const folders = new Map<string, Destination>()
  const folder = async (dir: string): Promise<Destination> => {
    const { folderDestination } = await import('../deliver/folder.ts')
    const alone = () => neighbours.stored.receivingAlone('what was filed for the EHR')
    const { deliveries } = await neighbours.store()
    const settledKeys = (innerSha256s: readonly string[]) => deliveries.settledKeys(innerSha256s)
    const destination = folders.get(dir) ?? folderDestination(dir, { alone, settledKeys })
    folders.set(dir, destination)
    return destination
  }

  /** What opens messages that wait for the EHR, and by which mailbox each came. */
  const underWay = new Set<string>()
  const waitingTools = async (): Promise<WaitingTools> => {
    const mailboxes = settings.mailboxes.length === 0 ? [] : await mail.mailboxes()
    return {
      store: await neighbours.store(),
      mailboxes: new Map(mailboxes.map(({ name, settings }) => [name, settings])),
      opening: async () => ({ open: await openTools(), ourNames: await ourNames() }),
      judgeAccepted: await judging.judge('store', 'off'),
      underWay,
      now,
      log,
    }
  }
  /** Null: none is configured. With its secrets read. */
  const webhook = lazily(async () => {
    const { deliver } = settings
    if (deliver === undefined || 'folder' in deliver) return null
    const { url, secret, ca, ...webhook } = deliver.webhook
    if (neighbours.offline)
      throw new DirectError(
        'NETWORK_FORBIDDEN',
        'deliver.webhook is another program, and the network is forbidden',
        {
          hint: 'Leave --no-network out, or deliver into a folder.',
        },
      )
    const { keptToken } = await import('../../mailbox/index.ts')
    const { readCa } = await import('../neighbours/mail.ts')
    const kept = keptToken(secret)
    await kept()
    return {
      ...webhook,
      url: new URL(url),
      ca: ca === undefined ? undefined : await readCa(ca),
      secret: kept,
      lookup: await discovery.lookup(),
      now,
    }
  })
  const deliverTools = async (webhook: Webhook, giveUpMs: number): Promise<DeliverTools> => {
    const { webhookDestination } = await import('../deliver/webhook.ts')
    const destination = webhookDestination(webhook)
    const onTaken: DeliverTools['onTaken'] = (outcome) => neighbours.watch.taken(outcome)
    const { Untaken } = await import('../deliver/untaken.ts')
    const hint = 'direct status --waiting tells of each message what was said, and when it is tried again.'
    const untaken = new Untaken({ loop: 'deliveries', hint }, log, neighbours.elapsed)
    return { ...(await waitingTools()), destination, untaken, giveUpMs, random, onTaken }
  }
  const eventTools = async (webhook: Webhook, giveUpMs: number): Promise<EventTools> => {
    const { teller } = await import('../deliver/webhook.ts')
    const alone = (signal?: AbortSignal) => neighbours.stored.receivingAlone('events for the EHR', signal)
    return { store: await neighbours.store(), tell: teller(webhook), giveUpMs, alone, now, random, log }
  }

  return { folder, waitingTools, webhook, deliverTools, eventTools }
}
