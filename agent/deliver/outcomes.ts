import type { DeliveryOutcome, InboxDelivery } from '../../store/index.ts'
import type { Settled } from './types.ts'

/** What was said of a message, for each of its deliveries. */
export function outcomesOf(deliveries: readonly InboxDelivery[], taken: Settled): readonly DeliveryOutcome[] {
  return deliveries.map(({ id }) =>
    taken.outcome === 'delivered'
      ? { delivery: id, outcome: 'delivered', where: taken.where }
      : { delivery: id, outcome: 'rejected', where: null, why: taken.why },
  )
}
