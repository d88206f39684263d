import type { KeyObject } from 'node:crypto'
import type { Failure } from '../failures.ts'
import { TEST_CA_NAME } from '../test-ca-name.ts'
import { leafFailures } from '../usable.ts'
import { Certificate, parseCertificate } from '../x509/certificate.ts'
import { EMAIL_PROTECTION } from '../x509/extensions.ts'
import {
  authorityKeyIdentifier,
  basicConstraints,
  encodeName,
  extendedKeyUsage,
  issueCertificate,
  keyUsage,
  leafKeyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from './issue.ts'
import { generateKey } from './key.ts'
import { readCertificateRequest, spkiOf, subjectName } from './request.ts'

/** A CA for trying things out (`direct init --test-ca`). Its key lies in a folder; nobody vouches for it. */
export interface TestCa {
  readonly certificate: Certificate
  readonly privateKey: KeyObject
}

export async function createTestCa(options: { readonly at: Date; readonly years?: number }): Promise<TestCa> {
  const { privateKey, publicKey } = await generateKey()
  const spki = spkiOf(publicKey)
  const name = encodeName([['CN', TEST_CA_NAME]])
  const der = issueCertificate({
    issuer: name,
    subject: name,
    ...validity(options.at, options.years ?? 10),
    spki,
    extensions: [basicConstraints(true, 0), keyUsage('keyCertSign', 'cRLSign'), subjectKeyIdentifier(spki)],
    signingKey: privateKey,
  })
  return { certificate: readBack(der), privateKey }
}

/** An address or a domain and its key, where there is no request to read them from. */
export interface LeafFields {
  readonly subject: string
  readonly publicKey: KeyObject
  readonly organisation?: string
}

/**
 * A certificate for signing and encryption, for the one address or domain that a request (PKCS#10 PEM) or
 * `LeafFields` name. Starts at `at`; ends after `years`, or with the CA. A request that does not read, is not
 * signed by its own key, or has a key that Direct cannot use, is a failure.
 */
export function issueFromTestCa(
  request: string | LeafFields,
  ca: TestCa,
  options: { readonly at: Date; readonly years: number },
): Certificate | Failure {
  const wanted = typeof request === 'string' ? readCertificateRequest(request) : wantedFrom(request)
  if ('code' in wanted) return wanted
  const { notBefore, notAfter } = validity(options.at, options.years)
  const end = Math.min(notAfter.getTime(), ca.certificate.notAfter.getTime())
  const der = issueCertificate({
    issuer: ca.certificate.subject,
    subject: wanted.subject,
    notBefore,
    notAfter: new Date(end),
    spki: wanted.spki,
    extensions: [
      basicConstraints(false),
      leafKeyUsage(wanted.spki),
      extendedKeyUsage(EMAIL_PROTECTION),
      subjectAltName(wanted.name),
      subjectKeyIdentifier(wanted.spki),
      authorityKeyIdentifier(ca.certificate.spki),
    ],
    signingKey: ca.privateKey,
  })
  const issued = readBack(der)
  return leafFailures('encrypt', issued, options.at)[0] ?? issued
}

function wantedFrom(fields: LeafFields) {
  return {
    subject: subjectName(fields.subject, fields.organisation),
    spki: spkiOf(fields.publicKey),
    name: fields.subject,
  }
}

/** Whole seconds; X.509 knows no others. */
function validity(at: Date, years: number): { notBefore: Date; notAfter: Date } {
  const notBefore = new Date(Math.floor(at.getTime() / 1000) * 1000)
  const notAfter = new Date(notBefore)
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + years)
  return { notBefore, notAfter }
}

function readBack(der: Uint8Array): Certificate {
  const certificate = parseCertificate(der)
  if (!(certificate instanceof Certificate))
    throw new Error(`issued what cannot be read: ${certificate.text}`)
  return certificate
}
