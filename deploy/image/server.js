// An HTTP server that counts in a database, and lets running requests end when it is stopped.
'use strict';
const http = require('http');
const net = require('net');

// As much of Redis' protocol as one counter wants: who waits is answered in the order of the questions.
let connection;
const waiting = [];
function database() {
	if (connection) return connection;
	connection = net.connect(6379, '127.0.0.1');
	let text = '';
	connection.on('data', chunk => {
		text += chunk;
		for (let end; (end = text.indexOf('\r\n')) >= 0; text = text.slice(end + 2)) waiting.shift()(text.slice(1, end));
	});
	connection.on('error', error => console.error(`database: ${error.message}`));
	connection.on('close', () => {
		connection = undefined;
		for (const answer of waiting.splice(0)) answer();
	});
	return connection;
}

const server = http.createServer((request, response) => {
	waiting.push(hits => {
		response.statusCode = hits ? 200 : 503;
		response.end(`${process.env.VERSION} ${process.env.GOINIT_WORKER}\n`);
	});
	database().write('INCR hits\r\n');
});
server.listen(Number(process.env.PORT), () => console.log(`listening on ${process.env.PORT}`));
process.on('SIGTERM', () => server.close(() => {
	console.log('closed');
	if (connection) connection.end();
}));
