import type { Store } from '../../store/index.ts'
import { version } from '../version.ts'
import { askStore, type Figures } from './ask-store.ts'
import type { Metric, Sample } from './exposition.ts'
import type { Watch } from './watch.ts'

export interface MetricsTools {
  readonly store: () => Promise<Store>
  readonly watch: Watch
  /** When the last certificate of each of our names ends. */
  readonly ends: () => Promise<ReadonlyMap<string, Date>>
  readonly now: () => Date
  /** How long the store may take to answer, in milliseconds. */
  readonly patienceMs?: number
}

/** Everything that `GET /metrics` tells: counts, times, and names of our own alone. */
export async function metrics({
  store,
  watch,
  ends,
  now,
  patienceMs,
}: MetricsTools): Promise<readonly Metric[]> {
  const { figures } = await askStore(store, patienceMs)
  return [
    gauge('direct_build_info', 'The version that runs.', [{ labels: { version: version() }, value: 1 }]),
    counter(
      'direct_messages_received_total',
      'What came in, by what became of it; undetermined ones at each look.',
      counts('outcome', watch.received),
    ),
    counter(
      'direct_smtp_recipients_total',
      'Recipients handed to SMTP, by its answer; unknown: the connection was lost behind the message.',
      counts('outcome', watch.handedOver),
    ),
    counter(
      'direct_ehr_messages_total',
      'Messages posted to the EHR, by what became of each try; later: it comes again.',
      counts('outcome', watch.toldEhr),
    ),
    gauge(
      'direct_mailbox_last_pass_timestamp_seconds',
      'When the last pass over a mailbox began that came to its end.',
      watch.mailboxes.flatMap(({ name, lastPass }) =>
        lastPass === null ? [] : [{ labels: { mailbox: name }, value: lastPass.getTime() / 1000 }],
      ),
    ),
    gauge(
      'direct_mailbox_failing',
      'Whether the last pass over a mailbox failed.',
      watch.mailboxes.map(({ name, failure }) => ({
        labels: { mailbox: name },
        value: failure === null ? 0 : 1,
      })),
    ),
    gauge('direct_store_up', 'Whether the store answers, and nothing failed by it lately.', [
      { value: figures === null || watch.storeFailure !== null ? 0 : 1 },
    ]),
    ...(figures === null ? [] : ofStore(figures, now())),
    gauge(
      'direct_certificate_end_timestamp_seconds',
      'When the last certificate of a name of ours ends.',
      [...(await ends())].map(([name, end]) => ({ labels: { for: name }, value: end.getTime() / 1000 })),
    ),
    ...ofProcess(),
  ]
}

function ofStore(
  { outbox, deliveries, unanswered, inbox, notices, auditRows, bytes }: Figures,
  now: Date,
): Metric[] {
  const age = ({ oldest }: { readonly oldest: Date | null }) =>
    oldest === null ? 0 : Math.max(0, (now.getTime() - oldest.getTime()) / 1000)
  return [
    gauge('direct_outbox_waiting', 'Copies that SMTP has yet to take.', [{ value: outbox.copies }]),
    gauge('direct_outbox_oldest_seconds', 'How long the oldest of them waits; 0: none does.', [
      { value: age(outbox) },
    ]),
    gauge('direct_deliveries_waiting', 'Messages that the EHR has yet to take.', [
      { value: deliveries.waiting },
    ]),
    gauge('direct_deliveries_oldest_seconds', 'How long the oldest of them waits; 0: none does.', [
      { value: age(deliveries) },
    ]),
    gauge(
      'direct_recipients_unanswered',
      'Recipients whose system still has time to answer, by state.',
      unanswered.map(({ state, count }) => ({ labels: { state }, value: count })),
    ),
    gauge(
      'direct_inbox_unsettled',
      'Messages of the mailboxes that are not settled, by state.',
      inbox.map(({ state, count }) => ({ labels: { state }, value: count })),
    ),
    gauge(
      'direct_notices_waiting',
      'Receipts and failure notices of ours that have yet to go out.',
      notices.map(({ kind, state, count }) => ({ labels: { kind, state }, value: count })),
    ),
    counter('direct_audit_rows_total', 'Rows ever written to the audit.', [{ value: auditRows }]),
    gauge('direct_store_bytes', "Size of the store's database.", [{ value: bytes }]),
  ]
}

function ofProcess(): Metric[] {
  const { user, system } = process.cpuUsage()
  return [
    counter('process_cpu_seconds_total', 'Processor time used.', [{ value: (user + system) / 1e6 }]),
    gauge('process_resident_memory_bytes', 'Resident memory.', [{ value: process.memoryUsage.rss() }]),
    gauge('process_start_time_seconds', 'When the process was started.', [
      { value: Math.round(performance.timeOrigin) / 1000 },
    ]),
  ]
}

function counts(label: string, counted: ReadonlyMap<string, number>): Sample[] {
  return [...counted].map(([of, value]) => ({ labels: { [label]: of }, value }))
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, help, type: 'gauge', samples }
}

function counter(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, help, type: 'counter', samples }
}
