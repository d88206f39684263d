import { endsNow } from '../own-notices.ts'
import { ok } from './finding.ts'
import type { Check } from './tools.ts'

/** Days before an end from which on it is a warning. */
const SOON = 14

/** What comes to an end within 60 days: certificates of ours, and pins. */
export async function* checkEnds({ identityTools }: Parameters<Check>[0]): ReturnType<Check> {
  const { ends, requested } = await endsNow(await identityTools())
  if (ends.length === 0) yield ok('NOTHING_ENDS', 'no certificate of ours and no pin ends within 60 days')
  for (const { kind, name, at, daysLeft } of ends)
    yield {
      level: daysLeft <= SOON ? 'warning' : 'note',
      code: kind === 'own' ? 'CERT_ENDS' : 'PIN_ENDS',
      about: name,
      text: `the ${kind === 'own' ? 'certificate of' : 'pin of'} ${name} ends in ${daysLeft} days, on ${at.toISOString().slice(0, 10)}`,
      do:
        kind === 'pinned'
          ? 'Ask the partner for the new certificate, and pin it ("direct cert pin").'
          : requested.has(name)
            ? '"direct cert import FILE" takes the CA\'s answer.'
            : `Renew it: "direct cert request ${name}".`,
    }
}
