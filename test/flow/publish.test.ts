import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { copyFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type AgentOptions, createAgent, serveCertificates } from '../../agent/index.ts'
import { createResolver, encodeCertRecord } from '../../dns/resolver/index.ts'
import { freePorts } from '../services/process.ts'
import { clinicConfig, der, mintedIdentity, pki, temporaryFolder } from './clinics.ts'

const HOST = '127.0.0.1'

function ask(port: number, name: string) {
  const resolver = createResolver({ servers: [{ host: HOST, port }], timeoutMs: 5000 })
  return resolver.resolve(name, 'CERT')
}

/** Ends what was started with its signal, and waits for it. */
function untilTestFinished(): { readonly signal: AbortSignal; readonly ended: (run: Promise<void>) => void } {
  const stop = new AbortController()
  return {
    signal: stop.signal,
    ended: (run) =>
      onTestFinished(async () => {
        stop.abort()
        await run
      }),
  }
}

test('serveCertificates needs no restart for a renewal: the new file is served, with a greater serial (H1, H2)', async () => {
  const dir = await temporaryFolder()
  const own = await mintedIdentity('clinic-a.example', { key: 'clinic-a', from: '2026-01-01', days: 3000 })
  const { signal, ended } = untilTestFinished()
  const listen = { host: HOST, port: 0 }
  const served = await serveCertificates(
    { dataDir: join(dir, 'data'), identities: [own] },
    { listen, signal },
  )
  ended(served.closed)
  expect(served).toMatchObject({ zones: ['clinic-a.example'], serial: expect.any(Number) })
  const { port } = served.address
  expect(await ask(port, 'clinic-a.example')).toMatchObject({ status: 'found' })

  await copyFile(pki('clinic-a.pem'), `${own.certificate}.new`)
  await rename(`${own.certificate}.new`, own.certificate)
  const renewed = encodeCertRecord(der('clinic-a.pem'))
  await vi.waitFor(
    async () => expect(await ask(port, 'clinic-a.example')).toMatchObject({ records: [{ data: renewed }] }),
    { timeout: 40_000, interval: 200 },
  )
  const resolver = createResolver({ servers: [served.address], timeoutMs: 5000 })
  const soa = await resolver.resolve('clinic-a.example', 'SOA')
  if (soa.status !== 'found') throw new Error(soa.status)
  const { serial } = soa.records.map(({ data }) => data as { serial: number })[0] ?? { serial: 0 }
  expect(serial).toBeGreaterThan(served.serial)
})

test('serveCertificates has nothing to do without a certificate that others could encrypt to', async () => {
  const dir = await temporaryFolder()
  const expired = await mintedIdentity('clinic-a.example', { key: 'clinic-a', from: '2020-01-01', days: 30 })
  const { signal } = untilTestFinished()
  const serving = serveCertificates(
    { dataDir: join(dir, 'data'), identities: [expired] },
    { listen: { host: HOST, port: 0 }, signal },
  )
  await expect(serving).rejects.toMatchObject({ code: 'IDENTITY_MISSING' })
})

/** The daemon, with the port that it answers DNS at. */
async function daemon(port: number, options: AgentOptions = {}) {
  const dataDir = await temporaryFolder()
  const config = { ...clinicConfig('a', dataDir), mailboxes: [], publish: { listen: `${HOST}:${port}` } }
  const agent = await createAgent(config, options)
  onTestFinished(() => agent[Symbol.asyncDispose]())
  return agent
}

test('run answers DNS too where publish.listen is set, and gives the port back at its end', async () => {
  const [port = 0] = await freePorts(1)
  for (const _ of ['first', 'again']) {
    const agent = await daemon(port)
    const stop = new AbortController()
    const running = agent.run({ signal: stop.signal })
    await vi.waitFor(
      async () =>
        expect(await ask(port, 'clinic-a.example')).toMatchObject({
          records: [{ data: encodeCertRecord(der('clinic-a.pem')) }],
        }),
      { timeout: 40_000 },
    )
    stop.abort()
    await running
  }
})

test('run says at once that its port for DNS is taken', async () => {
  const taken = createSocket('udp4')
  taken.bind(0, HOST)
  await once(taken, 'listening')
  onTestFinished(() => void taken.close())
  const agent = await daemon(taken.address().port)
  const { signal } = untilTestFinished()
  await expect(agent.run({ signal })).rejects.toMatchObject({ code: 'LISTEN_FAILED' })
})

test('run without the network does not pretend to answer DNS', async () => {
  const agent = await daemon(53, { network: false })
  const { signal } = untilTestFinished()
  await expect(agent.run({ signal })).rejects.toMatchObject({ code: 'NETWORK_FORBIDDEN' })
})
