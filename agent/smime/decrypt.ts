import type { DirectError, MessageCode, Reason } from '../errors.ts'
import { MimeError } from '../mime/error.ts'
import { type ContentEncryption, type ReceivedCipher, readContentEncryption } from './algorithms.ts'
import { CmsError } from './ber/error.ts'
import { contentKeys } from './enveloped/content-keys.ts'
import { decryptContent, type Outcome } from './enveloped/decrypt-content.ts'
import { likeliestKey } from './enveloped/likeliest-key.ts'
import { type OpenEnvelope, openEnvelope } from './enveloped/open-envelope.ts'
import { type Candidate, match, mentions } from './enveloped/recipients.ts'
import type { Identity } from './identity.ts'
import { type Outline, OutlineReader } from './signed/outline.ts'
import type { Source, Spool, Spooled } from './source.ts'
import { UNDECRYPTABLE } from './undecryptable.ts'

/** Private keys asked for one message. Renewed certificates of one address rarely make it more than two. */
const MAX_TRIES = 8

/** What was decrypted, and what it looked like while it went by. */
export interface Plaintext {
  readonly content: Source
  readonly outline: Outline
}

/** What would be done with the plaintext, done to what is none. `key`: the one that should have opened it. */
export type InVain = (plaintext: Plaintext, key: Identity) => Promise<unknown>

export interface DecryptOptions {
  /** Where it is absent, nothing is done. */
  readonly inVain?: InVain
  /** Whether 3DES may pass; where it is absent, it may not. */
  readonly tripleDes?: boolean
}

/** The decrypted content of an enveloped message; nothing about it is authentic yet. Only `decrypt` makes one. */
export class Decrypted implements Plaintext, AsyncDisposable {
  readonly #content: Spooled
  readonly outline: Outline
  readonly algorithms: { readonly content: ReceivedCipher; readonly keyTransport: Candidate['keyEncryption'] }
  /** Whose key opened it. */
  readonly opened: Identity
  /** Those of the given identities that are among the RecipientInfos (IN-3). */
  readonly recipients: readonly Identity[]
  /** KEY_UNREACHABLE of another key that the message names; that its content makes no sense is not final then. */
  readonly keyAway: DirectError | null

  private constructor(
    { content, outline }: Opened,
    opened: Candidate,
    cipher: ReceivedCipher,
    recipients: readonly Identity[],
    keyAway: DirectError | null,
  ) {
    this.#content = content
    this.outline = outline
    this.algorithms = { content: cipher, keyTransport: opened.keyEncryption }
    this.opened = opened.identity
    this.recipients = recipients
    this.keyAway = keyAway
  }

  /** Plaintext; CBC proves nothing about it. `verify` is what it is for. */
  get content(): Source {
    return this.#content
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#content[Symbol.asyncDispose]()
  }

  /** @internal Use `decrypt`. */
  static async decrypt(
    cms: Pick<Source, 'read' | 'lend'>,
    keys: readonly Identity[],
    spool: Spool,
    { inVain = async () => {}, tripleDes = false }: DecryptOptions,
  ): Promise<Decrypted | Reason<MessageCode>> {
    let keyAway: DirectError | null = null
    const undecryptable = () => {
      if (keyAway !== null) throw keyAway
      return UNDECRYPTABLE
    }
    try {
      await using envelope = await openEnvelope(cms, (info) =>
        keys.some((identity) => mentions(info, identity)),
      )
      if (envelope === null) {
        return { code: 'NOT_ENCRYPTED', text: 'the message is CMS, but of a kind that is not encrypted' }
      }
      const { head } = envelope
      const addressed = match(head.recipientInfos, keys)
      if (addressed.length === 0) {
        return {
          code: 'NOT_FOR_US',
          text: 'none of our certificates is among the recipients of the encryption',
        }
      }
      const authenticated = head.kind === 'auth-enveloped-data'
      const encryption = readContentEncryption(head.contentEncryption, { authenticated, tripleDes })
      if ('code' in encryption) return encryption
      const candidates = addressed.filter((entry) => 'keyEncryption' in entry).slice(0, MAX_TRIES)
      if (candidates.length === 0)
        return addressed.find((entry) => 'refused' in entry)?.refused ?? UNDECRYPTABLE
      const asked = await contentKeys(candidates, encryption)
      keyAway = asked.keyAway
      const keysAtHand = asked.answers.map(({ key }) => key)
      const likeliest = asked.answers[await likeliestKey(cms, encryption, keysAtHand)]
      if (likeliest === undefined) return undecryptable()
      const { candidate, key } = likeliest
      const opened = await openContent(envelope, cms, encryption, key, spool)
      if (opened.isWhole) {
        const recipients = keys.filter((identity) => addressed.some((entry) => entry.identity === identity))
        return new Decrypted(opened, candidate, encryption.cipher, recipients, keyAway)
      }
      await using _content = opened.content
      await inVain(opened, candidate.identity)
      return undecryptable()
    } catch (error) {
      if (error instanceof CmsError) return undecryptable()
      // The CMS comes out of a transfer encoding as it is read, and that can be none that is known.
      if (error instanceof MimeError) return { code: error.code, text: error.message }
      throw error
    }
  }
}

/**
 * Opens an EnvelopedData with the keys that it names (RFC 5652 6.3; protocol.md ALG-2 to ALG-5). Reasons:
 * `NOT_ENCRYPTED`, `NOT_FOR_US`, `ALGORITHM_REFUSED`, and `UNDECRYPTABLE` for everything else that can be wrong with it.
 * `cms` is read once; its beginning once more for each key where it names several, and all of it where it has
 * authenticated attributes.
 *
 * What anybody can see who holds the message, such as broken BER or an initialisation vector of the wrong length, ends
 * it before a private key is asked. After that every message takes the same steps to its end, whatever is wrong with
 * key, padding or tag: what was decrypted goes to `inVain` then, where it is given, as it would have gone to `verify`.
 *
 * A key that lives elsewhere and is away is passed over where another one answers. Rejects with its KEY_UNREACHABLE when
 * none does, or when the message would be `UNDECRYPTABLE` without it.
 */
export function decrypt(
  cms: Pick<Source, 'read' | 'lend'>,
  keys: readonly Identity[],
  spool: Spool,
  options: DecryptOptions = {},
): Promise<Decrypted | Reason<MessageCode>> {
  return Decrypted.decrypt(cms, keys, spool, options)
}

interface Opened extends Plaintext {
  readonly content: Spooled
  /** Whether it is the plaintext. */
  readonly isWhole: boolean
}

async function openContent(
  envelope: OpenEnvelope,
  cms: Pick<Source, 'read' | 'lend'>,
  encryption: ContentEncryption,
  key: Uint8Array,
  spool: Spool,
): Promise<Opened> {
  const outcome: Outcome = { whole: false, attributes: null }
  let outline = new OutlineReader()
  let content = await spool(decryptContent(envelope, encryption, key, outcome, outline))
  // Few messages have attributes beside their content, so it is not looked for them beforehand.
  if (outcome.attributes !== null) {
    await content[Symbol.asyncDispose]()
    outcome.whole = false
    outline = new OutlineReader()
    await using again = await openEnvelope(cms, () => false)
    if (again === null) throw new Error('a source that is read twice holds two kinds of CMS')
    content = await spool(decryptContent(again, encryption, key, outcome, outline))
  }
  const found = outline.end()
  return { content, outline: found, isWhole: outcome.whole && found.isLikeHeader }
}
