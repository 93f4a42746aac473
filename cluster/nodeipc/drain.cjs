// goinit loads this into the workers of a Node cluster (NODE_OPTIONS=--require=…; node_preload: false switches it off).
//
// Why: when a worker is to be replaced, module cluster closes its servers, and with them, since Node 19, at once every
// connection that is idle. A request that a keep-alive client has just sent on one of these is lost. Node 18 closes none,
// and busy clients never let go. So from that moment on, each answer says "Connection: close", by which a client learns that
// it needs a new connection before it sends anything more; and connections that stay idle are closed only when nothing has
// come for a second, as are those that were never used (browsers open some ahead of time), which Node does not call idle.
// The same for a worker that says {act: 'suicide'}: it closes its servers before it can be told anything.
// Until then nothing here is in the way of a request.
'use strict';

const cluster = process.channel ? require('cluster') : null;

if (cluster && cluster.isWorker) {
  const net = require('net');
  const sessions = new Set(); // of HTTP/2: Node 24 closes them with their server, those before do not
  const secure = new WeakMap(); // the TLS in a socket

  const note = (name, what) => {
    if (name === 'session' && typeof what.goaway === 'function' && typeof what.close === 'function') { // others have sessions too
      what.once('close', () => sessions.delete(what));
      sessions.add(what);
    } else if (name === 'secureConnection' && what._parent) secure.set(what._parent, what);
  };
  const { emit } = net.Server.prototype;
  net.Server.prototype.emit = function (...args) {
    if (args[0] === 'session' || args[0] === 'secureConnection') harmless(() => note(...args));
    return emit.apply(this, args);
  };

  let begun = false;
  const begin = () => {
    if (begun) return;
    begun = true;
    process.removeListener('internalMessage', listen);
    harmless(() => drain(net, sessions, secure));
  };
  const listen = message => {
    if (message && message.cmd === 'NODE_CLUSTER' && message.act === 'disconnect') begin();
  };
  process.prependListener('internalMessage', listen); // ahead of module cluster's own
  const { send } = process;
  process.send = function (message, ...rest) {
    if (message && message.act === 'suicide' && !message.cmd) begin();
    return send.call(this, message, ...rest);
  };
}

// harmless is for what we do in the midst of a program, which is none the worse if it cannot be done.
function harmless(f) {
  try { f(); } catch { /* as without us */ }
}

function drain(net, sessions, secure) {
  const http = require('http');
  const kinds = [http.Server];
  const quietTime = 1000, period = 250; // ms
  const servers = new Map(); // that are being closed: what was last seen of their connections

  const { writeHead } = http.ServerResponse.prototype;
  http.ServerResponse.prototype.writeHead = function (status, ...rest) {
    harmless(() => {
      if (this.headersSent || Number(status) === 101) return;
      this.shouldKeepAlive = false;
      this._removedConnection = false; // Node says nothing where this is true, and closes all the same
      if (this.hasHeader('connection')) this.setHeader('Connection', 'close');
      rest = rest.map(withoutConnection); // Node obeys what is given here, and a proxy gives its upstream's
    });
    return writeHead.call(this, status, ...rest);
  };

  const closeIdle = http.Server.prototype.closeIdleConnections; // since 18.2
  const later = function () { if (!servers.has(this)) servers.set(this, {}); };
  if (closeIdle) {
    http.Server.prototype.closeIdleConnections = later;
    harmless(() => { // there are Nodes without TLS
      const https = require('https');
      https.Server.prototype.closeIdleConnections = later;
      kinds.push(https.Server);
    });
  }
  const { close } = net.Server.prototype;
  net.Server.prototype.close = function (...args) {
    if (typeof this.closeIdleConnections === 'function') later.call(this);
    return close.apply(this, args);
  };

  for (const session of sessions) harmless(() => session.close());

  const look = () => {
    const now = Date.now();
    const seen = new Map();
    const unused = new Map(Array.from(servers.keys(), server => [server, []])); // sockets on which nothing has come
    const visit = socket => {
      const { server } = socket;
      if (!server) return;
      seen.set(server, (seen.get(server) || 0) + 1 + (socket.bytesRead || 0));
      if (!servers.has(server) || !kinds.some(kind => server instanceof kind)) return; // elsewhere clients may wait for a word
      const inner = secure.get(socket) || socket; // a handshake under way has come
      if (inner.bytesRead === 0 && !inner._httpMessage) unused.get(server).push(inner);
    };
    for (const socket of process._getActiveHandles()) harmless(() => visit(socket));
    for (const [server, last] of servers) {
      const sum = seen.get(server) || 0;
      if (sum !== last.sum) servers.set(server, { sum, since: now });
      else if (now - last.since >= quietTime) { // else a client of many connections may be about to use one
        if (closeIdle) harmless(() => closeIdle.call(server));
        for (const socket of unused.get(server)) harmless(() => socket.destroy());
      }
    }
  };
  // After what has come was read: when a long computation ends, timers are first.
  setInterval(() => setImmediate(() => harmless(look)).unref(), period).unref();
}

// withoutConnection is the headers as writeHead takes them, an object, a list of names and values, or one of pairs, but for
// Connection. They may be another answer's too, so what has to lose something is copied.
function withoutConnection(headers) {
  const is = name => typeof name === 'string' && name.toLowerCase() === 'connection';
  if (!headers || typeof headers !== 'object') return headers;
  if (!Array.isArray(headers)) {
    const names = Object.keys(headers);
    return names.some(is) ? Object.fromEntries(names.filter(name => !is(name)).map(name => [name, headers[name]])) : headers;
  }
  if (Array.isArray(headers[0])) return headers.filter(pair => !is(pair && pair[0]));
  return headers.filter((_, i) => !is(headers[i - i % 2]));
}
