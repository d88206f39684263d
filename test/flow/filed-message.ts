import { createHash } from 'node:crypto'
import type { Filing } from '../../agent/deliver/filing.ts'
import type { Deliverable } from '../../agent/deliver/types.ts'
import type { TrustedMessage } from '../../agent/open/trusted-message.ts'

const KIM = 'dr.kim@clinic-a.example'
const LEE = 'dr.lee@clinic-b.example'

/** Names the folder of a message that is filed. */
export const SHA256 = 'ab'.repeat(32)

/** What the name ends with of what is on its way there from KIM to LEE: what older direct-agents left is found by it. */
export const DELIVERY = createHash('sha256').update(`${KIM}  ${LEE}`).digest('hex').slice(0, 12)

/** As `deliverToFolder` asks for it. */
export const describe = (): Filing => describing(LEE)

/** From KIM, unsigned. */
export const describing = (...addresses: readonly string[]): Filing => ({
  from: KIM,
  signer: null,
  recipients: addresses.map((address) => ({ address })),
})

/** What is filed of it is decided by `read`. */
export const messageOf = (read: () => AsyncIterable<Uint8Array>, innerSha256 = SHA256) =>
  ({ inner: { bytes: 1, read }, innerSha256 }) as unknown as TrustedMessage

/** One that says what it is given. */
export const messageThatSays = (text = 'Subject: x\r\n\r\n', innerSha256 = SHA256) =>
  messageOf(async function* () {
    yield Buffer.from(text)
  }, innerSha256)

/** A mail with it that was opened and judged: of it, what is to be handed over now. */
export function offering(
  { from, to }: { readonly from: string; readonly to: readonly string[] },
  deliveries: readonly { readonly recipient: string; readonly key: string }[],
): Deliverable {
  const nobody = { mailboxes: [] }
  const facts = { from: { mailboxes: [{ address: from }] }, to: nobody, cc: nobody }
  const recipients = to.map((address) => ({ address, verdict: 'accept', code: null }))
  const judged = { recipients, facts, trusted: null, signer: null }
  const message = { ...messageThatSays(), facts, path: { unchecked: [], revocation: [] } }
  return { judged, message, deliveries, key: deliveries[0]?.key } as unknown as Deliverable
}
