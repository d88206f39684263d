/** What a help desk reads of `direct discover` and `direct classify --explain`. */
import { expect, test } from 'vitest'
import type { Evidence, JudgedCertificate } from '../../agent/index.ts'
import { explainedText } from '../../cli/text/places.ts'

const judged = (more: Partial<JudgedCertificate>): JudgedCertificate => ({
  sha256: 'ab'.repeat(32),
  usable: false,
  chosen: false,
  boundTo: null,
  notAfter: new Date('2027-01-31T12:00:00Z'),
  why: [],
  unchecked: [],
  revocation: [],
  ...more,
})

const place = (name: Evidence['place'], more: Partial<Evidence> = {}): Evidence => ({
  place: name,
  owner: 'hisp.example',
  status: 'absent',
  certificates: [],
  unread: [],
  questions: [],
  notes: [],
  ...more,
})

const text = (places: readonly Evidence[], advice: readonly string[] = []) =>
  explainedText({ places, forAdministrator: 'What it came to.', advice })

test('places in order, questions with answers, certificates with verdicts, the chosen one marked', () => {
  const places = [
    place('dns-domain', {
      questions: [{ type: 'CERT', name: 'hisp.example', answer: 'NXDOMAIN from 192.0.2.1:53' }],
    }),
    place('ldap-address', {
      owner: 'dr.lee@hisp.example',
      status: 'found',
      questions: [
        { type: 'SRV', name: '_ldap._tcp.hisp.example', answer: '0 0 389 ldap.hisp.example' },
        { type: 'LDAP', name: 'ldap://ldap.hisp.example', answer: '2 certificates' },
      ],
      certificates: [
        judged({ why: [{ code: 'CERT_EXPIRED', text: 'it ended' }], boundTo: 'domain' }),
        judged({ sha256: 'cd'.repeat(32), usable: true, chosen: true, boundTo: 'address' }),
      ],
      notes: ['something was skipped'],
    }),
    place('cert-server', { status: 'not-asked', notes: ['an earlier place decided: ldap-address'] }),
  ]
  expect(text(places, ['Nothing.'])).toEqual([
    'place         asked for            status',
    'dns-domain    hisp.example         absent',
    '    CERT hisp.example  NXDOMAIN from 192.0.2.1:53',
    'ldap-address  dr.lee@hisp.example  found',
    '    SRV _ldap._tcp.hisp.example    0 0 389 ldap.hisp.example',
    '    LDAP ldap://ldap.hisp.example  2 certificates',
    '       certificate        bound to  until       verdict',
    '       abababababababab…  domain    2027-01-31  not usable: CERT_EXPIRED, it ended',
    '    *  cdcdcdcdcdcdcdcd…  address   2027-01-31  usable, chosen',
    '    note: something was skipped',
    'cert-server   hisp.example         not asked: an earlier place decided: ldap-address',
    'What it came to.',
    'do: Nothing.',
  ])
})

test('what may pass is not known yet; what NET or every server refuses says so', () => {
  const open = judged({ why: [{ code: 'REVOCATION_UNKNOWN', text: 'away', temporary: true }] })
  const lines = text([
    place('dns-address', { status: 'found', certificates: [open] }),
    place('ldap-domain', { status: 'failed', refusedBy: 'guard', notes: ['ldap.hisp.example is private'] }),
    place('cert-server', { status: 'failed', refusedBy: 'servers' }),
  ])
  expect(lines.join('\n')).toMatch(/neither +2027-01-31 +not known yet: REVOCATION_UNKNOWN, away/)
  expect(lines.join('\n')).toMatch(
    /ldap-domain .* failed: not contacted\n {4}note: ldap\.hisp\.example is private/,
  )
  expect(lines.join('\n')).toMatch(/cert-server .* failed: every server refused/)
})

test("of a CA's certificate beside the others only that is told", () => {
  const ca = judged({
    why: [
      { code: 'CERT_NOT_BOUND', text: 'to nobody' },
      { code: 'CERT_IS_CA', text: "a CA's" },
    ],
  })
  const lines = text([place('dns-address', { status: 'found', certificates: [ca] })])
  expect(lines[3]).toMatch(/neither +2027-01-31 +not usable: CERT_IS_CA, a CA's$/)
})

test('a URL that was fetched is told once; one that never was is told too', () => {
  const [asked, never] = ['http://a.example/a', 'http://a.example/b']
  const lines = text([
    place('dns-domain', {
      status: 'found',
      questions: [{ type: 'URL', name: asked, answer: 'away' }],
      unread: [
        { url: asked, status: 'failed', text: 'away' },
        { url: never, status: 'refused', text: 'too many' },
      ],
    }),
  ])
  expect(lines.slice(2, 4)).toEqual([`    URL ${asked}  away`, `    URL ${never}  too many`])
})

test('nothing that a server or a file says reaches the terminal as a control character', () => {
  const evil = 'a\u001b[2J\u0085\nb'
  const lines = text(
    [
      place('dns-domain', {
        owner: evil,
        status: 'failed',
        questions: [{ type: 'CERT', name: evil, answer: evil }],
        unread: [{ url: evil.slice(1), status: 'failed', text: evil }],
        certificates: [
          judged({
            why: [{ code: 'CERT_NOT_BOUND', text: evil }],
            unchecked: [evil],
            revocation: [
              {
                ...{ sha256: 'ab'.repeat(32), status: 'good', by: 'crl', text: evil },
                ...{ thisUpdate: null, nextUpdate: null, stale: false },
              },
            ],
          }),
        ],
        notes: [evil],
      }),
      place('cert-server', { status: 'not-asked', notes: [evil] }),
    ],
    [evil],
  )
  expect(lines.filter((line) => /[\u0000-\u001f\u007f-\u009f]/.test(line))).toEqual([])
})
