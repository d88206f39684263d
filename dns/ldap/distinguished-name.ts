/** `dc=d,dc=example` for `d.example` (RFC 2247). */
export function domainBase(domain: string): string {
  return domain
    .split('.')
    .map((label) => `dc=${escapeValue(label)}`)
    .join(',')
}

/** A value as it stands in a distinguished name (RFC 4514 2.4). */
export function escapeValue(value: string): string {
  return value
    .replace(/[",+;<>\\]/g, '\\$&')
    .replace(/^[# ]| $/g, '\\$&')
    .replaceAll('\0', '\\00')
}
