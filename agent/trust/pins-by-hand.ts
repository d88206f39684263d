import { givenAddress } from '../given-address.ts'
import { requireActor, requireFingerprint } from './arguments.ts'
import { notAsked } from './changes.ts'
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
      const one = sha256 === undefined ? null : requireFingerprint(sha256)
      return await (await store()).trust.unpin(givenAddress(given).key, one, { actor, at: now() })
    },
  }
}
