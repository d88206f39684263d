import type { Tx } from '../schema.ts'

/** Version 7: by what each message was sealed or opened. */
export async function algorithms(tx: Tx): Promise<void> {
  await tx.schema.alterTable('recipients').addColumn('algorithms', 'text').execute()
  await tx.schema.alterTable('audit').addColumn('algorithms', 'text').execute()
}
