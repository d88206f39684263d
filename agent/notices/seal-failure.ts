import type { FailureNotice } from '../../store/index.ts'
import { givenAddress } from '../given-address.ts'
import { algorithmsFor } from '../seal/agreed.ts'
import { outerMessage, sealedByOf } from '../seal.ts'
import { encrypt } from '../smime/encrypt.ts'
import { sign } from '../smime/sign.ts'
import { composeFailureNotice } from './failure-notice.ts'
import { queueNotice } from './queue.ts'
import type { NotifyTools, Problem } from './tools.ts'

/**
 * A failure notice goes to the sender's own mailbox, signed by its own certificate and sealed to it, and into the outbox
 * (N-8, MSG-12). Throws DirectError IDENTITY_MISSING, IDENTITY_UNUSABLE, STORE_FAILED.
 */
export async function sealFailure(notice: FailureNotice, tools: NotifyTools): Promise<Problem | null> {
  const { settings, identities, now, at } = tools
  if (settings.smtp === undefined) return NO_RELAY
  const sender = givenAddress(notice.from)
  const own = identities.recordingFor(sender, at())
  const signer = identities.signingFor(sender, at())
  const algorithms = algorithmsFor(sender.domain, settings.algorithms)
  const composed = composeFailureNotice({ ...notice, sender, date: now() })
  const { digest, signature } = algorithms
  const signed = await sign(composed, signer, { digest, signature, at: at() })
  const sealed = await encrypt(signed, [own], algorithms)
  await queueNotice(
    notice,
    {
      from: sender,
      to: sender,
      message: outerMessage(sealed, { to: [sender], cc: [] }),
      certificate: own.certificate.sha256,
      sealedBy: new Map([[sender.toString(), sealedByOf(own.certificate, signed, algorithms)]]),
      why: [],
    },
    tools,
  )
  return null
}

const NO_RELAY: Problem = {
  final: true,
  why: [{ code: 'CONFIG_INVALID', text: 'no SMTP server is configured that would take a failure notice' }],
  advice: ['Set smtp.url in the configuration; "direct status" tells of the recipients.'],
}
