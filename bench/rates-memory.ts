import { randomBytes } from 'node:crypto'
import { settingsOf } from '../agent/config/load.ts'
import { givenAddress } from '../agent/given-address.ts'
import { Neighbours } from '../agent/neighbours.ts'
import { openMessage } from '../agent/open.ts'
import { neverSaid } from '../agent/seal/agreed.ts'
import { sealCopies } from '../agent/seal.ts'
import { isAmong, visible } from '../agent/send/copies.ts'
import { prepare, signatures } from '../agent/send/prepare.ts'
import { inOneChunk, lent, type Source } from '../agent/smime/source.ts'
import { wire } from '../agent/wiring.ts'
import { clinic, FROM, TO } from './clinics.ts'

/** The S/MIME steps of one message, from bytes in memory to bytes in memory. */
export interface Steps {
  /** A message of its own, composed, and with the verified paths of its recipients; to be sealed once. */
  prepare(): Promise<() => Promise<Buffer>>
  /** Decrypts, verifies and judges. */
  open(sealed: Buffer): Promise<void>
}

/** As agents do them, with agents' own tools; `bytes` long is the attachment. */
export async function smimeSteps(dir: string, bytes: number): Promise<Steps> {
  const sendTools = await agentOf('a', dir).wired.sendTools()
  const b = agentOf('b', dir)
  const judge = await b.neighbours.judging.judge('memory')
  const openTools = { ...(await b.wired.openTools()), judge, trust: b.wired.passingTrust }
  const envelope = { recipients: [givenAddress(TO)], mailFrom: givenAddress(FROM) }
  const { algorithms } = sendTools.settings
  return {
    async prepare() {
      const attachments = [{ filename: 'scan.bin', content: randomBytes(bytes) }]
      const draft = { from: FROM, to: [TO], subject: 'Referral', attachments }
      const prepared = await prepare(draft, {}, sendTools)
      const paths = prepared.classified.flatMap(({ path }) => path ?? [])
      const shown = visible(prepared.composed, isAmong(prepared.classified))
      return async () => {
        await using _ = prepared.composed
        const signWith = signatures(prepared, sendTools)
        const [copy] = await sealCopies(signWith, paths, shown, algorithms, neverSaid)
        if (copy === undefined) throw new Error('not sealed')
        return await inOneBuffer(copy.message)
      }
    },
    async open(sealed) {
      // As a spool keeps what is short.
      const raw = inOneChunk(sealed.length, () => sealed)
      await using judged = await openMessage(raw, envelope, openTools)
      if (judged.verdict !== 'accept') throw new Error(`not accepted: ${judged.why[0]?.text}`)
    },
  }
}

/** As whatever takes a message from an agent copies it on: each chunk before the next one is asked for. */
async function inOneBuffer(source: Source): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(source.bytes)
  let at = 0
  for await (const chunk of lent(source)) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

function agentOf(letter: 'a' | 'b', dir: string) {
  const settings = settingsOf(clinic(letter, dir), { origin: 'the bench', dir, env: process.env })
  const neighbours = new Neighbours(settings, { network: false })
  return { neighbours, wired: wire(neighbours) }
}
