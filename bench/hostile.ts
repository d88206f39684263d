/** Chains that were made to keep whoever verifies them busy: the time until their verdict, beside that of a good path. */
import { type MintOptions, mint } from '../fixtures/pki.ts'
import { type Thicket, thicket } from '../fixtures/thicket.ts'
import { type Certificate, type PathSettings, validatePath } from '../trust-anchors/index.ts'
import { type Contender, contest } from './harness/contest.ts'
import { list } from './harness/figures.ts'
import type { Part } from './harness/part.ts'

const ROUNDS = 7
const at = new Date()
const top = mint({ ca: true, subject: 'Root', key: 'ec-p256' })
const elsewhere = mint({ ca: true, subject: 'Root', key: 'ec-p384' })
const policies = Array.from({ length: 30 }, (_, i) => `1.2.3.${i}`)
const policyMappings = policies.flatMap((from) => policies.map((to) => [from, to] as const))
const names = Array.from({ length: 2_000 }, (_, i) => ({ dns: `t${i}.test` }))
const twelve = (options: MintOptions) => () => Array.from({ length: 12 }, () => options)

interface Hostile extends Thicket {
  readonly name: string
  /** What the leaf has. */
  readonly below?: MintOptions
  readonly settings?: Partial<PathSettings>
}

const hostile: readonly Hostile[] = [
  { name: '12 of one name at 8 levels, for another root', ...thicket(elsewhere, 8, twelve({})) },
  { name: '12 of one name at 8 levels, forged', ...thicket(top, 8, twelve({ forged: true })) },
  { name: 'a chain of 30 CAs', ...thicket(top, 30, () => [{}]) },
  {
    name: '2,000 names under 2,000 constraints',
    ...thicket(top, 1, () => [{ nameConstraints: { permitted: names } }]),
    below: { altNames: names },
  },
  {
    name: '30 policies, all mapped to all, 8 times',
    ...thicket(top, 8, () => [{ policies, policyMappings }]),
    below: { policies },
    settings: { requireExplicitPolicy: true, initialPolicySet: ['1.2.4'] },
  },
]

const measure: Part = async ({ tell }) => {
  tell('hostile chains')
  const times = await contest([goodPath(), ...hostile.map(hostilePath)], { rounds: ROUNDS })
  return [
    {
      title: 'Hostile chains, until the verdict',
      unit: 'ms',
      figures: times.map(({ name, values }) => list(name, [{ name: 'direct-agent', values }])),
      note: null,
    },
  ]
}
export default measure

function goodPath(): Contender {
  const intermediate = mint({ key: 'intermediate', ca: true, subject: 'Intermediate', issuer: top })
  const leaf = mint({ key: 'dr-lee', san: ['dr.lee@hisp.example'], issuer: intermediate })
  const run = () => requireVerdict(true, leaf.certificate, [intermediate.certificate], {})
  return { name: 'a good path of three', run }
}

function hostilePath({ name, last, cas, below, settings = {} }: Hostile): Contender {
  const leaf = mint({ altNames: [{ dns: 'd.example' }], ...below, issuer: last }).certificate
  const candidates = cas.map(({ certificate }) => certificate)
  return { name, run: () => requireVerdict(false, leaf, candidates, settings) }
}

function requireVerdict(
  wanted: boolean,
  leaf: Certificate,
  candidates: readonly Certificate[],
  settings: Partial<PathSettings>,
): void {
  const { ok } = validatePath({ leaf, candidates, anchors: [top.certificate], at, settings })
  if (ok !== wanted) throw new Error(ok ? 'a hostile path was believed' : 'the good path was not')
}
