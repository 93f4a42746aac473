// A small HTTP server as many are: it answers, tells of its signals, and on SIGTERM lets running requests end.
'use strict';
const http = require('http');
const fs = require('fs');

const address = process.env.LISTEN || '127.0.0.1:8080'; // HOST:PORT, or the path of a unix socket
const server = http.createServer((request, response) => {
  if (request.url === '/slow') { // answers after SIGTERM, when SLOW_MS are over
    console.log('slow request');
    response.on('finish', () => console.log('slow answered'));
    setTimeout(() => response.end('slow but whole\n'), Number(process.env.SLOW_MS || 500));
    return;
  }
  response.end(`hello from ${process.pid}, child of ${process.ppid}\n`);
});

const told = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGCONT', 'SIGWINCH', 'SIGPIPE', 'SIGIO'];
for (const name of told) process.on(name, () => console.log('got ' + name));

process.on('SIGTERM', () => {
  console.log('got SIGTERM, closing');
  server.close(() => {
    console.log('closed');
    process.exit(Number(process.env.STATUS || 0));
  });
  server.closeIdleConnections();
});

const ready = () => console.log(`ready as pid ${process.pid}, child of ${process.ppid}`);
if (address.startsWith('/')) {
  fs.rmSync(address, { force: true });
  server.listen(address, ready);
} else {
  const [host, port] = address.split(':');
  server.listen(Number(port), host, ready);
}
