import { join, relative, resolve } from 'node:path'
import type { Command } from 'commander'
import { EXIT } from './exit.ts'
import { answersFrom } from './init/answers.ts'
import type { InitOptions } from './init/ask.ts'
import { NewFiles } from './init/files.ts'
import { listenAt, nextSteps } from './init/next.ts'
import { configurationText } from './init/yaml.ts'
import { keyTypeOption, single } from './options.ts'
import { columns } from './printable.ts'
import { answer, type Session } from './session.ts'

export function options(command: Command): void {
  command
    .addOption(
      single('--domain <domain>', 'your Direct domain: one certificate for all its addresses').conflicts(
        'address',
      ),
    )
    .addOption(single('--address <address>', 'or one Direct address: a certificate for it alone'))
    .addOption(single('--imap <url>', 'where mail comes in: imaps://user@host/INBOX'))
    .addOption(single('--smtp <url>', 'where mail goes out: smtp://user@host:587'))
    .addOption(
      single('--password-env <name>', 'environment variable that holds the password').default(
        'DIRECT_PASSWORD',
      ),
    )
    .addOption(single('--dir <dir>', 'where the files go').default('.'))
    .option('--anchor <file...>', 'certificates of the CAs that you trust')
    .addOption(
      single('--test-ca <dir>', 'issue from a local test CA there, made on first use; to try things out'),
    )
    .addOption(single('--organisation <name>', 'for the certificate request'))
    .addOption(keyTypeOption())
    .option('--dns <server...>', "name servers to ask, instead of the system's: 127.0.0.1:10053")
    .addHelpText(
      'after',
      '\nExample:\n  direct init --domain clinic-a.example --imap imap://a@127.0.0.1:10143 \\\n    --smtp smtp://127.0.0.1:10025 --test-ca ./test-ca --dir clinic-a\n',
    )
}

/** Key, certificate request, with --test-ca a certificate, and a commented direct.yaml. Overwrites nothing. */
export async function run(session: Session, command: Command): Promise<number> {
  const answers = await answersFrom(command.opts<InitOptions>(), session)
  const dir = resolve(answers.dir)
  const name = answers.subject.replace(/[^A-Za-z0-9._-]/g, '_')
  const names = {
    key: `${name}.key`,
    request: `${name}.csr`,
    certificate: `${name}.pem`,
    config: 'direct.yaml',
  }
  await using files = await NewFiles.in(dir, Object.values(names))
  const { createCertificateRequest, generateKey } = await import('../trust-anchors/issue/index.ts')

  const { subject, organisation, key } = answers
  session.out.progress('making a key …')
  const pair = await generateKey(key)
  const request = createCertificateRequest({ ...pair, subject, ...(organisation && { organisation }) })
  await files.add(
    names.key,
    pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    'private key; keep it secret',
  )
  await files.add(names.request, request, 'certificate request (PKCS#10) for your certificate authority')

  const anchors = answers.anchors.map((file) => relative(dir, resolve(file)) || file)
  let listen: string | null = null
  if (answers.testCa !== undefined) {
    const { issueWith } = await import('./init/test-ca.ts')
    const issued = await issueWith(resolve(answers.testCa), subject, request, session.at ?? new Date())
    listen = listenAt(answers.dns, issued.place)
    await files.add(names.certificate, issued.certificate, 'certificate, from the TEST CA')
    await files.addSame('test-ca.pem', issued.root, 'the TEST CA, now a trust anchor')
    anchors.push('test-ca.pem')
    session.out.note(`a TEST CA is trusted (${answers.testCa}); never use it for real patients`)
  }
  await files.add(names.config, configurationText(answers, names, anchors), 'configuration, with comments')
  files.keep()

  const made = files.made.map(({ file, what }) => ({ file: join(answers.dir, file), what }))
  await answer(session, { subject, dir, files: made }, () =>
    [
      columns(made.map(({ file, what }) => ['made', file, what])),
      '',
      nextSteps(answers, { ...names, listen }, anchors),
    ].join('\n'),
  )
  return EXIT.done
}
