import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Certificate, readCertificates, validatePath } from '../../trust-anchors/index.ts'
import { corpora } from '../corpora.ts'

interface Row {
  readonly id: string
  readonly trusted: readonly string[]
  readonly untrusted: readonly string[]
  readonly leaf: string
  readonly at: string
  readonly expect: 'accept' | 'reject'
}

/** Signatures, validity, name chaining, basic constraints, key usage; the rest waits for CRLs and policies. */
const SECTIONS = /^pkits::4\.(1|2|3|6|7)\./
/** CRLs alone decide these. */
const REVOCATION = new Set([
  'pkits::4.7.4::Section7InvalidkeyUsageCriticalcRLSignFalseTest4',
  'pkits::4.7.5::Section7InvalidkeyUsageNotCriticalcRLSignFalseTest5',
])
/** Valid by RFC 5280, refused by us, and why. */
const DIVERGENCES: Readonly<Record<string, string>> = {
  'pkits::4.1.4::Section1ValidDSASignaturesTest4': 'DSA is not in protocol.md ALG',
  'pkits::4.1.5::Section1ValidDSAParameterInheritanceTest5': 'DSA is not in protocol.md ALG',
}

const folder = corpora('pathval')

describe.skipIf(folder === null)('NIST PKITS, as far as this version goes (CERT-5)', () => {
  const lines = folder === null ? [] : readFileSync(join(folder, 'pkits.jsonl'), 'utf8').trim().split('\n')
  const rows = lines
    .map((line): Row => JSON.parse(line))
    .filter(({ id }) => SECTIONS.test(id) && !REVOCATION.has(id))

  test.each(rows.map((row) => [row.id, row] as const))('%s', (id, row) => {
    const read = (pems: readonly string[]) =>
      pems.flatMap((pem) => {
        const certificates = readCertificates(Buffer.from(pem))
        return 'code' in certificates ? [] : certificates
      })
    const [leaf] = read([row.leaf])
    const accepted =
      leaf instanceof Certificate &&
      validatePath({
        leaf,
        candidates: read(row.untrusted),
        anchors: read(row.trusted),
        at: new Date(row.at),
        settings: { sha1: true },
      }).ok
    const expected = row.expect === 'accept' && DIVERGENCES[id] === undefined
    expect(accepted, DIVERGENCES[id]).toBe(expected)
  })
})
