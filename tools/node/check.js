// npm's scripts run on the Node that tools/node installs. Where that is missing, say so before anything else fails.
const [major] = process.versions.node.split('.')
if (Number(major) < 24) {
  console.error(`direct-agent: this is Node ${process.versions.node}; Node 24 or newer is needed.`)
  console.error('direct-agent: hint: run "npm ci" without --omit=optional, or put a Node 24 first on PATH.')
  process.exit(2)
}
