/**
 * Parsing and verifying a path of three certificates: ours, pkijs's engine, and the floor: Node's X509Certificate
 * parsing the same three and checking two signatures and the names, with none of RFC 5280's other rules.
 */
import { X509Certificate } from 'node:crypto'
import * as asn1 from 'asn1js'
import * as pkijs from 'pkijs'
import { parseAddress } from '../agent/index.ts'
import { mint } from '../fixtures/pki.ts'
import { type Certificate, parseCertificate, verifyCertificate } from '../trust-anchors/index.ts'
import { contest, print, ratios } from './contest.ts'

const ROUNDS = 11
const REPEAT = 20
const at = new Date()
const address = parseAddress('dr.lee@hisp.example')
if ('code' in address) throw new Error(address.text)
/** Leaf, intermediate, root: as many different chains as we parse, since one that was seen is not parsed again. */
const chains = Array.from({ length: (ROUNDS + 1) * REPEAT }, makeChain)
const [first = []] = chains
let next = 0

const contenders = [
  { name: 'floor', run: () => times(floor) },
  { name: 'ours', run: () => times(() => ours(chains[next++] ?? [])) },
  { name: 'seen', run: () => times(() => ours(first)) },
  { name: 'pkijs', run: () => times(engine) },
]
print('Parse three certificates and verify the path: time, as a multiple of the floor (X509Certificate)', [
  ['', 'floor', 'direct-agent', 'seen before', 'pkijs'],
  ['parse and verify', ...ratios(await contest(contenders, ROUNDS))],
])

async function times(work: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < REPEAT; i++) if (!(await work())) throw new Error('the path was not verified')
}

function floor(): boolean {
  const [leaf, intermediate, root] = first.map((der) => new X509Certificate(der))
  return isIssued(leaf, intermediate) && isIssued(intermediate, root)
}

function isIssued(lower: X509Certificate | undefined, upper: X509Certificate | undefined): boolean {
  return (
    lower !== undefined && upper !== undefined && lower.checkIssued(upper) && lower.verify(upper.publicKey)
  )
}

function ours(chain: Chain): boolean {
  const [leaf, intermediate, root] = chain.map(parsed)
  if (!leaf || !intermediate || !root || 'code' in address) return false
  const context = { candidates: [intermediate], anchors: [root], at, sha1: false, subjectEmail: false }
  return verifyCertificate('encrypt', address, leaf, context).ok
}

async function engine(): Promise<boolean> {
  const [leaf, intermediate, root] = first.map(
    (der) => new pkijs.Certificate({ schema: asn1.fromBER(new Uint8Array(der).buffer).result }),
  )
  if (!leaf || !intermediate || !root) return false
  const chain = new pkijs.CertificateChainValidationEngine({
    trustedCerts: [root],
    certs: [intermediate, leaf],
    checkDate: at,
  })
  return (await chain.verify()).result
}

type Chain = readonly Uint8Array[]

function makeChain(): Chain {
  const root = mint({ key: 'root-a', ca: true, subject: 'Root' })
  const intermediate = mint({ key: 'intermediate', ca: true, subject: 'Intermediate', issuer: root })
  const leaf = mint({ key: 'dr-lee', san: ['dr.lee@hisp.example'], issuer: intermediate })
  return [leaf, intermediate, root].map(({ certificate }) => Uint8Array.from(certificate.der))
}

function parsed(der: Uint8Array): Certificate {
  const certificate = parseCertificate(der)
  if ('code' in certificate) throw new Error(certificate.text)
  return certificate
}
