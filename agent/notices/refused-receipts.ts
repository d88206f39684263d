import type { Store } from '../../store/index.ts'
import { adviceOn } from '../advice.ts'
import type { LostReceipt } from '../receiving-types.ts'

/** Until it is asked for, what SMTP refuses for good of our receipts, whoever hands them over. */
export async function watchReceipts({
  audit,
  upkeep,
}: Pick<Store, 'audit' | 'upkeep'>): Promise<() => AsyncIterable<LostReceipt>> {
  const { auditRows: after } = await upkeep.figures()
  return async function* () {
    for await (const { event, about, from, address, why } of audit.list({ after }))
      if (event === 'mdn-given-up' && about !== null && from !== null && address !== null)
        yield { about, from, to: address, why, advice: adviceOn(why.map(({ code }) => code)) }
  }
}
