import { type LimitNode, SqliteQueryCompiler } from 'kysely'

/** kysely's SQL for SQLite, so that what was prepared once stays so. */
export class NodeSqliteCompiler extends SqliteQueryCompiler {
  /**
   * SQLite looks at a LIMIT that is bound by itself to plan by it, and prepares the statement anew for each value
   * (sqlite.org/qpsg.html), which takes ten times as long as running it. A sum is not looked at.
   */
  protected override visitLimit({ limit }: LimitNode): void {
    this.append('limit 0 + ')
    this.visitNode(limit)
  }
}
