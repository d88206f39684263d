import { expect, test } from 'vitest'
import { createAgent } from '../../../agent/index.ts'
import { literalZone } from '../../dns/literal-zone.ts'
import { BOTH_PUBLISHED, clinicConfig, temporaryFolder } from '../../flow/clinics.ts'

test('what is noted of the zone is told with what to do, and names zone check, which tells of each record', async () => {
  const config = {
    ...clinicConfig('a', await temporaryFolder()),
    publish: { nameServers: ['ns.clinic-a.example'] },
  }
  await using agent = await createAgent(config, { resolver: literalZone(BOTH_PUBLISHED), env: {} })
  const findings = await Array.fromAsync(agent.doctor())
  const noted = findings.filter(({ area, level }) => area === 'dns' && level !== 'ok')
  expect(noted).toContainEqual({
    area: 'dns',
    level: 'note',
    code: 'ZONE',
    about: null,
    text: expect.stringMatching(/^publish\.nameServers: ns\.clinic-a\.example lies in a domain of ours/),
    do: expect.stringContaining('direct zone check'),
  })
  for (const finding of noted) expect(finding.do?.length).toBeGreaterThan(10)
})
