import type { Replay } from './replay.ts'
import type { Trace } from './types.ts'

/** Takes the trace of each question that `classify` and `discover` have answered. */
export interface Recording {
  add(trace: Trace): void
}

/** A recording that keeps them all, in the order in which they were answered, for as long as you keep it. */
export function createRecording(): Recording & { readonly traces: readonly Trace[] } {
  const traces: Trace[] = []
  return { traces, add: (trace) => void traces.push(trace) }
}

/**
 * Answers from a trace alone, and as it was answered then: no network, no configuration, no store, no clock. What a trace
 * says is not proved by anybody: whoever made it chose the anchors as well. Throws TRACE_INVALID for what is no trace.
 */
export async function replay(trace: Trace): Promise<Replay> {
  return (await import('./replay.ts')).replay(trace)
}

/** Writes a trace, 0600, whole or not at all. Throws FILE_UNWRITABLE, and USAGE for one too large to be read again. */
export async function writeTrace(path: string, trace: Trace): Promise<void> {
  await (await import('./file.ts')).writeTrace(path, trace)
}

/** Reads a trace. Throws FILE_UNREADABLE, and TRACE_INVALID for what is none. */
export async function readTrace(path: string): Promise<Trace> {
  return (await import('./file.ts')).readTrace(path)
}
