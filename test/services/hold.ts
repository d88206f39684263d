/** Run by process.test.ts: starts a server, says where it is, and waits to be killed. */
import { join } from 'node:path'
import { freePorts, privateFolder, startProcess } from './process.ts'

const folder = await privateFolder('hold')
const [port = 0] = await freePorts(1)
await startProcess({
  command: process.execPath,
  args: ['-e', `require('net').createServer().listen(${port}, '127.0.0.1')`],
  folder,
  logFile: join(folder, 'log'),
  ports: [port],
})
console.log(JSON.stringify({ folder, port }))
if (process.argv[2] === 'throw') throw new Error('on purpose')
setInterval(() => undefined, 1000)
