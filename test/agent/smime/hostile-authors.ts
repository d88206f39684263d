import { envelope, type Hostile, keyTrans } from './hostile.ts'
import { mail, signed, wrapped } from './opening.ts'
import { bob } from './parties.ts'

/** Who a message is from: what a reader could take for somebody else (protocol.md IN-6, MSG-13). */

const sealed = (plaintext: string) => mail(envelope(plaintext, { recipientInfos: [keyTrans(bob)] }))
const from = (value: string | readonly string[]) => () => sealed(signed(wrapped({ From: value })))
const KIM = 'dr.kim@clinic-a.example'
const EVE = 'eve@clinic-e.example'

export const authors: readonly Hostile[] = [
  { name: 'two From fields', code: 'MALFORMED', mail: from([KIM, EVE]) },
  { name: 'two From fields that say the same', code: 'MALFORMED', mail: from([KIM, KIM]) },
  {
    name: 'two From fields, of which one is in other letters',
    code: 'MALFORMED',
    mail: () => sealed(signed(wrapped({ FROM: EVE }))),
  },
  { name: 'two mailboxes in From', code: 'MALFORMED', mail: from(`${KIM}, ${EVE}`) },
  { name: 'no From', code: 'MALFORMED', mail: () => sealed(signed(wrapped({ From: null }))) },
  { name: 'a group in From', code: 'MALFORMED', mail: from(`Doctors: ${KIM};`) },
  { name: 'an empty group in From', code: 'MALFORMED', mail: from('undisclosed-recipients:;') },
  { name: 'a group beside the mailbox in From', code: 'MALFORMED', mail: from(`${KIM}, Others: ${EVE};`) },
  {
    name: 'the address of another as its display name',
    code: 'SIGNER_NOT_FROM',
    mail: from(`"${KIM}" <${EVE}>`),
  },
  {
    name: 'the bare address of another before its own',
    code: 'SIGNER_NOT_FROM',
    mail: from(`${KIM} <${EVE}>`),
  },
  { name: 'the address of another in a comment', code: 'SIGNER_NOT_FROM', mail: from(`${EVE} (${KIM})`) },
  {
    name: 'the address of another in an encoded word',
    code: 'SIGNER_NOT_FROM',
    mail: from(`=?utf-8?B?${Buffer.from(`${KIM} <${KIM}>`).toString('base64')}?= <${EVE}>`),
  },
  {
    name: 'an encoded word that hides a line end and a second From',
    code: 'SIGNER_NOT_FROM',
    mail: from(`=?utf-8?B?${Buffer.from(`x\r\nFrom: ${KIM}`).toString('base64')}?= <${EVE}>`),
  },
  {
    name: 'an encoded word where its address belongs',
    code: 'MALFORMED',
    mail: from(`=?utf-8?B?${Buffer.from(KIM).toString('base64')}?=`),
  },
  {
    name: 'an encoded word as its local part',
    code: 'MALFORMED',
    mail: from('<=?utf-8?Q?dr.kim=40clinic-b.example=00?=@clinic-a.example>'),
  },
  {
    name: 'encoded words before its @',
    code: 'MALFORMED',
    mail: from(`=?utf-8?B?${Buffer.from(KIM).toString('base64')}?==?utf-8?q?=00?=@clinic-m.example`),
  },
  { name: 'a quoted local part', code: 'MALFORMED', mail: from('"dr.kim"@clinic-a.example') },
  {
    name: 'a quoted local part that holds another address',
    code: 'MALFORMED',
    mail: from(`"${KIM}>, <x"@clinic-a.example`),
  },
  { name: 'two addresses in angles', code: 'MALFORMED', mail: from(`<${KIM}> <${EVE}>`) },
  { name: 'text behind its address', code: 'MALFORMED', mail: from(`<${KIM}> ${EVE}`) },
  { name: 'a source route', code: 'MALFORMED', mail: from(`<@clinic-e.example:${KIM}>`) },
  { name: 'two @ in its address', code: 'MALFORMED', mail: from(`${KIM}@clinic-e.example`) },
  { name: 'an address literal', code: 'MALFORMED', mail: from('dr.kim@[127.0.0.1]') },
  { name: 'a NUL in From', code: 'MALFORMED', mail: from('dr.kim@clinic-a.example\0.clinic-e.example') },
  { name: 'a NUL in its display name', code: 'MALFORMED', mail: from(`Kim\0 <${KIM}>`) },
  { name: 'a lone CR in From', code: 'MALFORMED', mail: from(`${KIM}\r(x)`) },
  {
    name: 'another From behind a lone CR',
    code: 'MALFORMED',
    mail: () => sealed(signed(wrapped({ 'X-A': `b\rFrom: ${EVE}` }))),
  },
  {
    name: 'a control in the name of a second From',
    code: 'MALFORMED',
    mail: () => sealed(signed(wrapped({ '\u0001From': EVE }))),
  },
  {
    name: 'a second From that is folded before its colon',
    code: 'MALFORMED',
    mail: () => sealed(signed(wrapped({ 'From\r\n ': EVE }))),
  },
  { name: 'a trailing dot', code: 'MALFORMED', mail: from(`${KIM}.`) },
  { name: 'a trailing dot in its local part', code: 'MALFORMED', mail: from('dr.kim.@clinic-a.example') },
  {
    name: 'a Cyrillic letter in its domain',
    code: 'SIGNER_NOT_FROM',
    mail: from('dr.kim@clinic-\u0430.example'),
  },
  {
    name: 'the A-label of a look-alike domain',
    code: 'SIGNER_NOT_FROM',
    mail: from('dr.kim@xn--clinic--3fg.example'),
  },
  {
    name: 'a Cyrillic letter in its local part',
    code: 'MALFORMED',
    mail: from('dr.k\u0456m@clinic-a.example'),
  },
  { name: 'a letter doubled in its domain', code: 'SIGNER_NOT_FROM', mail: from('dr.kim@cliinic-a.example') },
  {
    name: 'a domain that ends as another does',
    code: 'SIGNER_NOT_FROM',
    mail: from('dr.kim@not-clinic-a.example'),
  },
  { name: 'a domain below another', code: 'SIGNER_NOT_FROM', mail: from('dr.kim@x.clinic-a.example') },
  { name: 'a domain above another', code: 'SIGNER_NOT_FROM', mail: from('dr.kim@a.example') },
]
