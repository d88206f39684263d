import { type Answers, needsPassword } from './answers.ts'

/** A commented direct.yaml. Values are written as JSON strings, which YAML reads whatever they hold. */
export function configurationText(
  answers: Answers,
  names: { readonly key: string; readonly certificate: string },
  anchors: readonly string[],
): string {
  const text = JSON.stringify
  const login = (url: string) => (needsPassword(url) ? `, passwordEnv: ${text(answers.passwordEnv)}` : '')
  const list = (values: readonly string[]) => `[${values.map((value) => text(value)).join(', ')}]`
  return `# direct-agent, for ${answers.subject}. Paths are relative to this file.

# Store and spools. Message bodies in it are S/MIME, never plain.
dataDir: ./data

# Who we are: a domain (one certificate for all its addresses) or a single address.
identities:
  - for: ${text(answers.subject)}
    certificate: ${text(names.certificate)}${answers.testCa === undefined ? '   # from your CA, in answer to the request' : '   # from the TEST CA'}
    privateKey: ${text(names.key)}

# Whom we believe: certificates that lead to these anchors, and no others.
trust:
  - for: '*'
    direction: both             # incoming | outgoing | both
    anchors: ${list(anchors)}${anchors.length === 0 ? '                 # nobody is trusted until you name a CA' : ''}

# Certificates of recipients that publish none.
certificates: []

# Name servers to ask for certificates. Left out: the system's.
${answers.dns.length === 0 ? "# dns: { servers: ['127.0.0.1:10053'], timeoutMs: 3000 }" : `dns: { servers: ${list(answers.dns)} }`}

# Mail out. smtp:// insists on STARTTLS (loopback excepted), smtps:// is TLS from the start.
smtp: { url: ${text(answers.smtp)}${login(answers.smtp)} }

# Mail in. What is refused is moved to asideFolder.
mailboxes:
  - { imap: ${text(answers.imap)}${login(answers.imap)}, addresses: ${list([answers.subject])} }
    # ca: mail-ca.pem, asideFolder: Direct-Refused, pollSeconds: 30

# Whether partners' certificates were revoked is asked by CRL and OCSP. While that cannot be had, nothing goes
# (prefer: it goes, and that is recorded; off: it is not asked).
revocation: require

# Partners without Direct whose mail server has proved TLS.
tlsDomains: []                  # [{ domain: partner.example, server: 'smtp://mx.partner.example:25' }]
`
}
