import { HOUR } from '../lifetimes.ts'
import type { Question } from '../types.ts'
import type { FollowUrl, Place, UnreadUrl } from './types.ts'

/** URLs of one place that are fetched: more is nobody's honest publication. */
const MOST_URLS = 4
const MOST_SHOWN = 200
/** Seconds: nobody says how long what a URL gave lasts; what did not come is asked for again soon. */
const LASTS = { read: HOUR, unread: 60 }

/** What the IPKIX records of one place gave. `questions` has each URL that was asked for. */
export interface Followed extends Pick<Place, 'certificates' | 'unread' | 'ttl'> {
  readonly questions: readonly Question[]
}

/** Fetches the URLs of IPKIX records side by side (DISC-3, NET). Rejects only when the signal fires. */
export async function followUrls(
  urls: readonly string[],
  followUrl: FollowUrl,
  signal: AbortSignal | undefined,
): Promise<Followed> {
  const certificates: Uint8Array[] = []
  const unread: UnreadUrl[] = []
  const questions: Question[] = []
  const distinct = [...new Set(urls)]
  const outcomes = distinct
    .slice(0, MOST_URLS)
    .map(async (url) => [url, await followUrl(url, signal)] as const)
  for (const [url, outcome] of await Promise.all(outcomes)) {
    const name = shown(url)
    if (outcome.status === 'ok') {
      certificates.push(...outcome.certificates)
      questions.push({ name, type: 'URL', answer: counted(outcome.certificates.length) })
    } else {
      unread.push({ url: name, status: outcome.status, text: outcome.text })
      questions.push({ name, type: 'URL', answer: outcome.text })
    }
  }
  for (const url of distinct.slice(MOST_URLS)) {
    const text = `${shown(url)} is refused: ${MOST_URLS} other URLs of this place were followed already`
    unread.push({ url: shown(url), status: 'refused', text })
  }
  const isSettled = unread.every(({ status }) => status === 'refused')
  return { certificates, unread, questions, ttl: isSettled ? LASTS.read : LASTS.unread }
}

function counted(certificates: number): string {
  return certificates === 1 ? '1 certificate' : `${certificates} certificates`
}

/** A URL may fill a DNS message. */
function shown(url: string): string {
  return url.length > MOST_SHOWN ? `${url.slice(0, MOST_SHOWN)}…` : url
}
