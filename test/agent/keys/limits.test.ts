import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { passwordFromCommand } from '../../../agent/config/passwords.ts'
import { keyElsewhere } from '../../../agent/identities/elsewhere.ts'
import type { PrivateKey } from '../../../agent/index.ts'
import { keyInMemory } from '../../../agent/smime/private-key.ts'
import { mint } from '../../../fixtures/pki.ts'
import { temporaryFolder } from '../../flow/clinics.ts'

/** What is waited for has an end; here a short one. */

describe('a password command', () => {
  const said = async (program: string, withinMs: number) => {
    const cwd = await temporaryFolder()
    const error = await passwordFromCommand(['/bin/sh', '-c', program], {
      cwd,
      env: {},
      kind: 'password',
      withinMs,
    }).catch((error: unknown) => error)
    return { cwd, error }
  }

  test('that is not done in time is killed, and told without what it wrote', async () => {
    // One that would not be asked to end.
    const { cwd, error } = await said('trap "" TERM; echo $$ > pid; echo CANARY; exec sleep 60', 500)
    expect(error).toMatchObject({
      code: 'KEY_UNREADABLE',
      message: 'the passwordCommand /bin/sh was not done within 0.5 seconds',
    })
    expect(JSON.stringify(error) + String(error)).not.toContain('CANARY')
    const pid = Number(await readFile(join(cwd, 'pid'), 'utf8'))
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), 40_000)
  })

  test('that is done and leaves a program behind which holds its output open has given its password', async () => {
    const cwd = await temporaryFolder()
    const program = 'sleep 600 & echo $! > pid; echo "its password"'
    // Longer than a test may take.
    const options = { cwd, env: {}, kind: 'password', withinMs: 600_000 } as const
    expect(await passwordFromCommand(['/bin/sh', '-c', program], options)).toBe('its password')
    const pid = Number(await readFile(join(cwd, 'pid'), 'utf8'))
    // Nobody waited for it to end; throws where it is gone.
    process.kill(pid)
  })

  test('that leaves a program behind which holds its output open is waited for no longer', async () => {
    const { error } = await said('sleep 3 & echo CANARY; sleep 3', 200)
    expect(error).toMatchObject({ message: expect.stringContaining('not done within 0.2 seconds') })
  })
})

describe('a key that lives elsewhere', () => {
  const { certificate, privateKey } = mint({ san: ['clinic-a.example'], key: 'clinic-a' })
  const SIGN = { scheme: 'rsa-pkcs1', digest: 'sha-256' } as const
  const asked = (key: PrivateKey, patienceMs: number) =>
    keyElsewhere(
      { for: 'clinic-a.example', certificate: 'a.pem', privateKey: null, key },
      certificate,
      patienceMs,
    )
  const silence = () => new Promise<never>(() => {})

  test('and is silent is away: temporary, with what was waited for as the cause', async () => {
    const key = asked({ sign: silence, decrypt: silence }, 20)
    for (const [what, answer] of [
      ['sign', key.sign(SIGN, Buffer.from('x'))],
      ['decrypt', key.decrypt('rsa-oaep-sha256', Buffer.alloc(256))],
    ] as const)
      await expect(answer).rejects.toMatchObject({
        code: 'KEY_UNREACHABLE',
        temporary: true,
        message: expect.stringContaining(`failed when it was asked to ${what}`),
        cause: expect.objectContaining({ message: 'no answer within 0.02 seconds' }),
      })
  })

  test('and answers too late, if only with a failure, changes nothing any more', async () => {
    const late = async () => {
      await pause(50)
      throw new Error('no session')
    }
    const key = asked({ sign: late, decrypt: late }, 10)
    await expect(key.sign(SIGN, Buffer.from('x'))).rejects.toMatchObject({ code: 'KEY_UNREACHABLE' })
    await pause(100)
  })

  test('and answers in time leaves no timer behind', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((one) => one === 'Timeout').length
    const key = asked(keyInMemory(privateKey), 60_000)
    const before = timers()
    await key.sign(SIGN, Buffer.from('x'))
    expect(timers()).toBeLessThanOrEqual(before)
  })
})
