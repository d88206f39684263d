import { createPrivateKey } from 'node:crypto'
import { appendFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DirectError } from '../../agent/errors.ts'
import { isTestCa, readCertificates, toPem } from '../../trust-anchors/index.ts'
import { createTestCa, issueFromTestCa, type TestCa } from '../../trust-anchors/issue/index.ts'
import { attempt, exists } from './files.ts'

const CERTIFICATE = 'test-ca.pem'
const KEY = 'test-ca.key'
const CLINICS = 'clinics.txt'
const YEARS = 2

interface Issued {
  /** PEM, both. */
  readonly certificate: string
  readonly root: string
  /** Which of those that the test CA knows it is for, from 0: they are tried out on one machine, and each has its port. */
  readonly place: number
}

/** A certificate for the request of `subject` from the test CA in `dir`, made there on first use. */
export async function issueWith(dir: string, subject: string, request: string, at: Date): Promise<Issued> {
  if (!(await exists(join(dir, CERTIFICATE)))) await create(dir, at)
  const ca = await load(dir)
  const issued = issueFromTestCa(request, ca, { at, years: YEARS })
  if ('code' in issued)
    throw new DirectError('IDENTITY_UNUSABLE', issued.text, { hint: 'Choose other values for the request.' })
  return {
    certificate: toPem(issued.der),
    root: toPem(ca.certificate.der),
    place: await placeOf(subject, join(dir, CLINICS)),
  }
}

/** Of two that start at once, each finds its own line. */
async function placeOf(subject: string, file: string): Promise<number> {
  await attempt(file, () => appendFile(file, `${subject}\n`))
  const subjects = new Set((await readFile(file, 'utf8')).trimEnd().split('\n'))
  return [...subjects].indexOf(subject)
}

/** The folder appears complete, by rename: of two that start at once, one makes the CA and both use it. */
async function create(dir: string, at: Date): Promise<void> {
  const ca = await createTestCa({ at })
  await attempt(dir, () => mkdir(dirname(dir), { recursive: true }))
  const made = await attempt(dir, () => mkdtemp(`${dir}.new-`))
  try {
    const key = ca.privateKey.export({ type: 'pkcs8', format: 'pem' })
    await writeFile(join(made, KEY), key, { mode: 0o600, flush: true })
    await writeFile(join(made, CERTIFICATE), toPem(ca.certificate.der), { flush: true })
    await rename(made, dir)
  } catch (cause) {
    await rm(made, { recursive: true, force: true })
    // Somebody else's CA has just appeared there: that one it is.
    if (await exists(join(dir, CERTIFICATE))) return
    throw new DirectError('FILE_UNWRITABLE', `cannot make a test CA in ${dir}`, {
      hint: 'Name a new or an empty folder with --test-ca.',
      cause,
    })
  }
}

async function load(dir: string): Promise<TestCa> {
  const refuse = (why: string, cause?: unknown) =>
    new DirectError('KEY_UNREADABLE', `the test CA in ${dir} cannot be used: ${why}`, {
      hint: 'Name another folder with --test-ca; a new one is made on first use.',
      cause,
    })
  try {
    const certificates = readCertificates(await readFile(join(dir, CERTIFICATE)))
    const privateKey = createPrivateKey(await readFile(join(dir, KEY)))
    const [certificate] = 'code' in certificates ? [] : certificates
    if (certificate === undefined || !isTestCa(certificate))
      throw refuse(`${CERTIFICATE} is not a test CA of ours`)
    return { certificate, privateKey }
  } catch (cause) {
    throw cause instanceof DirectError ? cause : refuse(`${CERTIFICATE} or ${KEY} cannot be read`, cause)
  }
}
