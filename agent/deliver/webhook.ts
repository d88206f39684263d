import type { HostLookup } from '../../dns/index.ts'
import type { AccessToken } from '../../mailbox/index.ts'
import type { Reason } from '../errors.ts'
import { listParts } from '../open/parts.ts'
import { quote } from '../read/report-fields.ts'
import type { Source } from '../smime/source.ts'
import { describeDelivery } from './description.ts'
import { formOf } from './multipart.ts'
import { type Answer, post } from './post.ts'
import { signatureOf } from './signature.ts'
import type { Deliverable, Destination, Taken } from './types.ts'

/** An EHR that is told by HTTP. */
export interface Webhook {
  readonly url: URL
  /** PEM of the CAs to believe; undefined: those that Node knows. */
  readonly ca: string | undefined
  /** What requests are signed with; asked for anew after one was refused. */
  readonly secret: AccessToken
  readonly lookup: HostLookup
  readonly timeoutMs: number
  readonly now: () => Date
}

/** What the EHR is told: which event, under which key it must not take it twice. */
export interface Told {
  readonly event: string
  readonly key: string
  readonly contentType: string
  readonly body: Source
}

/**
 * Each message as a form of two parts: `delivery`, what was found out about it, and `message`, the message byte for byte
 * (IN-8). Nothing of it is kept on the way.
 */
export function webhookDestination(webhook: Webhook): Destination {
  const tell = teller(webhook)
  return {
    async deliver(offered, signal) {
      const delivery = Buffer.from(JSON.stringify(await describe(offered)))
      const form = formOf([
        { name: 'delivery', contentType: 'application/json', content: delivery },
        {
          name: 'message',
          filename: 'message.eml',
          contentType: 'message/rfc822',
          content: offered.message.inner,
        },
      ])
      return takenBy(webhook.url, await tell({ event: 'message', key: offered.key, ...form }, signal))
    },
  }
}

/** Posts, signed. A secret that was refused is not used again where there is another by now. */
export function teller({ url, ca, secret, lookup, timeoutMs, now }: Webhook) {
  let refused: string | undefined
  return async ({ event, key, contentType, body }: Told, signal?: AbortSignal): Promise<Answer> => {
    const current = await secret(refused)
    const headers = {
      'content-type': contentType,
      'idempotency-key': key,
      'direct-event': event,
      'direct-signature': await signatureOf(body, current, now()),
    }
    const answer = await post({ url, headers, body, ca, lookup, timeoutMs, signal })
    refused = 'status' in answer && isDenied(answer.status) ? current : undefined
    return answer
  }
}

/** For those of our recipients alone whose delivery this is: another message of the same bytes may be the others'. */
async function describe(offered: Deliverable) {
  const ours = new Set(offered.deliveries.map(({ recipient }) => recipient))
  const described = describeDelivery(offered, { deliveredTo: null, parts: await listParts(offered.message) })
  return {
    // What a header says is not signed.
    key: offered.key,
    ...described,
    recipients: described.recipients.filter(({ address }) => ours.has(address.toLowerCase())),
  }
}

/** Only what the EHR says outright is its last word: everything else may be a server on the way to it. */
function takenBy({ host }: URL, answer: Answer): Taken {
  if ('failed' in answer) return later('EHR_UNREACHABLE', answer.failed)
  const { status, text } = answer
  if (status >= 200 && status < 300) return { outcome: 'delivered', where: wordOf(text, 'where') }
  const reject = status === 422 ? wordOf(text, 'reject') : null
  if (reject !== null) return { outcome: 'rejected', why: [{ code: 'EHR_REJECTED', text: reject }] }
  return later(isDenied(status) ? 'EHR_DENIED' : 'EHR_UNEXPECTED', unexpected(host, answer))
}

/** Why an answer is not the one that was hoped for, as a clause; nothing of its text. */
export function unexpected(host: string, { status }: Extract<Answer, { status: number }>): string {
  if (status >= 300 && status < 400)
    return `${host} sends elsewhere (${status}), and redirects are not followed`
  if (status === 422) return `${host} answers 422 without {"reject": …}`
  return `${host} answers ${status}`
}

/** What an EHR says that does not believe the signature, or something on the way to it that wants to know who we are. */
function isDenied(status: number): boolean {
  return status === 401 || status === 403
}

function later(
  code: 'EHR_UNREACHABLE' | 'EHR_DENIED' | 'EHR_UNEXPECTED',
  text: string,
): { readonly outcome: 'later'; readonly why: readonly Reason[] } {
  return { outcome: 'later', why: [{ code, text }] }
}

/** One line that a JSON answer says under a name; null where it says none. */
function wordOf(text: string | null, name: 'where' | 'reject'): string | null {
  try {
    const said: unknown = JSON.parse(text ?? '')
    const word = typeof said === 'object' && said !== null ? Reflect.get(said, name) : null
    return typeof word === 'string' && word !== '' ? quote(word) : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}
