import { DirectError } from '../agent/errors.ts'
import type { OpenRequest } from '../agent/index.ts'
import type { Fields } from './batch.ts'
import { parseTime } from './time.ts'

/** Options of the command, which hold where a line is silent. */
export interface Defaults {
  readonly to: readonly string[] | undefined
  readonly mailFrom: string | undefined
}

export interface Line {
  readonly config: string | undefined
  readonly request: OpenRequest
}

export const EXAMPLE = '{"id": "1", "file": "sealed.eml", "to": ["dr.lee@clinic-b.example"]}'
const HINT = `Write one object a line: ${EXAMPLE}`

/** What to open, and with which configuration. Throws DirectError USAGE. */
export function lineOf(fields: Fields, defaults: Defaults): Line {
  const text = (key: string): string | undefined => {
    const value = fields[key] ?? undefined
    if (value === undefined || typeof value === 'string') return value
    throw new DirectError('USAGE', `${key} must be text`, { hint: HINT })
  }
  const path = text('file')
  if (path === undefined) throw new DirectError('USAGE', 'file is missing', { hint: HINT })
  const to = fields.to ?? defaults.to
  if (!Array.isArray(to) || to.length === 0 || !to.every((each) => typeof each === 'string'))
    throw new DirectError('USAGE', 'to must be a list of addresses', { hint: HINT })
  const mailFrom = text('mailFrom') ?? defaults.mailFrom
  const at = text('at')
  return {
    config: text('config'),
    request: {
      path,
      to,
      ...(mailFrom !== undefined && { mailFrom }),
      ...(at !== undefined && { at: parseTime(at) }),
    },
  }
}
