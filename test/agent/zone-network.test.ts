import { expect, test } from 'vitest'
import { settingsOf } from '../../agent/config/load.ts'
import { checkNetwork } from '../../agent/zone/network.ts'
import { createLdapClient } from '../../dns/ldap/index.ts'
import { literalZone } from '../dns/literal-zone.ts'

const NOW = new Date('2026-11-22T12:00:00Z')

/** Where zone check may go, by what DNS says here and what our configuration publishes. */
async function network() {
  const publish = {
    nameServers: ['ns.clinic.example', 'ns2.clinic.example'],
    directories: ['ldap.clinic.example'],
    addresses: { 'ns.clinic.example': ['10.0.0.53'], 'ldap.clinic.example': ['10.0.0.89'] },
  }
  const settings = settingsOf({ publish }, { origin: 'test', dir: '.', env: {} })
  const resolver = literalZone({
    'ns.clinic.example': { a: ['10.9.9.9'] },
    'ns2.clinic.example': { a: ['10.0.0.54'] },
    'ldap.clinic.example': { a: ['10.0.0.89'] },
    'ns.stranger.example': { a: ['10.0.0.53'] },
  })
  return checkNetwork({
    settings,
    policy: {},
    offline: false,
    resolver,
    ldap: async () => createLdapClient({ timeoutMs: 1000 }),
    now: () => NOW,
    at: () => NOW,
  })
}

test('a name server of our own configuration is asked at the address that it has there, even a private one (NET)', async () => {
  const { reachNameServer } = await network()
  // Whatever DNS said: nobody who answers chooses where we go.
  expect(await reachNameServer('ns.clinic.example')).toEqual({ status: 'ok', addresses: ['10.0.0.53'] })
})

test.each([
  ['whose address it does not have', 'ns2.clinic.example'],
  ['that is no name server of ours', 'ldap.clinic.example'],
  ['of somebody else at the same address', 'ns.stranger.example'],
])('a name server %s stays guarded, and the key to it is named (NET)', async (_, host) => {
  const { reachNameServer } = await network()
  expect(await reachNameServer(host)).toMatchObject({
    status: 'refused',
    text: expect.stringMatching(
      /is at 10\..*which the internet cannot reach, and network\.allowPrivate is off/,
    ),
  })
})

test('what strangers may reach is judged without our own configuration (NET)', async () => {
  const { reach } = await network()
  expect(await reach('ns.clinic.example')).toMatchObject({ status: 'refused' })
})
