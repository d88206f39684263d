import { DirectError } from '../errors.ts'
import type { CheckedRecord } from '../zone/types.ts'
import { NOT_ASKED, ok } from './finding.ts'
import type { Check } from './tools.ts'
import type { Finding } from './types.ts'

const LEVELS: Readonly<Record<CheckedRecord['status'], Finding['level']>> = {
  visible: 'ok',
  expiring: 'note',
  'not-yet': 'note',
  stale: 'note',
  wrong: 'error',
  missing: 'error',
  unanswered: 'unreachable',
}

/** Whether strangers see our certificates, and no others. */
export async function* checkDns(
  { offline, checkZone }: Parameters<Check>[0],
  signal: AbortSignal,
): ReturnType<Check> {
  if (offline) {
    yield NOT_ASKED
    return
  }
  const checked = await checkZone(signal).catch((error) => {
    // That there is nothing to publish is told of the keys.
    if (error instanceof DirectError && ['IDENTITY_MISSING', 'CERT_UNREADABLE'].includes(error.code))
      return null
    throw error
  })
  if (checked === null) return
  const { records, notes } = checked
  // One server that is away is one thing to mend, however many records it does not tell of.
  const same = Map.groupBy(records, ({ status, advice }) => `${status} ${advice}`)
  for (const alike of same.values()) {
    const [{ status, advice }] = alike as [CheckedRecord]
    const names = [...new Set(alike.map(({ type, name }) => `${type} ${name}`))].join(', ')
    if (status === 'visible') yield ok('VISIBLE', `strangers see ${names}`)
    else
      yield {
        level: LEVELS[status],
        code: status.toUpperCase().replace('-', '_'),
        about: names,
        text: `${names} is ${status === 'unanswered' ? 'not answered for' : status}${saidBy(alike)}`,
        do: advice ?? '"direct zone check" says more.',
      }
  }
  for (const note of notes)
    yield {
      level: 'note',
      code: 'ZONE',
      about: null,
      text: note,
      do: 'Mend what it names, unless it is meant so; "direct zone check" tells it beside how each record stands.',
    }
}

function saidBy(records: readonly CheckedRecord[]): string {
  const servers = records.flatMap(({ servers }) => servers.filter(({ answer }) => answer !== 'yes'))
  const names = [...new Set(servers.map(({ server }) => server))]
  return names.length === 0 ? '' : ` (${names.join(', ')})`
}
