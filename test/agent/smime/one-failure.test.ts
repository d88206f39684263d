import { describe, expect, test } from 'vitest'
import { describeOpened } from '../../../agent/open/report.ts'
import type { Source } from '../../../agent/smime/source.ts'
import { families } from '../../timing/faults.ts'
import { judge } from './opening.ts'
import { countingSpool, type identity } from './parties.ts'

/**
 * Decryption failures of every kind are one outcome (ALG-2): one code, one text, no MDN, the same steps. What is counted
 * here `npm run timing` measures, over the same messages.
 */

/** The steps of an opening that cost something, in their order. */
async function stepsOf(message: Buffer, key: Parameters<typeof watched>[0]) {
  const steps: string[] = []
  const { spool, open } = countingSpool()
  const counting = async (bytes: AsyncIterable<Uint8Array>) => {
    const kept = await spool(bytes)
    steps.push('spooled')
    return { ...counted(kept, steps), [Symbol.asyncDispose]: () => kept[Symbol.asyncDispose]() }
  }
  const judged = await judge(message, { keys: [watched(key, steps)], tools: { spool: counting } })
  const opened = describeOpened(judged)
  await judged[Symbol.asyncDispose]()
  expect(open()).toBe(0)
  return { opened, steps }
}

function watched(key: ReturnType<typeof identity>, steps: string[]) {
  const { certificate, intermediates } = key
  return Object.assign(Object.create(key), {
    certificate,
    intermediates,
    key: {
      sign: key.key.sign,
      decrypt: (...how: Parameters<typeof key.key.decrypt>) => {
        steps.push('private key asked')
        return key.key.decrypt(...how)
      },
    },
  }) as typeof key
}

function counted({ bytes, read }: Source, steps: string[]): Source {
  return {
    bytes,
    async *read() {
      let length = 0
      try {
        for await (const chunk of read()) {
          length += chunk.length
          yield chunk
        }
      } finally {
        if (length === bytes) steps.push('read to its end')
      }
    },
  }
}

describe.each(await families(200_000))('$name', ({ key, faults }) => {
  test.each(Object.entries(faults))('%s: the one outcome', async (_, make) => {
    const { opened, steps } = await stepsOf(make(), key)
    expect(steps).toEqual(['private key asked', 'spooled'])
    const { recipients, ...rest } = opened
    expect(rest).toEqual({ ...FAILED, messageId: '<1@clinic-a.example>' })
    expect(recipients).toEqual([
      { address: 'dr.lee@clinic-b.example', verdict: 'reject', code: 'UNDECRYPTABLE' },
    ])
  })
})

const FAILED = {
  verdict: 'reject',
  code: 'UNDECRYPTABLE',
  why: [
    {
      code: 'UNDECRYPTABLE',
      text: 'the message could not be decrypted, or what was decrypted makes no sense',
    },
  ],
  signer: null,
  from: null,
  to: [],
  wrapped: null,
  algorithms: null,
  mdn: 'none',
  innerSha256: null,
  parts: [],
  warnings: [],
  unchecked: [],
  revocation: [],
}
