/** A name server as a clinic's client meets it: a real BIND, and before it what counts, or cannot take EDNS. */
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { type Answer, decode, encode, type Packet } from 'dns-packet'
import type { HostPort } from '../../../dns/index.ts'
import { messageReader } from '../../../dns/resolver/transport.ts'
import { type Asked, answerTo, CODE, framed, scriptedServer } from '../../dns/scripted-server.ts'

export interface Front extends AsyncDisposable {
  /** As `dns.servers` takes it. */
  readonly server: string
  /** What was asked, `udp CERT d1.one.dcdt.example +edns`, in order. */
  readonly log: readonly string[]
}

export interface FrontOptions {
  /** What becomes of a question over UDP that has EDNS. Over TCP, and plain, all pass. Default: it passes. */
  readonly edns?: 'passes' | 'FORMERR' | 'dropped'
  /** The order in which the records of an answer of as many come: their places when they are sorted by their bytes. */
  readonly order?: readonly number[]
  /** Where it stands. Default: a free port of 127.0.0.1. */
  readonly at?: HostPort
}

/** Stands before a name server, and hands on. */
export async function startFront(behind: HostPort, options: FrontOptions = {}): Promise<Front> {
  const { edns = 'passes', order, at } = options
  const handOn = (ask: typeof askUdp) => async (asked: Asked) => {
    const answer = await ask(behind, asked.packet)
    if (answer !== null) asked.send(order === undefined ? answer : reordered(answer, order))
  }
  const [overUdp, overTcp] = [handOn(askUdp), handOn(askTcp)]
  const front = await scriptedServer({
    udp: (asked) => {
      if (!asked.edns || edns === 'passes') void overUdp(asked)
      else if (edns === 'FORMERR') asked.send(answerTo(asked, { flags: CODE.FORMERR }))
    },
    tcp: (asked) => void overTcp(asked),
    ...(at && { at }),
  })
  return {
    server: `${front.host}:${front.port}`,
    log: front.log,
    [Symbol.asyncDispose]: () => front[Symbol.asyncDispose](),
  }
}

function reordered(answer: Buffer, order: readonly number[]): Buffer {
  const packet: Packet = decode(answer)
  const sorted = (packet.answers ?? []).toSorted((a, b) => Buffer.compare(encoded(a), encoded(b)))
  if (sorted.length !== order.length) return answer
  return encode({ ...packet, answers: order.flatMap((place) => sorted[place] ?? []) })
}

function encoded(record: Answer): Buffer {
  return encode({ answers: [record] })
}

/** Null: no answer came. */
async function askUdp({ host, port }: HostPort, packet: Buffer): Promise<Buffer | null> {
  const socket = createSocket('udp4')
  const { promise, resolve } = Promise.withResolvers<Buffer | null>()
  socket.on('message', (message) => resolve(message)).on('error', () => resolve(null))
  socket.send(packet, port, host)
  const answer = await promise
  socket.close()
  return answer
}

async function askTcp({ host, port }: HostPort, packet: Buffer): Promise<Buffer | null> {
  const socket = connect(port, host)
  const { promise, resolve } = Promise.withResolvers<Buffer | null>()
  socket.on('data', messageReader(resolve)).on('error', () => resolve(null))
  socket.on('close', () => resolve(null))
  socket.write(framed(packet))
  const answer = await promise
  socket.destroy()
  return answer
}
