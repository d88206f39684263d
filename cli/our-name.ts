import { parseAddress, parseDomain } from '../agent/address.ts'
import { DirectError } from '../agent/errors.ts'
import { publicProviderOf } from './init/public-providers.ts'

/** Whom a certificate may be asked for: both throw DirectError USAGE. */

/** As its key. */
export function ourAddress(text: string): string {
  const parsed = parseAddress(text)
  if ('code' in parsed)
    throw new DirectError('USAGE', parsed.text, { hint: 'Write it as dr.kim@clinic-a.example.' })
  refuseProvider(parsed.domain)
  return parsed.key
}

/** In A-labels. `otherwise`: what else might have been meant, for the hint. */
export function ourDomain(text: string, otherwise: string): string {
  const parsed = parseDomain(text)
  if (parsed === null)
    throw new DirectError('USAGE', `${JSON.stringify(text)} is not a domain name`, {
      hint: `Write it as clinic-a.example; ${otherwise}.`,
    })
  refuseProvider(parsed)
  return parsed
}

function refuseProvider(domain: string): void {
  const provider = publicProviderOf(domain)
  if (provider === null) return
  throw new DirectError(
    'USAGE',
    `${provider} is a public mailbox provider: its domain is not yours, so no certificate for it can be, and you cannot publish one in its DNS`,
    { hint: 'Use a domain of your own, or an address that your HISP gives you.' },
  )
}
