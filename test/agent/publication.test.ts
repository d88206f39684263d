import { chmod, copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { Identities } from '../../agent/identities.ts'
import type { Log } from '../../agent/log.ts'
import { hostNotes } from '../../agent/publish/notes.ts'
import { Publication } from '../../agent/publish/publication.ts'
import { certificateFiles } from '../../agent/publish/source.ts'
import type { IdentitySettings } from '../../agent/settings.ts'
import { zoneOf } from '../../dns/zone/index.ts'
import { type KeyName, mint } from '../../fixtures/pki.ts'
import { parseCertificate } from '../../trust-anchors/index.ts'
import { issuer, pki, temporaryFolder } from '../flow/clinics.ts'

const DAY = 86_400_000
const START = new Date('2026-11-22T00:00:00Z')
const LISTEN = { host: '127.0.0.1', port: 10053 }
const PUBLISH = {
  listen: undefined,
  nameServers: [],
  mailServers: [],
  directories: [],
  addresses: new Map<string, string[]>(),
  ttl: 3600,
}

let dir: string
let clock: Date
let told: string[]
let log: Log

beforeEach(async () => {
  dir = await temporaryFolder()
  clock = START
  told = []
  const keep = (_facts: object, text: string) => void told.push(text)
  log = { info: keep, warn: keep, error: keep }
})

/** A certificate of `name` for these days from the start, in its file. */
async function put(file: string, name: string, from: number, to: number, key: KeyName = 'clinic-a') {
  const day = (days: number) => new Date(START.getTime() + days * DAY).toISOString().slice(0, 10)
  const { pem } = mint({
    issuer: issuer('root-a'),
    key,
    san: [name],
    from: day(from),
    to: day(to),
  })
  await writeFile(join(dir, `${file}.new`), pem)
  await rename(join(dir, `${file}.new`), join(dir, file))
}

function identity(name: string, file: string, key = pki('clinic-a.key')): IdentitySettings {
  return { for: name, certificate: join(dir, file), privateKey: key, password: undefined }
}

function publication(...identities: readonly IdentitySettings[]): Promise<Publication> {
  const source = certificateFiles({ identities, dataDir: join(dir, 'data') }, {})
  return Publication.of({ source, publish: PUBLISH, listen: LISTEN, at: () => clock, now: () => clock, log })
}

/** The days that the published certificates of an owner begin on, counted from the start. */
function published({ zone }: Publication, owner: string): readonly number[] {
  return (zone.names.get(owner) ?? []).flatMap((record) => {
    if (record.type !== 'CERT') return []
    const certificate = parseCertificate(record.data.subarray(5))
    if ('code' in certificate) throw new Error(certificate.text)
    return [Math.round((certificate.notBefore.getTime() - START.getTime()) / DAY)]
  })
}

const later = (seconds: number) => {
  clock = new Date(clock.getTime() + seconds * 1000)
}

describe('a renewal republishes by itself', () => {
  test('a certificate that takes the place of another in its file is published at the next look, with a greater serial', async () => {
    await put('a.pem', 'a.example', -300, 20)
    const own = await publication(identity('a.example', 'a.pem'))
    const { serial } = own.zone
    await put('a.pem', 'a.example', -1, 365)
    later(3)
    await own.refresh()
    expect(published(own, 'a.example')).toEqual([-1])
    expect(own.zone.serial).toBeGreaterThan(serial)
    expect(told).toEqual([expect.stringMatching(/^published anew: 1 certificate in a\.example, serial \d+$/)])
  })

  test('where nothing changed nothing is made anew: the same zone and serial, although the file was touched', async () => {
    await put('a.pem', 'a.example', -1, 20)
    const own = await publication(identity('a.example', 'a.pem'))
    const { zone } = own
    await copyFile(join(dir, 'a.pem'), join(dir, 'copy.pem'))
    await rename(join(dir, 'copy.pem'), join(dir, 'a.pem'))
    later(60)
    await own.refresh()
    expect(own.zone).toBe(zone)
    expect(told).toEqual([])
  })

  test('what expires leaves and what becomes valid enters, by the clock alone; the zone stays, and says so', async () => {
    await put('old.pem', 'a.example', -10, 1)
    await put('next.pem', 'a.example', 2, 30)
    const own = await publication(identity('a.example', 'old.pem'), identity('a.example', 'next.pem'))
    expect(published(own, 'a.example')).toEqual([-10])
    later(1.5 * 86_400)
    await own.refresh()
    expect(published(own, 'a.example')).toEqual([])
    expect([...own.zone.apexes]).toEqual(['a.example'])
    expect(told.at(-1)).toMatch(/nothing is published for a\.example/)
    later(86_400)
    await own.refresh()
    expect(published(own, 'a.example')).toEqual([2])
  })

  test('a managed certificate that appears in dataDir is published', async () => {
    await put('a.pem', 'a.example', -1, 20)
    const own = await publication(identity('a.example', 'a.pem'))
    const folder = join(dir, 'data', 'identities', 'lee-1')
    await mkdir(folder, { recursive: true })
    await put('lee.pem', 'lee@a.example', -1, 20)
    await copyFile(pki('clinic-a.key'), join(folder, 'key.pem'))
    const facts = { version: 1, for: 'lee@a.example', made: START.toISOString(), by: 'test', key: 'key.pem' }
    await writeFile(join(folder, 'identity.json'), JSON.stringify(facts))
    await rename(join(dir, 'lee.pem'), join(folder, 'certificate.pem'))
    await own.refresh()
    expect(published(own, 'lee.a.example')).toEqual([-1])
  })
})

describe('what is wrong takes nothing away', () => {
  test('a file that cannot be read keeps what it held, told once; when it can be read again, that counts', async () => {
    await put('a.pem', 'a.example', -300, 20)
    await put('b.pem', 'b.example', -300, 20)
    const own = await publication(identity('a.example', 'a.pem'), identity('b.example', 'b.pem'))
    await writeFile(join(dir, 'a.pem'), '-----BEGIN CERTIFICATE-----\nMIIB')
    await put('b.pem', 'b.example', -1, 365)
    await own.refresh()
    await own.refresh()
    expect(published(own, 'a.example')).toEqual([-300])
    expect(published(own, 'b.example')).toEqual([-1])
    expect(told.filter((text) => text.includes('a.pem'))).toEqual([
      expect.stringMatching(/what it held before stays published/),
    ])
    await rm(join(dir, 'a.pem'))
    await own.refresh()
    expect(published(own, 'a.example')).toEqual([-300])
    await put('a.pem', 'a.example', -1, 365)
    await own.refresh()
    expect(published(own, 'a.example')).toEqual([-1])
  })

  test('a file that is unreadable from the start keeps no other from being published', async () => {
    await put('a.pem', 'a.example', -1, 20)
    const own = await publication(identity('a.example', 'a.pem'), identity('b.example', 'b.pem'))
    expect(published(own, 'a.example')).toEqual([-1])
    expect([...own.zone.apexes]).toEqual(['a.example', 'b.example'])
    expect(told).toContainEqual(expect.stringMatching(/b\.pem.*; nothing of it is published/))
  })

  test('a name that DNS cannot carry, or that would be a wildcard, is left out, told, and stops no other', async () => {
    await put('a.pem', 'a.example', -1, 20)
    const long = `${'x'.repeat(64)}@a.example`
    const own = await publication(
      identity('a.example', 'a.pem'),
      identity('*@a.example', 'a.pem'),
      identity(long, 'a.pem'),
    )
    expect(own.zone.records.filter(({ type }) => type === 'CERT').map(({ name }) => name)).toEqual([
      'a.example',
    ])
    expect(told.filter((text) => text.includes('cannot be published'))).toHaveLength(2)
  })

  test('a certificate beside the key of another is not published, and what was there before stays: nobody could open mail to it (ALG-5)', async () => {
    await put('a.pem', 'a.example', -300, 20)
    await put('b.pem', 'b.example', -300, 20)
    const key = join(dir, 'a.key')
    await copyFile(pki('clinic-a.key'), key)
    const own = await publication(
      identity('a.example', 'a.pem', key),
      identity('b.example', 'b.pem', pki('clinic-b.key')),
    )
    expect(published(own, 'b.example')).toEqual([])
    // A renewal with a new key: the certificate's file is replaced first.
    await put('a.pem', 'a.example', -1, 365, 'dr-lee')
    await own.refresh()
    expect(published(own, 'a.example')).toEqual([-300])
    expect(told).toContainEqual(
      expect.stringMatching(/a\.key is not the private key of .*a\.pem; what it held before stays published/),
    )
    await copyFile(pki('dr-lee.key'), key)
    await own.refresh()
    expect(published(own, 'a.example')).toEqual([-1])
  })

  test('no private key is needed; one that is missing is told, since the mail could not be opened here', async () => {
    await put('a.pem', 'a.example', -1, 20)
    await put('b.pem', 'b.example', -1, 20)
    await writeFile(join(dir, 'locked.key'), 'no key at all')
    await chmod(join(dir, 'locked.key'), 0)
    const own = await publication(
      identity('a.example', 'a.pem', join(dir, 'locked.key')),
      identity('b.example', 'b.pem', join(dir, 'missing.key')),
    )
    expect(published(own, 'a.example')).toEqual([-1])
    expect(published(own, 'b.example')).toEqual([-1])
    expect(told).toEqual([expect.stringMatching(/b\.pem is published, and its private key .*missing\.key/)])
  })

  test('a certificate that is bound to nobody under its name is not published: the search of strangers would end there (DISC-1)', async () => {
    await put('other.pem', 'b.example', -1, 20)
    await put('lee.pem', 'lee@a.example', -1, 20)
    const unbound = [identity('a.example', 'other.pem'), identity('kim@a.example', 'lee.pem')]
    const own = await publication(...unbound)
    expect(own.zone.records.filter(({ type }) => type === 'CERT')).toEqual([])
    expect(told).toEqual(
      ['a.example', 'kim@a.example'].map((name) =>
        expect.stringContaining(`nothing is published for ${name}:`),
      ),
    )
  })

  test('a certificate of a domain that is bound to addresses alone is published at these: at the domain, the search for all others would end at it (CERT-1, DISC-1)', async () => {
    const { pem } = mint({
      issuer: issuer('root-a'),
      key: 'clinic-a',
      san: ['Lee@a.example', 'kim@a.example', 'sam@b.example'],
    })
    await writeFile(join(dir, 'two.pem'), pem)
    await put('both.pem', 'b.example', -1, 20)
    const identities = [identity('a.example', 'two.pem'), identity('b.example', 'both.pem')]
    const own = await publication(...identities)
    const owners = own.zone.records.filter(({ type }) => type === 'CERT').map(({ name }) => name)
    expect(owners).toEqual(['lee.a.example', 'kim.a.example', 'b.example'])
    expect([...own.zone.apexes]).toEqual(['a.example', 'b.example'])
    expect(told).toEqual([])
    // The daemon reads keys as well, and publishes the same.
    const loaded = await Identities.load(identities)
    expect(loaded.published(clock).map((one) => [one.name, one.for])).toEqual([
      ['lee@a.example', 'a.example'],
      ['kim@a.example', 'a.example'],
      ['b.example', 'b.example'],
    ])
    expect(loaded.usedFor(clock).map(({ use }) => use)).toEqual([
      ['sign', 'encrypt'],
      ['sign', 'encrypt'],
    ])
  })

  test('one of a domain that is bound to the domain as well is published there alone', async () => {
    const { pem } = mint({ issuer: issuer('root-a'), key: 'clinic-a', san: ['a.example', 'lee@a.example'] })
    await writeFile(join(dir, 'both.pem'), pem)
    const own = await publication(identity('a.example', 'both.pem'))
    expect(own.zone.records.filter(({ type }) => type === 'CERT').map(({ name }) => name)).toEqual([
      'a.example',
    ])
  })

  test('what others cannot encrypt to is not published: expired, for signing alone, a CA', async () => {
    await put('expired.pem', 'a.example', -20, -1)
    await copyFile(pki('CERT4_KeyUsage_SignOnly.pem'), join(dir, 'sign.pem'))
    await copyFile(pki('root-a.pem'), join(dir, 'ca.pem'))
    const own = await publication(
      ...['expired.pem', 'sign.pem', 'ca.pem'].map((file) => identity('a.example', file)),
    )
    expect(published(own, 'a.example')).toEqual([])
  })
})

describe('what strangers would look for in vain is told', () => {
  const zone = zoneOf([], {
    also: ['a.example', 'b.example'],
    nameServers: ['ns.a.example', 'ns.elsewhere.example'],
    mailServers: ['mx.a.example'],
    addresses: new Map([['mx.a.example', ['192.0.2.25']]]),
  })
  const named = { ...PUBLISH, nameServers: ['ns.a.example', 'ns.elsewhere.example'] }
  const PUBLIC = { host: '0.0.0.0', port: 10053 }

  test('a host in a zone of ours without an address, wherever it is answered', () => {
    expect(hostNotes(zone, { ...named, mailServers: ['mx.a.example'] }, LISTEN)).toEqual([
      expect.stringMatching(/^ns\.a\.example .*has no address here.*publish\.addresses/),
    ])
  })

  test('ns.<domain>, which stands in, and mail that finds no server, but where only this machine is answered', () => {
    const unnamed = zoneOf([], { also: ['a.example', 'b.example'] })
    expect(hostNotes(unnamed, PUBLISH, LISTEN)).toEqual([])
    for (const listen of [PUBLIC, { ...LISTEN, port: 53 }])
      expect(hostNotes(unnamed, PUBLISH, listen)).toEqual([
        expect.stringMatching(/^publish\.nameServers names nobody, and ns\.a\.example \(and 1 more\)/),
        expect.stringMatching(/^mail to a\.example \(and 1 more\) finds no server .*publish\.mailServers/),
      ])
  })

  test('mail to a domain that is itself a host with an address finds it (RFC 5321 5.1), so only the others are named', () => {
    const apex = zoneOf([], {
      also: ['a.example', 'b.example'],
      nameServers: ['a.example'],
      addresses: new Map([['a.example', ['192.0.2.1']]]),
    })
    expect(hostNotes(apex, { ...PUBLISH, nameServers: ['a.example'] }, PUBLIC)).toEqual([
      'mail to b.example finds no server by this zone, which has no MX record: name who takes it in publish.mailServers',
    ])
  })

  test('addresses of a host that lies in none of our zones, which are not used', () => {
    const addresses = new Map([['ns.elsewhere.example', ['192.0.2.1']]])
    const publish = { ...named, mailServers: ['mx.a.example'], addresses }
    expect(hostNotes(zone, publish, PUBLIC).at(-1)).toMatch(
      /^publish\.addresses: ns\.elsewhere\.example lies in no/,
    )
  })
})
