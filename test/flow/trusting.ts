import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { JudgedCertificate } from '../../agent/evidence.ts'
import { type Agent, type AgentOptions, createAgent } from '../../agent/index.ts'
import type { Opened } from '../../agent/receiving-types.ts'
import type { Recipient } from '../../agent/recipient-types.ts'
import type { KeyName, Minted } from '../../fixtures/pki.ts'
import { poolKey } from '../../fixtures/pki.ts'
import { type Literal, literalZone } from '../dns/literal-zone.ts'
import { clinicConfig, fingerprint, temporaryFolder } from './clinics.ts'
import { type ForeignMail, foreignMail } from './foreign-mail.ts'

export const NOW = new Date('2026-11-21T12:00:00Z')
export const LEE = 'dr.lee@hisp.example'
const KIM = 'dr.kim@clinic-a.example'
const B = 'dr.lee@clinic-b.example'

/** Host names and their addresses; a function is told how often it was asked before. */
export type Hosts = Readonly<Record<string, readonly string[] | ((before: number) => readonly string[])>>

export interface Asking {
  readonly zone?: Readonly<Record<string, Literal>>
  readonly hosts?: Hosts
  readonly config?: Readonly<Record<string, unknown>>
  readonly parts?: AgentOptions
}

/** A literal zone in which hosts have addresses as well. */
function resolverOf({ zone = {}, hosts = {} }: Asking) {
  const certificates = literalZone(zone)
  const counts = new Map<string, number>()
  return {
    async resolve(name: string, type: Parameters<typeof certificates.resolve>[1]) {
      const host = hosts[name]
      if (type !== 'A' || host === undefined) return certificates.resolve(name, type)
      const before = counts.get(name) ?? 0
      counts.set(name, before + 1)
      const addresses = typeof host === 'function' ? host(before) : host
      const records = addresses.map((data) => ({ name, type, ttl: 1, data }))
      return { status: 'found' as const, records, ttl: 1, server: '192.0.2.1:53' }
    },
  }
}

/**
 * One of the two clinics, at NOW, in a literal zone. The servers of CAs stand on loopback in these tests, so that it
 * may contact private addresses unless `config` says otherwise.
 */
export async function clinic(letter: 'a' | 'b', asking: Asking = {}): Promise<Agent> {
  const agent = await createAgent(
    {
      ...clinicConfig(letter, await temporaryFolder()),
      network: { allowPrivate: true },
      ...asking.config,
    },
    { resolver: resolverOf(asking), now: () => NOW, ...asking.parts },
  )
  onTestFinished(() => agent[Symbol.asyncDispose]())
  return agent
}

/** As CERT records hold it. */
export const published = ({ certificate }: Minted): Buffer => Buffer.from(certificate.der)

/** What clinic A makes of an address whose domain publishes these certificates. */
export async function classified(
  certificates: readonly (Minted | Buffer)[],
  asking: Asking = {},
): Promise<{
  readonly agent: Agent
  readonly recipient: Recipient
  readonly of: (one: Minted) => JudgedCertificate
}> {
  const records = certificates.map((one) => (Buffer.isBuffer(one) ? one : published(one)))
  const agent = await clinic('a', { ...asking, zone: { 'hisp.example': records, ...asking.zone } })
  return { agent, ...(await asked(agent)) }
}

/** What it makes of the address now. */
export async function asked(agent: Agent, address = LEE) {
  const [recipient] = await agent.classify([address])
  if (recipient === undefined) throw new Error('no answer')
  const judged = recipient.evidence.flatMap(({ certificates }) => certificates)
  const of = ({ certificate }: Minted) => {
    const found = judged.find(({ sha256 }) => sha256 === fingerprint(certificate.der))
    if (found === undefined) throw new Error('that certificate was not judged')
    return found
  }
  return { recipient, of }
}

/** Certificates as a file, for a configuration or a message. */
export async function pemFile(...certificates: readonly Minted[]): Promise<string> {
  const file = join(await temporaryFolder(), 'certificates.pem')
  await writeFile(file, certificates.map(({ pem }) => pem).join(''))
  return file
}

/** Who signs: with its certificate, and others beside it in the message. */
export interface Signing {
  readonly signer: Minted
  readonly key: KeyName
  readonly beside?: readonly Minted[]
  readonly mail?: ForeignMail
}

/** What clinic B makes of a message from dr.kim@clinic-a.example. */
export async function openedFrom(signing: Signing, asking: Asking = {}): Promise<Opened> {
  const path = await signedFile(signing)
  const agent = await clinic('b', asking)
  return agent.open({ path, to: [B], mailFrom: KIM })
}

/** A message that openssl signs and encrypts to clinic B. */
export async function signedFile({ signer, key, beside = [], mail }: Signing): Promise<string> {
  const dir = await temporaryFolder()
  const [certificate, privateKey] = [join(dir, 'signer.pem'), join(dir, 'signer.key')]
  await writeFile(certificate, signer.pem)
  await writeFile(privateKey, poolKey(key).export({ format: 'pem', type: 'pkcs8' }))
  const message = await foreignMail({
    signers: [{ certificate, privateKey }],
    ...(beside.length === 0 ? {} : { certificates: await pemFile(...beside) }),
    ...mail,
  })
  const path = join(dir, 'message.eml')
  await writeFile(path, message)
  return path
}
