import { DirectError } from '../errors.ts'
import type { Attachment, Draft, MessageFile } from '../sending-types.ts'

type Message = Draft | MessageFile
type Bytes = AsyncIterable<Uint8Array>

/** Those that can be read once, and were given to be sent before: whoever reads one again finds it empty. */
const taken = new WeakSet<object>()

/** What is to be sent, with the streams of its attachments, which are given up when it is disposed of. */
export interface WithStreams extends AsyncDisposable {
  readonly message: Message
}

/**
 * From now on the streams of a draft are ours: each is read to its end or destroyed, whatever becomes of the message. What
 * fails before anybody reads it does not end the process: that is told to whoever reads it. Reading one throws
 * FILE_UNREADABLE where it fails, USAGE for one that was read before, MESSAGE_INVALID for what is neither bytes nor text,
 * ABORTED; a DirectError of its own comes through.
 */
export function takeStreams(message: Message, signal?: AbortSignal): WithStreams {
  const streams: Bytes[] = []
  const take = (stream: Bytes, index: number): Bytes => {
    const what = `the stream of attachment ${index + 1}`
    const { on } = stream as { on?: (event: 'error', heard: () => void) => void }
    on?.call(stream, 'error', () => undefined)
    streams.push(stream)
    return read(stream, what, signal)
  }
  return {
    message: eachStream(message, take),
    async [Symbol.asyncDispose]() {
      for (const stream of streams) await giveUp(stream)
    },
  }
}

/** For whoever only asks what would become of the message: its streams are not read. */
export function withoutStreams(message: Message): Message {
  return eachStream(message, () => new Uint8Array())
}

function eachStream(
  message: Message,
  replace: (stream: Bytes, index: number) => Attachment['content'],
): Message {
  if (!('attachments' in message) || message.attachments === undefined) return message
  const attachments = message.attachments.map((attachment, index) => {
    const { content } = attachment
    return isStream(content) ? { ...attachment, content: replace(content, index) } : attachment
  })
  return { ...message, attachments }
}

/** A stream of Node's that reads a file has a `path` too, and may read a part of it. */
export function isStream(content: Attachment['content']): content is Bytes {
  return typeof content === 'object' && content !== null && Symbol.asyncIterator in content
}

async function* read(
  stream: Bytes,
  what: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (taken.has(stream) || Reflect.get(stream, 'readableEnded') === true)
    throw new DirectError('USAGE', `${what} was read before`, {
      hint: 'Nothing was sent. A stream gives its bytes once: make a new one for each send.',
    })
  const chunks = stream[Symbol.asyncIterator]()
  // One that begins anew each time may be sent again.
  if (Object.is(chunks, stream) || 'on' in stream || 'cancel' in stream) taken.add(stream)
  try {
    for (;;) {
      const { done, value } = await nextOf(chunks, what, signal)
      if (done) return
      yield bytesOf(value, what)
    }
  } catch (error) {
    if (error instanceof DirectError) throw error
    throw new DirectError('FILE_UNREADABLE', `${what} failed`, {
      hint: 'Nothing was sent. The cause of this error is what the stream said; give a new one to send again.',
      cause: error,
    })
  } finally {
    // Whoever hangs is not waited for.
    Promise.resolve(chunks.return?.()).catch(() => undefined)
  }
}

/** Of each chunk anew: a promise that many others wait for beside would hold all that they came to. */
async function nextOf(
  chunks: AsyncIterator<Uint8Array>,
  what: string,
  signal: AbortSignal | undefined,
): Promise<IteratorResult<Uint8Array>> {
  if (signal === undefined) return chunks.next()
  const { promise: gone, reject } = Promise.withResolvers<never>()
  const stopped = () => new DirectError('ABORTED', `stopped before ${what} ended`, { temporary: true })
  if (signal.aborted) throw stopped()
  const onAbort = () => reject(stopped())
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([chunks.next(), gone])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function bytesOf(chunk: unknown, what: string): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk
  if (typeof chunk === 'string') return Buffer.from(chunk)
  throw new DirectError('MESSAGE_INVALID', `${what} holds what is neither bytes nor text`, {
    hint: 'Nothing was sent. Give a stream of Uint8Array, or of strings, which go as UTF-8.',
  })
}

/** Nothing happens to one that was read to its end. */
async function giveUp(stream: object): Promise<void> {
  const { destroy, cancel } = stream as { destroy?: () => void; cancel?: () => Promise<void> }
  destroy?.call(stream)
  // While somebody reads it, a stream of the web refuses.
  await Promise.resolve(cancel?.call(stream)).catch(() => undefined)
}
