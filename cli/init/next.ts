import { printable } from '../printable.ts'
import type { Answers } from './answers.ts'

/** The first port that clinics which are tried out on one machine publish at; the next one takes the next. */
const FIRST_PORT = 10_053

/** Where a clinic publishes its certificate to try things out: at its own one of the name servers that are asked. */
export function listenAt(servers: readonly string[], place: number): string {
  const server = servers[place]
  return server !== undefined && /^(127[\d.]+|localhost|\[::1\]):\d+$/.test(server)
    ? server
    : `127.0.0.1:${FIRST_PORT + place}`
}

/** What is left to do by hand, in order. */
export function nextSteps(
  { dir, subject, testCa, passwordNeeded, passwordEnv }: Answers,
  { request, listen }: { readonly request: string; readonly listen: string | null },
  anchors: readonly string[],
): string {
  const steps = [
    testCa === undefined &&
      `have your certificate authority sign ${request}; take its answer:  direct cert import ANSWER`,
    anchors.length === 0 && 'name the CAs that you trust in direct.yaml, under trust: anchors',
    passwordNeeded && `export ${passwordEnv}=…`,
    listen === null
      ? 'publish the certificate:  direct zone generate; direct zone check says whether strangers see it'
      : `publish the certificate:  direct certs serve --listen ${listen}  (name it in dns.servers of whoever is to find it)`,
    `test an address:          direct classify someone@partner.example`,
    'look whether all is well: direct doctor',
    'send and receive:         direct run --deliver inbox',
  ].filter((step) => step !== false)
  const where = dir === '.' ? '' : ` (in ${dir})`
  return printable(`Next, for ${subject}${where}:`).concat(
    '\n',
    steps.map((step, i) => `  ${i + 1}. ${printable(step)}`).join('\n'),
  )
}
