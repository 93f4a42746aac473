// An HTTP server that lets running requests end when it is stopped.
'use strict';
const http = require('http');

const server = http.createServer((request, response) => response.end('hello\n'));
server.listen(Number(process.env.PORT), () => console.log(`listening on ${process.env.PORT}`));
process.on('SIGTERM', () => server.close(() => console.log('closed')));
