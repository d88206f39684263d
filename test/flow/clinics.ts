import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished } from 'vitest'
import { type Agent, type AgentOptions, createAgent, type Draft } from '../../agent/index.ts'
import { type KeyName, type Minted, type MintOptions, mint, poolKey } from '../../fixtures/pki.ts'
import { type Certificate, readCertificates } from '../../trust-anchors/index.ts'
import { type Literal, literalZone } from '../dns/literal-zone.ts'
import { PostOffice } from './post-office.ts'

/** The path of a fixture of the test PKI. */
export function pki(name: string): string {
  return fileURLToPath(new URL(`../../fixtures/pki/${name}`, import.meta.url))
}

function fixture(name: string): Certificate {
  const certificates = readCertificates(readFileSync(pki(name)))
  if ('code' in certificates || !certificates[0]) throw new Error(`fixtures/pki/${name} holds no certificate`)
  return certificates[0]
}

/** The DER of a fixture's first certificate, as CERT records hold it. */
export function der(name: string): Buffer {
  return Buffer.from(fixture(name).der)
}

/** The SHA-256 of a certificate, as every answer names it. */
export function fingerprint(certificate: Uint8Array): string {
  return createHash('sha256').update(certificate).digest('hex')
}

/** A CA of the fixtures, to mint under. */
export function issuer(name: KeyName): Minted {
  return { certificate: fixture(`${name}.pem`), privateKey: poolKey(name), pem: '' }
}

/** A certificate of our own, as an entry of `identities`. Under root-a, unless the options say otherwise. */
export async function mintedIdentity(
  name: string,
  options: MintOptions & { readonly key: KeyName },
): Promise<{ readonly for: string; readonly certificate: string; readonly privateKey: string }> {
  const certificate = join(await temporaryFolder(), 'certificate.pem')
  await writeFile(certificate, mint({ issuer: issuer('root-a'), san: [name], ...options }).pem)
  return { for: name, certificate, privateKey: pki(`${options.key}.key`) }
}

/** A folder that goes with the test. */
export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'direct-flow-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true, maxRetries: 10 }))
  return dir
}

/** The configuration of one of the two clinics of the fixtures. */
export function clinicConfig(letter: 'a' | 'b', dataDir: string): Record<string, unknown> {
  const domain = `clinic-${letter}.example`
  return {
    dataDir,
    identities: [
      { for: domain, certificate: pki(`clinic-${letter}.pem`), privateKey: pki(`clinic-${letter}.key`) },
    ],
    trust: [{ for: '*', direction: 'both', anchors: [pki('root-a.pem')] }],
    smtp: { url: 'smtp://127.0.0.1:10025' },
    mailboxes: [{ imap: `imap://${domain}@127.0.0.1:10143/INBOX`, addresses: [domain] }],
  }
}

/** The mailbox of a clinic, as its configuration names it, for daemons that are not to wait for long. */
export const polledOften = (letter: 'a' | 'b') => ({
  imap: `imap://clinic-${letter}.example@127.0.0.1:10143/INBOX`,
  addresses: [`clinic-${letter}.example`],
  pollSeconds: 1,
})

export interface Clinics {
  readonly a: Agent
  readonly b: Agent
  readonly post: PostOffice
  readonly dns: ReturnType<typeof literalZone>
  readonly dirA: string
  readonly dirB: string
}

export const BOTH_PUBLISHED: Readonly<Record<string, Literal>> = {
  'clinic-a.example': [der('clinic-a.pem')],
  'clinic-b.example': [der('clinic-b.pem')],
}

/** Configuration of a partner that is reached by TLS alone. */
export const TLS_PARTNER = {
  tlsDomains: [{ domain: 'partner.example', server: 'smtp://mx.partner.example:2525' }],
}

/** From clinic A to clinic B; what must be found nowhere but in the message that arrives is marked. */
export const canaryDraft = (more: Partial<Draft> = {}): Draft => ({
  from: 'dr.kim@clinic-a.example',
  to: ['dr.lee@clinic-b.example'],
  subject: 'SUBJECT-CANARY',
  text: 'TEXT-CANARY',
  attachments: [{ filename: 'FILE-CANARY.txt', content: 'CONTENT-CANARY' }],
  ...more,
})

/** Two clinics that share a zone and a post office, with stores of their own. No socket is opened. */
export async function twoClinics(
  options: {
    readonly zone?: Readonly<Record<string, Literal>>
    readonly a?: Record<string, unknown>
    readonly b?: Record<string, unknown>
    readonly parts?: AgentOptions
    /** For the first one alone. */
    readonly partsA?: AgentOptions
    /** For the second one alone. */
    readonly partsB?: AgentOptions
  } = {},
): Promise<Clinics> {
  const post = new PostOffice()
  const dns = literalZone(options.zone ?? BOTH_PUBLISHED)
  const parts = { resolver: dns, smtp: post.smtp, imap: post.imap, ...options.parts }
  const [dirA, dirB] = [await temporaryFolder(), await temporaryFolder()]
  const a = await createAgent({ ...clinicConfig('a', dirA), ...options.a }, { ...parts, ...options.partsA })
  const b = await createAgent({ ...clinicConfig('b', dirB), ...options.b }, { ...parts, ...options.partsB })
  onTestFinished(async () => {
    await a[Symbol.asyncDispose]()
    await b[Symbol.asyncDispose]()
  })
  return { a, b, post, dns, dirA, dirB }
}

/** A clock that tests set on. */
export function clock() {
  let time = Date.parse('2026-11-21T12:00:00Z')
  return {
    now: () => new Date(time),
    pass: (minutes: number) => {
      time += minutes * 60_000
    },
  }
}

/** What a daemon is to bring about. */
export const eventually = <T>(read: () => T | Promise<T>) =>
  expect.poll(read, { timeout: 40_000, interval: 20 })

/** All of an async iterable. */
export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

/** Every file under a folder, with all that it holds. */
export async function bytesUnder(
  dir: string,
): Promise<readonly { readonly name: string; readonly content: Buffer }[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  return Promise.all(
    files.map(async ({ parentPath, name }) => ({ name, content: await readFile(join(parentPath, name)) })),
  )
}
