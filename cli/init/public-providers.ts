/**
 * Domains where anybody can have a mailbox: nobody can show a certificate authority that such a domain is theirs,
 * and its mail server is no Direct partner's.
 */
const PROVIDERS: ReadonlySet<string> = new Set(
  `126.com 163.com aim.com aol.com att.net bellsouth.net bigpond.com btinternet.com centurylink.net charter.net
  comcast.net cox.net duck.com earthlink.net fastmail.com fastmail.fm free.fr frontier.com gmail.com gmx.at gmx.ch
  gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.fr hotmail.it hushmail.com
  icloud.com inbox.com juno.com laposte.net libero.it live.co.uk live.com live.nl mac.com mail.com mail.ru mailbox.org
  mailinator.com me.com msn.com naver.com netzero.net online.de optimum.net optonline.net orange.fr outlook.com
  outlook.de outlook.fr pm.me posteo.de proton.me protonmail.ch protonmail.com qq.com rambler.ru rediffmail.com
  roadrunner.com rocketmail.com rogers.com rr.com sbcglobal.net seznam.cz sfr.fr shaw.ca sina.com sky.com spectrum.net
  suddenlink.net t-online.de telus.net tuta.com tuta.io tutanota.com tutanota.de uol.com.br verizon.net virgilio.it
  virginmedia.com wanadoo.fr web.de wildblue.net windstream.net wp.pl xtra.co.nz ya.ru yahoo.ca yahoo.co.in
  yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.br yahoo.de yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru ymail.com
  zoho.com zohomail.com`.split(/\s+/),
)

/** The provider that a domain (lower-case A-labels) is or lies under, or null. */
export function publicProviderOf(domain: string): string | null {
  const labels = domain.split('.')
  for (let i = 0; i < labels.length - 1; i++) {
    const parent = labels.slice(i).join('.')
    if (PROVIDERS.has(parent)) return parent
  }
  return null
}
