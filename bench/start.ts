/** How long a command takes from cold: the built command line, in processes of their own, beside `node -e 0`. */
import { spawnSync } from 'node:child_process'
import { built } from './built.ts'
import { TO } from './clinics.ts'
import { contest } from './harness/contest.ts'
import { compare } from './harness/figures.ts'
import type { Part } from './harness/part.ts'

const ROUNDS = 11
const BARE = 'node -e 0'
const VERSION = 'direct --version'

const measure: Part = async ({ dir, quick, tell }) => {
  tell('building the command line')
  const { main, config } = await built(dir)
  tell('starts')
  const contenders = [
    { name: BARE, run: () => run(['-e', '0']) },
    { name: VERSION, run: () => run([main, '--version']) },
    { name: 'direct --help', run: () => run([main, '--help']) },
    {
      name: 'direct classify',
      run: () => run([main, 'classify', TO, '--config', config.a, '--no-network']),
    },
  ]
  return [
    {
      title: 'A command from cold',
      unit: 'ms',
      figures: [
        compare('start', await contest(contenders, { rounds: quick ? 1 : ROUNDS }), [
          { of: VERSION, timesThatOf: BARE, bound: 'at most', wanted: 1.5 },
        ]),
      ],
      note: null,
    },
  ]
}
export default measure

function run(args: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}
