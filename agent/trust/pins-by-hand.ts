import { givenAddress } from '../given-address.ts'
import { fingerprintOf, oneOf, requireActor, requireFingerprint } from './arguments.ts'
import { notAsked } from './changes.ts'
import { mailSigners } from './mail-signers.ts'
import { checkPin } from './pin-request.ts'
import type { AdministrationTools } from './tools.ts'
import type { Pin, PinAdministration } from './types.ts'

/** Certificates pinned to partners (TR-5). */
export function pinsByHand(tools: AdministrationTools): PinAdministration {
  const { trust, store, now, at } = tools
  return {
    async list() {
      const { pins } = await trust.state()
      return pins.map(
        ({ address, sha256, actor, why, until, at: madeAt }): Pin => ({
          address,
          sha256,
          actor,
          why,
          until,
          at: madeAt,
          state: at() < until ? 'in-force' : 'ended',
        }),
      )
    },

    async signers(path) {
      const { sealed, signers } = await mailSigners(path, tools)
      if ('code' in signers) return { sealed, signers: [], why: signers }
      const found = signers.map(({ certificate, weak }) => ({
        sha256: certificate.sha256,
        der: certificate.der,
        weak,
      }))
      return { sealed, signers: found, why: null }
    },

    async add(request) {
      const { address, certificate, until } = await checkPin(request, tools)
      const { der, sha256 } = certificate
      const pin = { address: address.key, sha256, actor: request.actor, why: request.why, until, at: now() }
      await (await store()).trust.pin({ ...pin, der })
      const notes = [`${notAsked(certificate)}; "direct cert unpin ${address}" ends that`]
      return { ...pin, state: 'in-force', notes }
    },

    async remove(given, { sha256, actor }) {
      requireActor(actor)
      const address = givenAddress(given).key
      if (sha256 === undefined) return await (await store()).trust.unpin(address, null, { actor, at: now() })
      const start = fingerprintOf(sha256) ?? requireFingerprint(sha256)
      const { pins } = await trust.state()
      const ofAddress = pins.filter((pin) => pin.address === address).map((pin) => pin.sha256)
      const one = oneOf(ofAddress, start)
      return one === null ? 0 : await (await store()).trust.unpin(address, one, { actor, at: now() })
    },
  }
}
