import { setTimeout as pause } from 'node:timers/promises'
import type { Agent } from '../../agent/index.ts'
import { type CliClinic, KIM, LEE } from '../interop/cli-clinic.ts'
import { digest, type Ehr } from './ehr.ts'
import { fieldOf, headOf } from './headers.ts'
import { contentOf, type Injected } from './inject.ts'
import { type Reconciled, stateOf } from './ledger.ts'

export interface SendOutOptions {
  readonly count: number
  readonly seed: number
  /** Of the attachment. */
  readonly bytes: number
  /** Between two messages. */
  readonly everyMs: number
  /** Their EHR is to say that it has them. */
  readonly finalDelivery?: boolean
}

/** Messages from the clinic that the faults are done to. */
export async function sendOut(
  agent: Agent,
  { count, seed, bytes, everyMs, finalDelivery = false }: SendOutOptions,
): Promise<readonly Injected[]> {
  const sent: Injected[] = []
  for (let n = 0; n < count; n++) {
    const content = contentOf(seed + 1_000_000 + n, bytes)
    const draft = {
      from: LEE,
      to: [KIM],
      subject: `message ${n} out`,
      text: 'Please see attached.',
      attachments: [{ filename: `${n}.bin`, content }],
    }
    const { messageId } = await agent.send(draft, { finalDelivery })
    sent.push({ n, messageId, attachmentSha256: digest(content), bytes: content.length })
    await pause(everyMs)
  }
  return sent
}

/** What came of those that went out: the sender's own state, and the EHR of whom they went to. */
export async function reconcileSent(
  sender: Agent,
  ehr: Ehr,
  sent: readonly Injected[],
  ends: 'processed' | 'dispatched' = 'processed',
): Promise<Pick<Reconciled, 'lost' | 'filedTwice' | 'wrongState'>> {
  const times = Map.groupBy(await ehr.taken(), ({ messageId }) => messageId)
  const wrongState: string[] = []
  for (const { messageId } of sent) {
    const state = await stateOf(sender, messageId)
    if (state !== ends) wrongState.push(`${messageId} ${state}`)
  }
  const which = (isWrong: (times: number) => boolean) =>
    sent.map(({ messageId }) => messageId).filter((id) => isWrong(times.get(id)?.length ?? 0))
  return { lost: which((n) => n === 0), filedTwice: which((n) => n > 1), wrongState }
}

export function withSent(arrived: Reconciled, sent: Awaited<ReturnType<typeof reconcileSent>>): Reconciled {
  const { lost, filedTwice, wrongState } = sent
  return {
    ...arrived,
    lost: [...arrived.lost, ...lost],
    filedTwice: [...arrived.filedTwice, ...filedTwice],
    wrongState: [...arrived.wrongState, ...wrongState],
  }
}

/** Out of the folder in which nothing but receipts is looked for. */
export async function setAside(clinic: CliClinic, sent: readonly Injected[]): Promise<void> {
  const ids = new Set(sent.map(({ messageId }) => messageId))
  await using folder = await clinic.folder('INBOX')
  for (const uid of await folder.uids()) {
    if (ids.has(fieldOf(await headOf(folder, uid), 'Message-ID') ?? ''))
      await folder.moveTo(uid, 'Sent-to-us')
  }
}
