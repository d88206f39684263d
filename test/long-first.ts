import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Real servers and many processes. */
const LONG = ['/test/faults/', '/test/docs/', '/test/interop/']

/**
 * Files that take long come first: begun last, they would go on alone. Vitest knows how long a file takes from an earlier
 * run, which a clean checkout has not.
 */
export default class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONG.findIndex((folder) => moduleId.includes(folder))
      return at === -1 ? LONG.length : at
    }
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b))
  }
}
