// Node's own cluster as its documentation has it: workers that end are forked again; to reload, for each worker a new one is
// forked, and when that listens, the old one is disconnected, and has 3 s. It is told what to do by lines: reload, scale N.
const cluster = require('cluster')
const [server, workers, policy] = process.argv.slice(2)
cluster.schedulingPolicy = policy === 'none' ? cluster.SCHED_NONE : cluster.SCHED_RR
cluster.setupPrimary({ exec: server })
cluster.on('exit', w => { if (!w.exitedAfterDisconnect) cluster.fork() })
const come = () => new Promise(done => cluster.fork().once('listening', done))
const go = w => new Promise(done => {
  const late = setTimeout(() => w.process.kill('SIGKILL'), 3000)
  w.once('exit', () => { clearTimeout(late); done() })
  w.disconnect()
})
const all = () => Object.values(cluster.workers)
for (let i = 0; i < +workers; i++) cluster.fork()
require('readline').createInterface({ input: process.stdin }).on('line', async line => {
  const [verb, n] = line.split(' ')
  if (verb === 'reload') {
    for (const w of all()) { await come(); await go(w) }
  } else {
    const more = +n - all().length
    await Promise.all(more > 0 ? Array.from({ length: more }, come) : all().slice(more).map(go))
  }
  console.log('done')
})
