import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { type Answer, decode, encode, type Question } from 'dns-packet'
import { listenAtSamePort } from './same-port.ts'

/** One question that a scripted server got, and the ways to answer it. */
export interface Asked {
  readonly transport: 'udp' | 'tcp'
  readonly packet: Buffer
  readonly id: number
  readonly question: Question
  readonly edns: boolean
  readonly from: { readonly address: string; readonly port: number }
  /** Raw bytes; over TCP with the length in front. */
  send(bytes: Buffer): void
  /** Over TCP only: exactly these bytes. */
  readonly socket: Socket | null
}

export interface ScriptedServer extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** `udp CERT a.d.example +edns`, in the order that they came. */
  readonly log: readonly string[]
  readonly asked: readonly Asked[]
}

type Script = (asked: Asked) => void

export interface Scripts {
  readonly udp?: Script
  readonly tcp?: Script
  /** Where it listens. Default: a free port of 127.0.0.1. */
  readonly at?: { readonly host: string; readonly port: number }
}

/** A name server on loopback that does as it is told. A transport without a script is not listened on. */
export async function scriptedServer(scripts: Scripts): Promise<ScriptedServer> {
  const asked: Asked[] = []
  const log: string[] = []
  const take = (one: Omit<Asked, 'id' | 'question' | 'edns'>, script: Script) => {
    const { id, questions = [], additionals = [] } = decode(one.packet)
    const edns = additionals.some((record) => record.type === 'OPT')
    const question = questions[0] as Question
    const whole = { ...one, id: id as number, question, edns }
    asked.push(whole)
    log.push(`${one.transport} ${question.type} ${question.name}${edns ? ' +edns' : ''}`)
    script(whole)
  }
  const tcp = createServer()
  const clients = new Set<Socket>()
  const udp = createSocket('udp4')
  tcp.on('connection', (socket) => {
    clients.add(socket)
    socket.on('error', () => socket.destroy())
    let held = Buffer.alloc(0)
    socket.on('data', (chunk) => {
      held = Buffer.concat([held, chunk])
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
        const packet = held.subarray(2, 2 + held.readUInt16BE(0))
        held = held.subarray(2 + packet.length)
        const from = { address: socket.remoteAddress as string, port: socket.remotePort as number }
        const send = (bytes: Buffer) => socket.write(framed(bytes))
        take({ transport: 'tcp', packet, from, send, socket }, scripts.tcp as Script)
      }
    })
  })
  udp.on('message', (packet, from) => {
    const send = (bytes: Buffer) => udp.send(bytes, from.port, from.address)
    take({ transport: 'udp', packet, from, send, socket: null }, scripts.udp as Script)
  })
  const at = scripts.at ?? { host: '127.0.0.1', port: 0 }
  const port = await listenAtSamePort(tcp, udp, at)
  if (scripts.udp === undefined) udp.close()
  if (scripts.tcp === undefined) {
    tcp.close()
    await once(tcp, 'close')
  }
  return {
    host: at.host,
    port,
    log,
    asked,
    async [Symbol.asyncDispose]() {
      if (scripts.udp !== undefined) udp.close()
      for (const socket of clients) socket.destroy()
      if (tcp.listening) {
        tcp.close()
        await once(tcp, 'close')
      }
    },
  }
}

/** The length in front, as over TCP. */
export function framed(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

export const FLAG = { AA: 0x0400, TC: 0x0200, RD: 0x0100, RA: 0x0080 }
export const CODE = { FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 }

/** An answer to the question asked; `flags` without QR, the rcode in its low bits. */
export function answerTo(
  asked: Asked,
  content: {
    flags?: number
    answers?: Answer[]
    authorities?: Answer[]
    additionals?: Answer[]
    id?: number
    questions?: Question[]
  } = {},
): Buffer {
  return encode({
    type: 'response',
    id: content.id ?? asked.id,
    flags: content.flags ?? FLAG.AA,
    questions: content.questions ?? [asked.question],
    answers: content.answers ?? [],
    authorities: content.authorities ?? [],
    additionals: content.additionals ?? [],
  })
}

export function certRecord(name: string, rdata: Buffer, ttl = 600): Answer {
  return { name, type: 'CERT', ttl, data: rdata }
}

export function alias(name: string, target: string, ttl = 600): Answer {
  return { name, type: 'CNAME', ttl, data: target }
}

export function soaRecord(name: string, ttl: number, minimum: number): Answer {
  const data = {
    mname: `ns.${name}`,
    rname: `admin.${name}`,
    serial: 1,
    refresh: 1,
    retry: 1,
    expire: 1,
    minimum,
  }
  return { name, type: 'SOA', ttl, data }
}

/** The RDATA of a CERT record: PKIX unless told otherwise. */
export function certRdata(content: Buffer, type = 1): Buffer {
  const header = Buffer.from([0, type, 0, 0, 0])
  return Buffer.concat([header, content])
}

/** A DER SEQUENCE of `bytes` content bytes: all that the dns room looks at. */
export function derOf(bytes: number, fill = 0x05): Buffer {
  const header = Buffer.from([0x30, 0x83, bytes >> 16, (bytes >> 8) & 0xff, bytes & 0xff])
  if (bytes > 0xffff) return Buffer.concat([header, Buffer.alloc(bytes, fill)])
  const short =
    bytes > 0xff ? [0x30, 0x82, bytes >> 8, bytes & 0xff] : bytes > 0x7f ? [0x30, 0x81, bytes] : [0x30, bytes]
  return Buffer.concat([Buffer.from(short), Buffer.alloc(bytes, fill)])
}
