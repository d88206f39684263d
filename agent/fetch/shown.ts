import type { NotFetched } from './types.ts'

/** A URL for people, as it was written, but for credentials, controls and more length than anyone reads. */
export function shown(url: string): string {
  const text = url.replace(/\/\/[^/\\?#]*@/, '//').replace(/[^\x21-\x7e]/g, '?')
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}

/** As `shown`, of a URL that our own configuration names: its query may be what only the members of a community know. */
export function shownWithoutQuery(url: string): string {
  const [place = ''] = url.split(/[?#]/, 1)
  return place === url ? shown(url) : `${shown(place)}?…`
}

/** `name`: how people are shown the URL. */
export function notFetched(
  url: string,
  status: NotFetched['status'],
  why: string,
  name: (url: string) => string = shown,
): NotFetched {
  const text = `${name(url)} ${status === 'refused' ? 'is refused' : 'cannot be fetched now'}: ${why}`
  return { status, why, text }
}
