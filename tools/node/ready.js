// Makes a fresh clone ready: installs what package-lock.json names where that has not been done, and makes sure
// that npm's scripts will find Node 24. Runs on whatever Node npm itself runs on, so it keeps to old syntax.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const root = new URL('../../', import.meta.url)
const installed = new URL('node_modules/.package-lock.json', root)

function stop(what, hint) {
  console.error(`direct-agent: ${what}`)
  console.error(`direct-agent: hint: ${hint}`)
  process.exit(2)
}

if (!existsSync(installed)) {
  const npm = process.env.npm_execpath
  if (!npm) stop('the dependencies are not installed', 'run "npm ci" first.')
  console.error('direct-agent: installing the dependencies (npm ci) …')
  try {
    execFileSync(process.execPath, [npm, 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    })
  } catch {
    stop('npm ci failed', 'read its message above; the npm registry must be in reach.')
  }
}

let version = 'none'
try {
  // By PATH, as the scripts will find it: npm puts node_modules/.bin first.
  version = execFileSync('node', ['--version'], { encoding: 'utf8' }).trim()
} catch {}
if (Number(/^v(\d+)\./.exec(version)?.[1] ?? 0) < 24)
  stop(
    `npm's scripts would run on Node ${version}; Node 24 or newer is needed`,
    'run "npm ci" without --omit=optional, or put a Node 24 first on PATH.',
  )
