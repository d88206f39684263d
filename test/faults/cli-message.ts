import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Transcript } from '../cli/direct.ts'
import { type CliClinic, jsonLines, KIM, LEE } from '../interop/cli-clinic.ts'
import { digest } from './ehr.ts'
import { contentOf, type Injected } from './inject.ts'

/** A message that `direct send` is told to send, with the same words until it says what became of it. */
export interface CliMessage {
  readonly words: readonly string[]
  /** What it says that it sent. Throws where it says nothing of the kind. */
  sent(said: Transcript): Injected
}

/** One whose attachment is drawn by `seed` and `n`. */
export async function cliMessage(
  clinic: CliClinic,
  { n, seed, bytes, config = 'direct.yaml' }: { n: number; seed: number; bytes: number; config?: string },
): Promise<CliMessage> {
  const content = contentOf(seed + n, bytes)
  await writeFile(join(clinic.dir, `${n}.bin`), content)
  return {
    words: [
      ...['send', '--config', config, '--from', KIM, '--to', LEE, '--text', 'Please see attached.'],
      ...['--attach', `${n}.bin`, '--idempotency-key', `${config}-${seed}-${n}`, '--json'],
    ],
    sent({ code, stdout, stderr }) {
      const messageId = messageIdIn(stdout)
      if (messageId === null) throw new Error(`send ended with ${code}: ${stderr}`)
      return { n, messageId, attachmentSha256: digest(content), bytes }
    },
  }
}

/** The message that `send` says it sent; null: it says nothing. */
export function messageIdIn(stdout: string): string | null {
  const messageId = jsonLines(stdout)[0]?.messageId
  return typeof messageId === 'string' ? messageId : null
}
