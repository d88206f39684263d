/** What a domain publishes: its records, in the forms of name servers and directories, and whether the world has them. */

export { checkZone, type ZoneCheck } from './check/check.ts'
export type { CheckNetwork } from './check/gather.ts'
export type {
  CheckedRecord,
  CheckedServer,
  RecordStatus,
} from './check/types.ts'
export { bindText } from './formats/bind.ts'
export { factsOf, jsonText, type ZoneRecordFacts } from './formats/facts.ts'
export { ldifText } from './formats/ldif.ts'
export { linesText } from './formats/lines.ts'
export { apexOfIdentity, ownerOfIdentity } from './owner.ts'
export { type PublishedRecord, publishedRecords } from './published.ts'
export { hostOf, isAddress } from './records.ts'
export { nextSerial } from './serial.ts'
export {
  apexOf,
  delegationsBelow,
  hostsWithoutAddress,
  type Zone,
  type ZoneEntry,
  zoneOf,
} from './zone.ts'
