import { parseAddress } from './address.ts'
import type { ClassifyTools } from './classify.ts'
import { adviceFor, awaitedBundles } from './explain/advice.ts'
import { explainFile } from './explain/file.ts'
import { withPins } from './explain/origins.ts'
import { passedOverFor } from './explain/passed-over.ts'
import { beliefOf, type ExplainTools, type Finding, outgoing, type Question } from './explain/question.ts'
import { asBelieved, describeRecorded, named, type Recorded, recording } from './explain/record.ts'
import type { ExplainOptions, ExplainTarget, Explanation, FetchedUrl } from './explain/types.ts'
import { givenAddress } from './given-address.ts'
import { type Search, searchFor } from './search.ts'

/**
 * Judges as sending and receiving do, and tells all that was tried on the way. Nothing is kept but what was fetched.
 * Throws ADDRESS_INVALID for an address of ours that is none, FILE_UNREADABLE, CERT_UNREADABLE, ABORTED.
 */
export async function explain(
  target: ExplainTarget,
  options: ExplainOptions,
  tools: ExplainTools,
): Promise<Explanation> {
  const fetched: FetchedUrl[] = []
  const recorded: Recorded[] = []
  const search = await tools.search()
  const trust = await search.trust(options.signal)
  const question: Question = {
    trust,
    state: await tools.state(),
    judge: recording(await tools.watched((one) => fetched.push(one)), recorded),
    pins: await tools.pins(),
    from: options.from === undefined ? null : givenAddress(options.from),
    for: options.for === undefined ? null : givenAddress(options.for),
    signal: options.signal,
  }
  const finding =
    'address' in target
      ? await explainAddress(target.address, question, search)
      : await explainFile(target.path, question, tools)
  const origins = withPins(await tools.origins(), question.pins)
  const verdicts = recorded.map((one) => asBelieved(one, finding.anchors))
  const judged = verdicts.map((one) => describeRecorded(one, origins))
  const passedOver = new Map(
    verdicts.map((one) => [one, passedOverFor(one, finding.anchors, question.state)] as const),
  )
  const awaited = awaitedBundles(finding.anchors, question.state)
  return {
    target: 'address' in target ? target.address : target.path,
    outcome: finding.outcome ?? outcomeOf(judged.map(({ verdict }) => verdict)),
    why: finding.why,
    anchors: finding.anchors.map(({ certificates, ...whose }) => ({
      ...whose,
      certificates: certificates.map((certificate) => named(certificate, origins)),
    })),
    places: finding.places,
    judged,
    fetched,
    notes: [...new Set([...(finding.notes ?? []), ...[...passedOver.values()].flat()])],
    advice: finding.advice ?? adviceFor(finding.why, passedOver, awaited),
  }
}

async function explainAddress(text: string, question: Question, tools: ClassifyTools): Promise<Finding> {
  const anchors = outgoing(question, tools.onlyIdentity)
  const address = parseAddress(text)
  if ('code' in address) return { outcome: 'refused', why: [address], anchors: [anchors], places: [] }
  const { outcome, why, evidence } = await searchFor(
    address,
    { trust: question.trust, anchors: anchors.certificates, missing: anchors.missing },
    { ...tools, ...beliefOf(question, tools) },
    question.signal,
  )
  return { outcome: OUTCOMES[outcome], why, anchors: [anchors], places: evidence }
}

const OUTCOMES = {
  direct: 'trusted',
  none: 'refused',
  refused: 'refused',
  undetermined: 'undetermined',
} as const satisfies Record<Search['outcome'], Explanation['outcome']>

/** Any of them is enough. */
function outcomeOf(verdicts: readonly ('usable' | 'refused' | 'undetermined')[]): Explanation['outcome'] {
  if (verdicts.includes('usable')) return 'trusted'
  return verdicts.includes('undetermined') ? 'undetermined' : 'refused'
}
