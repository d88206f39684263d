import type { Answers } from './init-answers.ts'
import { printable } from './printable.ts'

/** What is left to do by hand, in order. */
export function nextSteps(
  { dir, subject, testCa, passwordNeeded, passwordEnv }: Answers,
  names: { readonly request: string },
  anchors: readonly string[],
): string {
  const steps = [
    testCa === undefined &&
      `have your certificate authority sign ${names.request}; take its answer:  direct cert import ANSWER`,
    anchors.length === 0 && 'name the CAs that you trust in direct.yaml, under trust: anchors',
    passwordNeeded && `export ${passwordEnv}=…`,
    testCa === undefined
      ? 'publish the certificate:  direct zone generate; direct zone check says whether strangers see it'
      : 'publish the certificate:  direct certs serve --listen 127.0.0.1:10053  (each clinic its own port)',
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
