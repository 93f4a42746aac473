// What everybody writes first. It knows of nobody who keeps it running: BENCH_LISTENING is a file that counts who listens.
const http = require('http')
const pid = String(process.pid)
const server = http.createServer((q, r) => {
  if (q.url === '/slow') setTimeout(() => r.end(pid), 200)
  else r.end(pid)
})
const listening = () => require('fs').appendFileSync(process.env.BENCH_LISTENING, pid + '\n')
server.listen(+process.env.BENCH_PORT, '127.0.0.1', () => {
  if (!process.env.BENCH_PLAIN) return listening()
  const plain = require('net').createServer(c => c.on('error', () => {}).end(pid)) // who connects is told the pid, and that is all
  plain.listen(+process.env.BENCH_PLAIN, '127.0.0.1', listening)
})
// As PM2's documentation has it, under "graceful shutdown".
if (process.env.BENCH_GRACEFUL) process.on('SIGINT', () => server.close(() => process.exit(0)))
