/** What one message may hold (protocol.md IN-11). */
export const LIMITS = {
  /** Entities within entities. */
  depth: 20,
  /** Parts of the whole message. */
  parts: 1000,
  /** Bytes of one entity's header. */
  headerBytes: 1 << 20,
  /** Fields of one header: a megabyte of empty ones would take 270 MB. */
  fields: 20_000,
  /** Bytes of all headers of one message, those of its parts included. */
  allHeaderBytes: 4 << 20,
  /** Fields of all of them. */
  allFields: 50_000,
  /** Bytes of a boundary, of which RFC 2046 5.1.1 allows 70. To search for one of a thousand takes a second for a megabyte. */
  boundaryBytes: 200,
  /** Lines of one multipart that begin like its delimiter and are none: boundaries of inner multiparts that begin alike. */
  almostDelimiters: 10_000,
} as const
