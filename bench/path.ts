/**
 * Verifying a path of three certificates: ours, pkijs's engine, and the floor: its two signature checks by node:crypto
 * with keys that have been read, and none of RFC 5280's other rules.
 */
import { type KeyObject, verify, X509Certificate } from 'node:crypto'
import * as asn1 from 'asn1js'
import * as pkijs from 'pkijs'
import { type Minted, mint } from '../fixtures/pki.ts'
import { type Certificate, parseCertificate, validatePath } from '../trust-anchors/index.ts'
import { contest } from './harness/contest.ts'
import { compare, type Group } from './harness/figures.ts'
import type { Part } from './harness/part.ts'

const ROUNDS = 7
const FLOOR = 'floor'
const OURS = 'direct-agent'
const PKIJS = 'pkijs'
const REPEAT = 50
const at = new Date()

/** DER: leaf, intermediate, root. */
type Chain = readonly [Uint8Array, Uint8Array, Uint8Array]

/** As many chains as are parsed for the first time, since one that was seen is not parsed again. */
const chains = Array.from({ length: (ROUNDS + 1) * REPEAT }, makeChain)
const chain = chains[0] as Chain
const [leaf, intermediate, root] = chain.map(read) as [Certificate, Certificate, Certificate]
const bare = [signatureOf(leaf, intermediate), signatureOf(intermediate, root)]
const trees = chain.map(tree)
let next = 0

const measure: Part = async ({ tell }) => {
  tell('a path of three certificates')
  return [await atHand(), await fromBytes()]
}
export default measure

async function atHand(): Promise<Group> {
  const times = await contest(
    [
      { name: FLOOR, run: () => repeat(() => bare.every(isSigned)) },
      { name: OURS, run: () => repeat(() => isValid(leaf, [intermediate], root)) },
      { name: PKIJS, run: () => repeat(() => engine(trees)) },
    ],
    { rounds: ROUNDS },
  )
  return {
    title: `Verify a path of three certificates that are at hand, ${REPEAT} times`,
    unit: 'ms',
    figures: [
      compare('at hand', times, [
        { of: OURS, timesThatOf: FLOOR, bound: 'at most', wanted: 2 },
        { of: OURS, timesThatOf: PKIJS, bound: 'at most', wanted: 1 / 5 },
      ]),
    ],
    note: 'The floor: its two bare signature checks by node:crypto, with keys that have been read.',
  }
}

async function fromBytes(): Promise<Group> {
  const whole = (one: Chain) => {
    const [leaf, intermediate, root] = one.map(read) as [Certificate, Certificate, Certificate]
    return isValid(leaf, [intermediate], root)
  }
  const times = await contest(
    [
      { name: FLOOR, run: () => repeat(parseAndCheck) },
      { name: OURS, run: () => repeat(() => whole(chains[next++] as Chain)) },
      { name: 'seen before', run: () => repeat(() => whole(chain)) },
      { name: PKIJS, run: () => repeat(() => engine(chain.map(tree))) },
    ],
    { rounds: ROUNDS },
  )
  return {
    title: `Parse three certificates and verify the path, ${REPEAT} times`,
    unit: 'ms',
    figures: [compare('from DER', times)],
    note: 'The floor: X509Certificate of node:crypto doing both.',
  }
}

async function repeat(work: () => Promise<boolean> | boolean): Promise<void> {
  for (let i = 0; i < REPEAT; i++) if (!(await work())) throw new Error('the path was not verified')
}

function isValid(leaf: Certificate, candidates: readonly Certificate[], anchor: Certificate): boolean {
  return validatePath({ leaf, candidates, anchors: [anchor], at, settings: {} }).ok
}

interface Signed {
  readonly tbs: Uint8Array
  readonly signature: Uint8Array
  readonly key: KeyObject
}

function signatureOf(certificate: Certificate, issuer: Certificate): Signed {
  const { tbsView, signatureValue } = tree(certificate.der)
  return { tbs: tbsView, signature: signatureValue.valueBlock.valueHexView, key: issuer.publicKey }
}

function isSigned({ tbs, signature, key }: Signed): boolean {
  return verify('sha256', tbs, key, signature)
}

function parseAndCheck(): boolean {
  const [leaf, intermediate, root] = chain.map((der) => new X509Certificate(der)) as [
    X509Certificate,
    X509Certificate,
    X509Certificate,
  ]
  const isIssued = (lower: X509Certificate, upper: X509Certificate) =>
    lower.checkIssued(upper) && lower.verify(upper.publicKey)
  return isIssued(leaf, intermediate) && isIssued(intermediate, root)
}

async function engine([leaf, intermediate, root]: readonly pkijs.Certificate[]): Promise<boolean> {
  if (!leaf || !intermediate || !root) return false
  const validation = new pkijs.CertificateChainValidationEngine({
    trustedCerts: [root],
    certs: [intermediate, leaf],
    checkDate: at,
  })
  return (await validation.verify()).result
}

function tree(der: Uint8Array): pkijs.Certificate {
  return new pkijs.Certificate({ schema: asn1.fromBER(new Uint8Array(der).buffer).result })
}

function makeChain(): Chain {
  const root = mint({ key: 'root-a', ca: true, subject: 'Root' })
  const intermediate = mint({ key: 'intermediate', ca: true, subject: 'Intermediate', issuer: root })
  const leaf = mint({ key: 'dr-lee', san: ['dr.lee@hisp.example'], issuer: intermediate })
  const der = ({ certificate }: Minted) => Uint8Array.from(certificate.der)
  return [der(leaf), der(intermediate), der(root)]
}

function read(der: Uint8Array): Certificate {
  const certificate = parseCertificate(der)
  if ('code' in certificate) throw new Error(certificate.text)
  return certificate
}
