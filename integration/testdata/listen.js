// A server on descriptor 3, as LISTEN_FDS gives it, without Node's channel. SIGTERM: it finishes and ends.
const http = require('node:http')
if (process.env.LISTEN_PID !== String(process.pid) || process.env.LISTEN_FDS !== '1') {
  console.error(`LISTEN_PID is ${process.env.LISTEN_PID}, LISTEN_FDS ${process.env.LISTEN_FDS}, and we are ${process.pid}`)
  process.exit(1)
}
const server = http.createServer((request, response) => response.end(`${process.pid}\n`))
server.listen({ fd: 3 })
process.on('SIGTERM', () => server.close())
