import { execFile } from 'node:child_process'
import { chown, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensurePackages } from './apt.ts'
import { freePorts, privateFolder, startProcess } from './process.ts'
import { requireRoot, userId } from './users.ts'

export interface DovecotUser {
  /** The name to log in with. */
  readonly name: string
  readonly password: string
  /** Every address of these domains is delivered into this user's INBOX. */
  readonly domains: readonly string[]
}

export interface DovecotOptions {
  readonly users: readonly DovecotUser[]
  /** Files in PEM: STARTTLS and IMAPS are offered when they are given. */
  readonly tls?: { readonly certificate: string; readonly privateKey: string }
  /** Where the private folder is made; others must be able to pass through. Default: the system's temporary folder. */
  readonly dir?: string
}

export interface Dovecot extends AsyncDisposable {
  readonly host: '127.0.0.1'
  readonly imapPort: number
  /** Null unless a certificate was given. */
  readonly imapsPort: number | null
  /** `host:port`, for Postfix. */
  readonly lmtp: string
  /** For Postfix, to offer AUTH with the same users. */
  readonly authSocket: string
  readonly logFile: string
  /** Runs `doveadm` with these words. */
  doveadm(...words: readonly string[]): Promise<void>
}

const run = promisify(execFile)

/** Mail is stored as this user, which every Debian has. */
const MAIL_USER = 'mail'

/**
 * A real Dovecot (IMAP and LMTP) in a private folder, on 127.0.0.1 and free ports. Needs root, as its processes change
 * users. Dispose of it to stop it and to remove its folder, mail and all.
 */
export async function startDovecot(options: DovecotOptions): Promise<Dovecot> {
  requireRoot('Dovecot')
  const { dovecot } = await ensurePackages({
    dovecot: 'dovecot-imapd',
    '/usr/lib/dovecot/imap': 'dovecot-imapd',
    '/usr/lib/dovecot/lmtp': 'dovecot-lmtpd',
  })
  const folder = await privateFolder('dovecot', options.dir)
  const [imapPort = 0, imapsPort = 0, lmtpPort = 0] = await freePorts(3)
  const { uid, gid } = await userId(MAIL_USER)
  await mkdir(join(folder, 'mail'))
  await chown(join(folder, 'mail'), uid, gid)
  const logFile = join(folder, 'log')
  const entries = (key: (user: DovecotUser) => readonly string[], password: boolean) =>
    options.users
      .flatMap((user) =>
        key(user).map(
          (name) =>
            `${name}:${password ? `{PLAIN}${user.password}` : ''}:${uid}:${gid}::${folder}/mail/${user.name}::`,
        ),
      )
      .join('\n')
  await writeFile(join(folder, 'users'), `${entries((user) => [user.name], true)}\n`)
  await writeFile(join(folder, 'domains'), `${entries((user) => user.domains, false)}\n`)
  const conf = join(folder, 'dovecot.conf')
  const tls = options.tls
  await writeFile(
    conf,
    `base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${logFile}
instance_name = ${folder}
protocols = imap lmtp
listen = 127.0.0.1
first_valid_uid = ${uid}
mail_location = maildir:~/Maildir
disable_plaintext_auth = no
auth_mechanisms = plain login
# A wrong password is answered at once, however often.
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
ssl = ${tls === undefined ? 'no' : 'yes'}
${tls === undefined ? '' : `ssl_cert = <${tls.certificate}\nssl_key = <${tls.privateKey}`}
# Postfix names the recipient already.
lmtp_hdr_delivery_address = none
passdb {
  driver = passwd-file
  args = ${folder}/users
}
userdb {
  driver = passwd-file
  args = ${folder}/users
}
userdb {
  driver = passwd-file
  args = username_format=%d ${folder}/domains
}
service imap-login {
  inet_listener imap {
    port = ${imapPort}
  }
  inet_listener imaps {
    port = ${tls === undefined ? 0 : imapsPort}
  }
}
service lmtp {
  inet_listener lmtp {
    port = ${lmtpPort}
  }
}
service auth {
  unix_listener ${folder}/auth-client {
    mode = 0666
  }
}
`,
  )
  const process = await startProcess({
    command: dovecot,
    args: ['-F', '-c', conf],
    folder,
    logFile,
    ports: [imapPort, lmtpPort, ...(tls === undefined ? [] : [imapsPort])],
  })
  return {
    host: '127.0.0.1',
    imapPort,
    imapsPort: tls === undefined ? null : imapsPort,
    lmtp: `127.0.0.1:${lmtpPort}`,
    authSocket: join(folder, 'auth-client'),
    logFile,
    async doveadm(...words) {
      const { doveadm } = await ensurePackages({ doveadm: 'dovecot-core' })
      await run(doveadm, ['-c', conf, ...words])
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  }
}
