/**
 * Postfix and Dovecot on loopback until Ctrl-C, to try things by hand: `npm run mail-servers north.example south.example`.
 * Prints what a shell needs to know of them.
 */
import { once } from 'node:events'
import { startMailServers } from './mail-servers.ts'

const domains = process.argv.slice(2)
const isDomain = (text: string) => /^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(text)

if (domains.length === 0 || !domains.every(isDomain)) {
  console.error(
    'mail-servers: name the domains to take mail for: npm run mail-servers north.example south.example',
  )
  process.exitCode = 2
} else {
  try {
    await serve()
  } catch (error) {
    console.error(`mail-servers: ${(error as Error).message}`)
    process.exitCode = 1
  }
}

async function serve(): Promise<void> {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort())
  await using servers = await startMailServers({ domains })
  if (stop.signal.aborted) return
  const logins = Object.entries(servers.mailboxes)
  console.log('Each domain has one mailbox, for all its addresses:')
  for (const [domain, { user }] of logins) console.log(`  ${domain}: user ${user}`)
  console.log('Paste this into the terminals that use them; Ctrl-C here stops them and removes their mail:\n')
  console.log(
    `export SMTP=${servers.smtp.host}:${servers.smtp.port} IMAP=${servers.imap.host}:${servers.imap.imapPort}`,
  )
  console.log(`export DIRECT_PASSWORD=${logins[0]?.[1].password}`)
  // A pending promise keeps no process alive.
  const alive = setInterval(() => undefined, 60_000)
  await once(stop.signal, 'abort')
  clearInterval(alive)
}
