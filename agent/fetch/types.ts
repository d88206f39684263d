/** What one GET or POST came to. `refused` is final (NET: the URL, its host, its size); `failed` may pass. */
export type Fetched = { readonly status: 'ok'; readonly body: Uint8Array } | NotFetched

/** `why`: a clause, for who names the URL himself. `text`: the sentence, URL and all. */
export type NotFetched =
  | { readonly status: 'refused'; readonly why: string; readonly text: string }
  | { readonly status: 'failed'; readonly why: string; readonly text: string }

/** What is fetched, and how much of it is taken. */
export interface FetchRequest {
  readonly url: string
  /** Bytes of the body that are taken; a longer one is refused. */
  readonly limit: number
  /** A POST with this body; absent: GET. */
  readonly post?: { readonly body: Uint8Array; readonly contentType: string }
  /** Our own configuration names the URL: its host may be private, its port any. Redirects are guarded all the same. */
  readonly configured?: boolean
  readonly signal?: AbortSignal
}

/** Fetches a URL that a certificate or a DNS answer names, under protocol.md NET. Throws nothing but ABORTED. */
export type GuardedFetch = (request: FetchRequest) => Promise<Fetched>

/** Bytes of an answer that are taken (NET). */
export const FETCH_LIMIT = { certificate: 64 << 10, crl: 10 << 20 } as const
