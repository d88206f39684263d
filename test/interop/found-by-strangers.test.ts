/** H1 to H4: what `direct zone generate` writes, in real servers, is found by `direct discover` of somebody else. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Discovery } from '../../agent/index.ts'
import { type Minted, mint } from '../../fixtures/pki.ts'
import { direct } from '../cli/direct.ts'
import { issuer, pki } from '../flow/clinics.ts'
import { type Bind, startBind, wholeZone } from '../services/bind.ts'
import { type Slapd, startSlapd } from '../services/slapd.ts'

const D = 'clinic-a.example'
const LEE = `dr.lee@${D}`
const certificate = (name: string) => mint({ issuer: issuer('root-a'), san: [name], serialFrom: name })
const ofLee = certificate(LEE)
const ofDomain = certificate(D)

const started = new AsyncDisposableStack()
let dir: string
let fragment: string
let slapd: Slapd

/** The clinic, by the command line: a zone fragment, and what a directory loads. */
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'direct-strangers-'))
  started.defer(() => rm(dir, { recursive: true, force: true }))
  const clinic = join(dir, 'clinic')
  await mkdir(clinic)
  const identity = async (name: string, { pem }: Minted) => {
    await writeFile(join(clinic, `${name}.pem`), pem)
    return { for: name, certificate: `${name}.pem`, privateKey: pki('clinic-a.key') }
  }
  const identities = [await identity(LEE, ofLee), await identity(D, ofDomain)]
  const generate = async (publish: object, ...args: readonly string[]) => {
    await writeFile(join(clinic, 'direct.yaml'), JSON.stringify({ identities, publish }))
    const { code } = await direct(['zone', 'generate', ...args, '--out', 'written'], { cwd: clinic })
    expect(code).toBe(0)
    return readFile(join(clinic, 'written'), 'utf8')
  }
  const entries = await generate({}, '--format', 'ldif')
  slapd = started.use(await startSlapd({ contexts: [{ suffix: 'dc=clinic-a,dc=example', entries }] }))
  fragment = await generate({ directories: [`ldap.${D}:${slapd.port}`] })
})

afterAll(() => started.disposeAsync())

/** The host of the directory gets its address by hand, as a note of zone generate says. */
async function nameServer(records: string): Promise<Bind> {
  const address = `ldap.${D}. 600 IN A 127.0.0.1`
  return started.use(await startBind({ zones: { [D]: wholeZone(D, [address, records]) } }))
}

/** Somebody in another folder, who knows a name server and an anchor. */
async function discover(address: string, { server }: Bind): Promise<Discovery> {
  const stranger = await mkdtemp(join(dir, 'stranger-'))
  const config = {
    trust: [{ for: '*', direction: 'outgoing', anchors: [pki('root-a.pem')] }],
    dns: { servers: [server] },
    network: { allowPrivate: true },
  }
  await writeFile(join(stranger, 'direct.yaml'), JSON.stringify(config))
  const { code, stdout, stderr } = await direct(['discover', address, '--json'], { cwd: stranger })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

function accepted({ certificate: { sha256 } }: Minted, place: string) {
  const found = {
    place,
    status: 'found',
    certificates: [expect.objectContaining({ sha256, usable: true, why: [] })],
  }
  return {
    outcome: 'direct',
    chosen: sha256,
    places: expect.arrayContaining([expect.objectContaining(found)]),
  }
}

describe('in DNS, by the fragment of zone generate', () => {
  let bind: Bind

  beforeAll(async () => {
    bind = await nameServer(fragment)
  })

  test('H1: the certificate of an address', async () => {
    expect(await discover(LEE, bind)).toMatchObject(accepted(ofLee, 'dns-address'))
  })

  test('H2: the certificate of the domain', async () => {
    expect(await discover(`front.desk@${D}`, bind)).toMatchObject(accepted(ofDomain, 'dns-domain'))
  })
})

describe('in a directory, by the LDIF of zone generate, where a provider takes SRV records and no CERT', () => {
  let bind: Bind

  beforeAll(async () => {
    const srv = fragment.split('\n').filter((line) => /\sSRV\s/.test(line))
    expect(srv).toHaveLength(1)
    bind = await nameServer(srv.join('\n'))
  })

  test('H3: the certificate of an address', async () => {
    expect(await discover(LEE, bind)).toMatchObject(accepted(ofLee, 'ldap-address'))
  })

  test('H4: the certificate of the domain', async () => {
    expect(await discover(`front.desk@${D}`, bind)).toMatchObject(accepted(ofDomain, 'ldap-domain'))
  })
})
