import { spawn } from 'node:child_process'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { OF_NO_MESSAGE } from '../../store/audit.ts'
import type { BodyId, Judgement, NewAuditRow, NewMessage } from '../../store/index.ts'

export async function* bytes(...pieces: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === 'string' ? new TextEncoder().encode(piece) : piece
}

export function at(seconds: number): Date {
  return new Date(Date.UTC(2026, 0, 1) + seconds * 1000)
}

/** A message of one copy to all of `to`, queued, over an existing body. */
export function message(
  body: BodyId,
  over: Partial<NewMessage> = {},
  to: readonly string[] = ['lee@hisp.example'],
): NewMessage {
  return {
    messageId: '<m1@clinic.example>',
    kind: 'message',
    from: 'kim@clinic.example',
    at: at(0),
    actor: 'kim',
    patient: 'p-17',
    documents: ['doc-9'],
    idempotencyKey: null,
    recordBody: null,
    recipients: to.map((address) => ({
      address,
      route: 'direct',
      state: 'queued',
      why: [],
      certificate: 'ab'.repeat(32),
    })),
    copies: [
      { route: 'direct', domain: 'hisp.example', mailFrom: 'kim@clinic.example', recipients: to, body },
    ],
    ...over,
  }
}

export function accepted(recipients: readonly string[], over: Partial<Judgement> = {}): Judgement {
  return {
    verdict: 'accept',
    code: null,
    messageId: '<m1@hisp.example>',
    from: 'lee@hisp.example',
    signer: 'cd'.repeat(32),
    innerSha256: 'ef'.repeat(32),
    why: [],
    recipients: recipients.map((address) => ({ address, verdict: 'accept', code: null })),
    ...over,
  }
}

export function auditRow(over: Partial<NewAuditRow> = {}): NewAuditRow {
  return { ...OF_NO_MESSAGE, at: at(0), event: 'exported', actor: null, outcome: null, why: [], ...over }
}

export async function all<T>(rows: AsyncIterable<T>): Promise<T[]> {
  return await Array.fromAsync(rows)
}

/** What the steps to each version made, undone. */
const UNDONE: readonly (readonly [version: number, sql: string])[] = [
  [
    12,
    `drop table leases; drop table positions; alter table bodies drop column sha256;
     drop index inbox_deliveries_due;
     alter table inbox_deliveries drop column key; alter table inbox_deliveries drop column attempts;
     alter table inbox_deliveries drop column next_at; alter table inbox_deliveries drop column held_until;
     alter table inbox_deliveries drop column why`,
  ],
  [
    11,
    `drop index notices_by_recipient;
     create index notices_by_recipient on notices (recipient, created_at)`,
  ],
  [10, 'drop index audit_documents_by_audit; drop index entry_deliveries_by_delivery'],
  [
    9,
    `drop table audit_head; alter table audit drop column chain;
     drop index bodies_loose; alter table bodies drop column kept`,
  ],
  [
    8,
    `drop index recipients_by_deadline; drop index recipients_untold;
     alter table messages drop column final_wanted;
     alter table recipients drop column deadline; alter table recipients drop column untold;
     alter table inbox_deliveries drop column author; alter table inbox_deliveries drop column about;
     alter table inbox_deliveries drop column later_id; alter table inbox_deliveries drop column final_wanted;
     create table notices_7 (id integer primary key autoincrement,
       delivery integer not null unique references inbox_deliveries (id), message_id text not null unique,
       kind text not null, sender text not null, recipient text not null, original_message_id text not null,
       state text not null, attempts integer not null, due_at bigint not null);
     insert into notices_7 select id, delivery, message_id, kind, sender, recipient, original_message_id,
       state, attempts, due_at from notices;
     drop table notices; alter table notices_7 rename to notices;
     create index notices_by_state on notices (state, due_at);
     create index notices_by_original_message_id on notices (original_message_id)`,
  ],
  [7, 'alter table audit drop column algorithms; alter table recipients drop column algorithms'],
  [6, 'drop index notices_by_original_message_id'],
  [5, 'drop table capabilities'],
]

/** A store as an older direct-agent left it. */
export function backToVersion(file: string, version: number): void {
  const database = new DatabaseSync(file)
  for (const [made, sql] of UNDONE) if (made > version) database.exec(sql)
  database.exec(`delete from schema_versions where version > ${version}`)
  database.close()
}

/** Another process with the store open, doing one thing of `child.ts`. Lines of its output are its answers. */
export function child(deed: string, ...words: readonly string[]) {
  const script = fileURLToPath(new URL('child.ts', import.meta.url))
  const spawned = spawn(process.execPath, [script, deed, ...words], { stdio: ['pipe', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  spawned.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  spawned.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    spawned.on('error', reject)
    spawned.on('close', (code) => resolve({ code, stdout, stderr }))
  })
  return {
    ended,
    /** When the child has said `word`; rejects if it ends without. */
    said: (word: string) =>
      new Promise<void>((resolve, reject) => {
        const look = () => {
          if (stdout.includes(word)) resolve()
        }
        spawned.stdout.on('data', look)
        spawned.on('close', () => reject(new Error(`the child ended without "${word}": ${stderr}`)))
        look()
      }),
    kill: () => spawned.kill('SIGKILL'),
  }
}
