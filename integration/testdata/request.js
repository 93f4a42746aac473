// Gets a path from the server and prints the answer; status 0 if there is one. usage: node request.js [PATH]
'use strict';
const http = require('http');

const address = process.env.LISTEN || '127.0.0.1:8080';
const [host, port] = address.split(':');
const path = process.argv[2] || '/';
const request = http.get(address.startsWith('/') ? { socketPath: address, path } : { host, port, path }, (response) => {
  response.pipe(process.stdout);
  response.on('end', () => { process.exitCode = response.statusCode === 200 ? 0 : 1; });
});
request.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
