import type { PostgresPlace } from '../../store/index.ts'
import { DirectError } from '../errors.ts'
import type { StoreSettings } from '../settings.ts'
import { readCa } from './mail.ts'

/** With its CA read. `offline`: the network is forbidden, and this machine alone is none. Throws FILE_UNREADABLE, NETWORK_FORBIDDEN. */
export async function postgresPlace(
  { ca, ...place }: StoreSettings,
  offline: boolean,
): Promise<PostgresPlace> {
  const { isLoopback } = await import('../../store/index.ts')
  if (offline && !isLoopback(place.host))
    throw new DirectError(
      'NETWORK_FORBIDDEN',
      `the store is on ${place.host}, and the network is forbidden`,
      {
        hint: 'Leave --no-network out.',
      },
    )
  return ca === undefined ? place : { ...place, ca: await readCa(ca) }
}
