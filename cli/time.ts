import { DirectError } from '../agent/errors.ts'

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/** RFC 3339 date-time; digits beyond milliseconds are cut off. Throws DirectError USAGE. */
export function parseTime(text: string): Date {
  const parts = RFC3339.exec(text)
  if (parts === null) throw wrong(text)
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const offset = Number(parts[9] ?? 0) * 60 + Number(parts[10] ?? 0)
  const inRange = hour <= 23 && minute <= 59 && second <= 59
  const offsetInRange = Number(parts[9] ?? 0) <= 23 && Number(parts[10] ?? 0) <= 59
  const time = new Date(0)
  time.setUTCFullYear(year, month - 1, day)
  // 30 February would silently become a day in March.
  const isDay = time.getUTCMonth() === month - 1 && time.getUTCDate() === day
  if (!inRange || !offsetInRange || !isDay) throw wrong(text)
  time.setUTCHours(hour, minute, second, Number((parts[7] ?? '').slice(0, 3).padEnd(3, '0')))
  return new Date(time.getTime() - (parts[8] === '-' ? -offset : offset) * 60_000)
}

/** As `parseTime`; a date alone is the beginning of that day in UTC. */
export function parseDayOrTime(text: string): Date {
  return parseTime(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text)
}

function wrong(text: string): DirectError {
  return new DirectError('USAGE', `${JSON.stringify(text.slice(0, 60))} is not a time`, {
    hint: 'Write it as RFC 3339 does, with a zone, e.g. 2026-11-21T09:30:00Z.',
  })
}
