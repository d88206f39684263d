import { DirectError } from '../errors.ts'
import { type OpenTrace, traceSchema } from './schema.ts'

/** Reads what should be a trace, with bytes and dates in it. Throws TRACE_INVALID, which names the part that is wrong. */
export function openTrace(value: unknown): OpenTrace {
  const { format, version } = headOf(value)
  if (format !== 'direct-agent trace')
    throw new DirectError('TRACE_INVALID', 'that is no trace of direct-agent', {
      hint: 'A trace is the file that "direct discover ADDR --record FILE" writes.',
    })
  if (version !== 1)
    throw new DirectError(
      'TRACE_INVALID',
      `the trace has version ${JSON.stringify(version)?.slice(0, 20)}, and this direct-agent reads version 1`,
      { hint: 'Replay it with the version of direct-agent that recorded it, or a newer one.' },
    )
  const read = traceSchema.safeParse(value)
  if (read.success) return read.data
  const [issue] = read.error.issues
  throw new DirectError(
    'TRACE_INVALID',
    `the trace is damaged at ${issue?.path.join('.') || 'its top'}: ${issue?.message}`,
    { hint: 'Record it again, and send the file as it is.' },
  )
}

function headOf(value: unknown): { readonly format: unknown; readonly version: unknown } {
  if (typeof value !== 'object' || value === null) return { format: undefined, version: undefined }
  return {
    format: 'format' in value ? value.format : undefined,
    version: 'version' in value ? value.version : undefined,
  }
}
