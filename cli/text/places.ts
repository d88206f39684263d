import type { Evidence } from '../../agent/index.ts'
import { columns, printable, short } from '../printable.ts'
import { revocationText } from './revocation.ts'

type Judged = Evidence['certificates'][number]

/** What an answer about an address tells of how it was found, and what to do. */
export interface Explained {
  readonly places: readonly Evidence[]
  readonly forAdministrator: string
  readonly advice: readonly string[]
}

/**
 * The places in the order that they were asked; under each the questions with their answers, the certificates with
 * their verdicts (`*`: the one to encrypt to), and what else was found out; last what it came to and what to do.
 */
export function explainedText({ places, forAdministrator, advice }: Explained): readonly string[] {
  const rows = places.map((place) => [place.place, place.owner, statusText(place)])
  const [head, ...lines] = columns([['place', 'asked for', 'status'], ...rows]).split('\n')
  return [
    ...(places.length === 0 ? [] : [head as string]),
    ...places.flatMap((place, i) => [lines[i] as string, ...detailsOf(place).map((line) => `    ${line}`)]),
    printable(forAdministrator),
    ...advice.map((sentence) => printable(`do: ${sentence}`)),
  ]
}

function statusText({ status, refusedBy, notes }: Evidence): string {
  if (status === 'not-asked') return ['not asked', ...notes].join(': ')
  if (refusedBy === 'guard') return 'failed: not contacted'
  return refusedBy === 'servers' ? 'failed: every server refused' : status
}

function detailsOf({ status, questions, certificates, unread, notes }: Evidence): readonly string[] {
  // Of a URL that was asked for, its own question tells.
  const neverAsked = unread.filter(({ url }) => !questions.some(({ name }) => name === url))
  const asked = questions.map(({ type, name, answer }) => [`${type} ${name}`, answer])
  return [
    ...table([...asked, ...neverAsked.map(({ url, text }) => [`URL ${url}`, text])]),
    ...certificatesText(certificates),
    // Of a place that was not asked, they stand in its line.
    ...(status === 'not-asked' ? [] : notes.map((note) => printable(`note: ${note}`))),
  ]
}

function certificatesText(certificates: readonly Judged[]): readonly string[] {
  const [head, ...lines] = table([
    ['', 'certificate', 'bound to', 'until', 'verdict'],
    ...certificates.map((one) => [
      one.chosen ? '*' : '',
      short(one.sha256),
      one.boundTo ?? 'neither',
      one.notAfter.toISOString().slice(0, 10),
      verdictText(one),
    ]),
  ])
  if (certificates.length === 0) return []
  return [
    head as string,
    ...certificates.flatMap(({ revocation }, i) => [
      lines[i] as string,
      ...revocation.map((facts) => printable(`     ${revocationText(facts)}`)),
    ]),
  ]
}

function verdictText({ usable, chosen, why, unchecked }: Judged): string {
  if (!usable) {
    const isOpen = why.every(({ temporary }) => temporary)
    // A chain is published with its CAs; whatever else such a one is not good for follows from that.
    const ca = why.filter(({ code }) => code === 'CERT_IS_CA')
    const reasons = (ca.length > 0 ? ca : why).map(({ code, text }) => `${code}, ${text}`)
    return `${isOpen ? 'not known yet' : 'not usable'}: ${reasons.join('; ')}`
  }
  const not = unchecked.length === 0 ? '' : ` (not checked: ${unchecked.join(', ')})`
  return `${chosen ? 'usable, chosen' : 'usable, another goes before it'}${not}`
}

function table(rows: readonly (readonly string[])[]): readonly string[] {
  return rows.length === 0 ? [] : columns(rows).split('\n')
}
