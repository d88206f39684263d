import { expect, test } from 'vitest'
import { createAgent, DirectError } from '../../agent/index.ts'
import { createImapClient } from '../../mailbox/index.ts'
import { envelope, keyTrans } from '../agent/smime/hostile.ts'
import { type Fields, header, KIM, LEE, mail, signed, wrapped } from '../agent/smime/opening.ts'
import { bob } from '../agent/smime/parties.ts'
import { literalZone } from '../dns/literal-zone.ts'
import { scriptedImap } from '../mailbox/scripted-imap.ts'
import { all, clinicConfig, temporaryFolder } from './clinics.ts'
import { clinicB } from './hostile-clinic.ts'
import { PostOffice } from './post-office.ts'

/**
 * No value of a message reaches an IMAP command, let alone a search: the agent asks for the UIDs of a folder. It speaks
 * by its own mailbox code to a server that writes down every line that it hears.
 */

/** What an IMAP server would take for the end of a string, a list or a literal, and for commands. */
const COMMANDS = '" ) {5}\r\nX1 DELETE INBOX\r\nX2 UID SEARCH TEXT CANARY\r\n'
const encoded = `=?utf-8?B?${Buffer.from(COMMANDS).toString('base64')}?=`
const ID = '<"\\) {5+} X1 DELETE INBOX CANARY"@clinic-a.example>'

const HOSTILE: Readonly<Record<string, Fields>> = {
  'in encoded words': {
    Subject: encoded,
    From: `${encoded} <${KIM}>`,
    To: `${encoded} <${LEE}>`,
    'Disposition-Notification-To': `${encoded} <${KIM}>`,
    'Message-ID': `<${encoded}>`,
  },
  'in ids and folds': {
    'Message-ID': ID,
    'In-Reply-To': `${ID}\r\n X1 DELETE INBOX`,
    References: `${ID}\r\n\tX1 UID SEARCH TEXT CANARY`,
  },
  'bare, by which the message is refused': {
    'Message-ID': '<1\rX1 DELETE INBOX>',
    Subject: 'a\0b\nX1 DELETE INBOX',
    From: `"\u001b\rX1 DELETE INBOX" <${KIM}>`,
  },
}

const sealed = (fields: Fields) =>
  mail(envelope(Buffer.from(signed(wrapped(fields))), { recipientInfos: [keyTrans(bob)] }), fields)
/** What is no Direct message: moved aside. */
const plain = (fields: Fields) => Buffer.from(`${header(fields)}\r\nX1 DELETE INBOX\r\n`)

/** What the server heard while a sealed and a plain message with these fields were received. */
async function heard(fields: Fields) {
  await using imap = await scriptedImap({
    capabilities: ['MOVE'],
    folders: ['INBOX', 'Direct-Refused'],
    messages: { 7: sealed(fields).toString('latin1'), 9: plain(fields).toString('latin1') },
  })
  const login = `imap://b:secret@127.0.0.1:${imap.port}/INBOX`
  const config = {
    ...clinicConfig('b', await temporaryFolder()),
    ...(await clinicB()),
    mailboxes: [{ imap: login, addresses: ['clinic-b.example'] }],
  }
  await using agent = await createAgent(config, { resolver: literalZone({}), smtp: new PostOffice().smtp })
  const reports = await all(agent.receiveOnce({ deliverTo: await temporaryFolder() }))
  return { commands: imap.commands, verdicts: reports.map((one) => 'verdict' in one && one.verdict) }
}

const CONVERSATION = [
  'LOGIN "b" "secret"',
  'SELECT INBOX',
  'UID SEARCH ALL',
  'UID SEARCH KEYWORD $DirectSettled',
  'UID FETCH 7,9 (UID RFC822.SIZE)',
  'UID FETCH 7,9 (UID RFC822.SIZE BODY.PEEK[])',
  'UID STORE 7 +FLAGS.SILENT (\\Seen $DirectSettled)',
  'UID MOVE 9 Direct-Refused',
  'LOGOUT',
]
/** Asked of every server, whatever it holds. */
const OF_SERVERS = /^(CAPABILITY|(LIST|LSUB) "" "\*?")$/
/** What is accepted is flagged in groups, while what is refused is moved. */
const ACT = /^UID (STORE|MOVE) /

/** Without what is asked of every server, and acts, wherever they stand, in the order of their words. */
function conversation(commands: readonly string[]) {
  const said = commands.filter((command) => !OF_SERVERS.test(command))
  return [said.filter((command) => !ACT.test(command)), said.filter((command) => ACT.test(command)).sort()]
}

test('a message that says nothing of the kind is received by a search for all, and by UIDs', async () => {
  const { commands, verdicts } = await heard({})
  expect(verdicts).toEqual(['accept', 'reject'])
  expect(conversation(commands)).toEqual(conversation(CONVERSATION))
})

test.each(Object.entries(HOSTILE))(
  'control characters and IMAP commands %s: the very same conversation, and no other search (MSG-13)',
  async (_, fields) => {
    const { commands, verdicts } = await heard(fields)
    expect(verdicts).toHaveLength(2)
    const isAccepted = verdicts[0] === 'accept'
    const expected = CONVERSATION.map((command) =>
      command.startsWith('UID STORE') && !isAccepted ? 'UID MOVE 7 Direct-Refused' : command,
    )
    expect(conversation(commands)).toEqual(conversation(expected))
    expect(commands.join()).not.toMatch(/CANARY|DELETE/)
  },
)

const INJECTED = 'a\r\nX1 DELETE INBOX'

test.each([
  ['the user', { user: INJECTED }, 'INBOX', 'Aside'],
  ['the password', { password: INJECTED }, 'INBOX', 'Aside'],
  ['the folder', {}, INJECTED, 'Aside'],
  ['the folder for refused mail', {}, 'INBOX', INJECTED],
])(
  'a line end in %s of the configuration ends in an error, never in a command',
  async (_, login, inbox, aside) => {
    await using imap = await scriptedImap({ capabilities: ['MOVE'], messages: { 5: 'x' } })
    const client = createImapClient({ lookup: async () => ['127.0.0.1'], timeoutMs: 5000 })
    const server = {
      host: 'imap.b.example',
      port: imap.port,
      secure: false,
      user: 'b',
      password: 's',
      ...login,
    }
    const moved = async () => {
      await using folder = await client.open(server, inbox)
      await folder.moveTo(5, aside)
    }
    await expect(moved()).rejects.toBeInstanceOf(DirectError)
    expect(imap.commands.join()).not.toContain('DELETE')
  },
)
