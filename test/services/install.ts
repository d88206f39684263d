import { ensurePackages } from './apt.ts'

/**
 * Before any test: the programs that interop tests meet. Where one cannot be installed, it says what to run; the
 * tests that need it then fail by themselves, and the others are still worth running.
 */
export default async function install(): Promise<void> {
  try {
    await ensurePackages({
      openssl: 'openssl',
      postfix: 'postfix',
      dovecot: 'dovecot-core',
      '/usr/lib/dovecot/imap': 'dovecot-imapd',
      '/usr/lib/dovecot/lmtp': 'dovecot-lmtpd',
      named: 'bind9',
      'named-checkzone': 'bind9-utils',
      dig: 'bind9-dnsutils',
      slapd: 'slapd',
      ldapadd: 'ldap-utils',
      cmsutil: 'libnss3-tools',
      gpgsm: 'gpgsm',
      'gpg-agent': 'gpg-agent',
      pg_createcluster: 'postgresql',
      // Debian's JRE can compile: the JDK would be as large again.
      java: 'default-jre-headless',
      '/usr/share/java/bcmail.jar': 'libbcmail-java',
    })
  } catch (error) {
    process.stderr.write(`The interop tests will fail: ${(error as Error).message}\n`)
  }
}
