/** RFC 5322 3.3 date-time, in UTC: `Sat, 21 Nov 2026 21:30:00 +0000`. */
export function formatDate(date: Date): string {
  // ECMA-262 21.4.4.43 fixes this form but for the name of the zone.
  return date.toUTCString().replace('GMT', '+0000')
}

const DATE_TIME =
  /^(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), ?)?\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{2,4} \d\d:\d\d(?::\d\d)? (?:[+-]\d{4}|UT|GMT|[ECMP][SD]T)(?= |$)/i

/**
 * What of a given Date may be seen by everybody (MSG-3): the date-time itself, without a comment behind it. Null where it
 * is none: then it may be any text.
 */
export function dateTimeOf(value: string): string | null {
  return DATE_TIME.exec(value.replace(/[ \t]+/g, ' '))?.[0] ?? null
}
