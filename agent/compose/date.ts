/** RFC 5322 3.3 date-time, in UTC: `Sat, 21 Nov 2026 21:30:00 +0000`. */
export function formatDate(date: Date): string {
  // ECMA-262 21.4.4.43 fixes this form but for the name of the zone.
  return date.toUTCString().replace('GMT', '+0000')
}
