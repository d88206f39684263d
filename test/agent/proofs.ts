import { Address } from '../../agent/address.ts'
import { deliverToFolder } from '../../agent/deliver/folder.ts'
import { TrustedMessage } from '../../agent/open/trusted-message.ts'
import { neverSaid } from '../../agent/seal/agreed.ts'
import { sealCopies } from '../../agent/seal.ts'
import type { AlgorithmSettings, Settings } from '../../agent/settings.ts'
import type { Decrypted } from '../../agent/smime/decrypt.ts'
import { encrypt } from '../../agent/smime/encrypt.ts'
import type { Identity } from '../../agent/smime/identity.ts'
import { type Signed, sign } from '../../agent/smime/sign.ts'
import type { Source } from '../../agent/smime/source.ts'
import { type Verified, type VerifyTools, verify } from '../../agent/smime/verify.ts'
import type { Composed } from '../../agent/smime/wrap.ts'
import {
  type Certificate,
  type PathResult,
  type Verification,
  VerifiedPath,
} from '../../trust-anchors/index.ts'

/** What anyone may have, whose it is, and how it is to be sealed. Nothing here is ever run. */
interface Given {
  readonly certificate: Certificate
  readonly signPath: VerifiedPath<'sign'>
  readonly encryptPath: VerifiedPath<'encrypt'>
  readonly verification: Verification<'encrypt'>
  /** As `chain verify` has it: valid by RFC 5280, for nobody in particular. */
  readonly validPath: Extract<PathResult, { ok: true }>
  readonly verified: Verified
  readonly identity: Identity
  readonly source: Source
  readonly composed: Composed
  readonly signed: Signed
  readonly decrypted: Decrypted
  readonly trusted: TrustedMessage
  readonly address: Address
  readonly options: AlgorithmSettings
  readonly algorithms: Settings['algorithms']
  readonly tools: VerifyTools
}

const visible = { to: [], cc: [] }
const describe = () => ({ from: null, signer: null, recipients: [] })

/** Each call asks for a proof that it is not given; `proofs.test.ts` wants the compiler to refuse every one. */
export const REFUSED = {
  // @ts-expect-error a certificate that was found is not believed yet
  encryptToCertificate: (g: Given) => encrypt(g.signed, [g.certificate], g.options),
  // @ts-expect-error a path for signing is none for encrypting
  encryptToSigner: (g: Given) => encrypt(g.signed, [g.signPath], g.options),
  // @ts-expect-error a copy of a path proves nothing
  encryptToCopy: (g: Given) => encrypt(g.signed, [{ ...g.encryptPath }], g.options),
  // @ts-expect-error a verdict is asked first whether it is one
  encryptUnasked: (g: Given) => encrypt(g.signed, [g.verification.path], g.options),
  // @ts-expect-error a valid path is not yet one for an address and a purpose
  encryptToValid: (g: Given) => encrypt(g.signed, [g.validPath], g.options),
  // @ts-expect-error all that a path shows does not make one, whatever was found about its revocation
  writePath: (g: Given): VerifiedPath<'encrypt'> => ({
    purpose: 'encrypt',
    address: g.address,
    at: new Date(),
    leaf: g.certificate,
    certificates: [g.certificate],
    anchor: g.certificate,
    boundTo: 'address',
    boundName: 'a@b.example',
    revocation: [],
    unchecked: [],
  }),
  makePath: (g: Given) =>
    // @ts-expect-error only verifyCertificate makes one
    new VerifiedPath('encrypt', g.address, new Date(), g.validPath, {
      boundTo: 'address',
      name: 'a@b.example',
    }),
  // @ts-expect-error what is encrypted was signed
  encryptUnsigned: (g: Given) => encrypt(g.composed, [g.encryptPath], g.options),
  // @ts-expect-error what is signed is canonical and wrapped
  signSource: (g: Given) => sign(g.source, g.identity, { digest: 'sha-256', at: new Date() }),
  sealForSigner: (g: Given) =>
    // @ts-expect-error copies go to whom a path was verified for
    sealCopies(async () => g.signed, [g.signPath], visible, g.algorithms, neverSaid),
  // @ts-expect-error what is verified was decrypted
  verifySource: (g: Given) => verify(g.source, g.tools),
  // @ts-expect-error decrypted is not trusted
  fileDecrypted: (g: Given) => deliverToFolder('out', g.decrypted, describe),
  // @ts-expect-error whom we may encrypt to is not believed to have signed
  trustRecipient: (g: Given) => TrustedMessage.of(g.verified, g.encryptPath, g.trusted),
  // @ts-expect-error a certificate in a signature is not a signer that was believed
  trustCertificate: (g: Given) => TrustedMessage.of(g.verified, g.certificate, g.trusted),
  // @ts-expect-error a copy of a trusted message proves nothing
  fileCopy: (g: Given) => deliverToFolder('out', { ...g.trusted }, describe),
  // @ts-expect-error an address is read, never written down
  writeAddress: (g: Given): Address => ({
    ...g.address,
    withoutTag: () => null,
    toString: () => 'a@b.example',
    toJSON: () => 'a@b.example',
  }),
  // @ts-expect-error only parseAddress makes one
  makeAddress: () => new Address('a', 'b.example'),
}
