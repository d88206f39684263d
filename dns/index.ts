/** Where certificates are found, and published. DER bytes out; who is believed is decided elsewhere. */
export type {
  Answer,
  AnswerRecord,
  DiscoverySources,
  FailedTry,
  Place,
  PlaceName,
  RecordType,
  Resolver,
} from './types.ts'
