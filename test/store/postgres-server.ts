import type { TestProject } from 'vitest/node'
import { openStore } from '../../store/index.ts'
import { startPostgres } from '../services/postgres.ts'
import type {} from './places.ts'

/** One server for the run of the store's tests over PostgreSQL, and an empty store that all others are copies of. */
export default async function postgresServer(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres()
  const { host, port, user, password, administrator } = server
  const template = await server.database()
  const place = { host, port, user, database: template, password: async () => password }
  await (await openStore({ postgres: place }))[Symbol.asyncDispose]()
  project.provide('postgres', { host, port, user, password, template, administrator })
  return async () => server[Symbol.asyncDispose]()
}
