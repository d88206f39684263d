import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { takeStreams } from '../../agent/send/streams.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

test('of a stream that is read, no chunk is held that went before, for whoever may stop it', async () => {
  const given: WeakRef<Uint8Array>[] = []
  async function* chunks() {
    for (let i = 0; i < 50; i++) {
      const chunk = new Uint8Array(65_536)
      given.push(new WeakRef(chunk))
      yield chunk
    }
  }
  const { signal } = new AbortController()
  const attachments = [{ filename: 'scan.bin', content: chunks() }]
  const { message } = takeStreams({ from: 'dr.kim@clinic-a.example', attachments }, signal)
  const [attachment] = 'attachments' in message ? (message.attachments ?? []) : []
  const content = attachment?.content as AsyncGenerator<Uint8Array>
  for (let i = 0; i < 40; i++) await content.next()
  await turn()
  collect()
  expect(given.slice(0, 30).filter((chunk) => chunk.deref() !== undefined)).toEqual([])
  await content.return(undefined)
})
