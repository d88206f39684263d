import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createResolver } from '../../dns/resolver/index.ts'
import { interpret } from '../../dns/resolver/interpret.ts'
import { encodeQuery, readReply } from '../../dns/resolver/wire.ts'
import {
  type Asked,
  alias,
  answerTo,
  certRdata,
  certRecord,
  derOf,
  FLAG,
  framed,
  scriptedServer,
  soaRecord,
} from './scripted-server.ts'

const NAME = 'lee.d.example'

function goodAnswer(asked: Pick<Asked, 'id' | 'question'>): Buffer {
  return answerTo(asked as Asked, {
    answers: [alias(NAME, 'b.example'), certRecord('b.example', certRdata(derOf(60)))],
    authorities: [soaRecord('example', 100, 100)],
  })
}

type Mutation = readonly { readonly at: number; readonly to: number }[]

const mutations: fc.Arbitrary<Mutation> = fc.array(fc.record({ at: fc.nat(300), to: fc.nat(255) }), {
  minLength: 1,
  maxLength: 8,
})

/** Bytes changed, from `start` on; the last change cuts the packet off. */
function mutate(packet: Buffer, mutation: Mutation, start: number): Buffer {
  const bytes = Buffer.from(packet)
  for (const { at, to } of mutation) bytes[start + (at % (bytes.length - start))] = to
  const cut = mutation.at(-1)?.at ?? 0
  return cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes
}

test('no answer makes the reader throw', () => {
  const query = encodeQuery(7, NAME, 'CERT', true)
  const good = goodAnswer({ id: 7, question: { name: NAME, type: 'CERT' } })
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(mutations, fc.constantFrom(0, 2, 12, query.question.length + 12))
      .map(([mutation, start]) => mutate(good, mutation, start)),
  )
  const seen = new Set<string>()
  fc.assert(
    fc.property(anything, (bytes) => {
      const reply = readReply(query, bytes)
      seen.add(reply.kind)
      if (reply.kind !== 'message') return
      const reading = interpret(reply.message, { names: [NAME], ttl: 86_400 }, 'CERT')
      seen.add(reading.kind)
    }),
    { numRuns: 3000 },
  )
  for (const kind of ['unrelated', 'malformed', 'message', 'found']) expect(seen).toContain(kind)
})

describe('a name server that means harm', () => {
  test('over UDP and TCP every question ends in an answer or a failure', async () => {
    const all = fc.sample(mutations, 60)
    let next = 0
    const mutated = (asked: Asked) => mutate(goodAnswer(asked), all[next++ % all.length] as Mutation, 2)
    await using server = await scriptedServer({
      udp: (asked) => asked.send(asked.id % 2 === 0 ? mutated(asked) : answerTo(asked, { flags: FLAG.TC })),
      tcp: (asked) =>
        asked.socket?.end(mutate(framed(goodAnswer(asked)), all[next++ % all.length] as Mutation, 0)),
    })
    const resolver = createResolver({ servers: [server], timeoutMs: 200 })
    const outcomes = await Promise.all(
      all.map(async (_, i) => {
        const answer = await resolver.resolve(i % 2 === 0 ? NAME : `n${i}.d.example`, 'CERT')
        return answer.status
      }),
    )
    for (const status of outcomes) expect(['found', 'absent', 'failed']).toContain(status)
  })

  test('one that sends unrelated messages without end over TCP is left when the time is up', async () => {
    await using server = await scriptedServer({
      udp: (asked) => asked.send(answerTo(asked, { flags: FLAG.TC })),
      tcp: (asked) => {
        const unrelated = framed(answerTo(asked, { id: asked.id ^ 1 }))
        const more = () => {
          if (asked.socket?.writable) asked.socket.write(unrelated, () => setImmediate(more))
        }
        more()
      },
    })
    const answer = await createResolver({ servers: [server], timeoutMs: 200 }).resolve(NAME, 'CERT')
    expect(answer).toMatchObject({ status: 'failed', tries: [{ code: 'TIMEOUT' }] })
  })

  test('one whose length promises more than it sends is left when the time is up', async () => {
    await using server = await scriptedServer({
      udp: (asked) => asked.send(answerTo(asked, { flags: FLAG.TC })),
      tcp: (asked) => asked.socket?.write(Buffer.concat([Buffer.from([0xff, 0xff]), goodAnswer(asked)])),
    })
    const answer = await createResolver({ servers: [server], timeoutMs: 200 }).resolve(NAME, 'CERT')
    expect(answer).toMatchObject({ status: 'failed', tries: [{ code: 'TIMEOUT' }] })
  })
})
