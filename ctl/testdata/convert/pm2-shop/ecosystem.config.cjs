// The back end of a shop: an API, workers of a queue, a nightly report, and the tool that watches the build.
const path = require('path')
const base = { cwd: '/srv/shop', time: true, merge_logs: true, error_file: 'logs/err.log', out_file: 'logs/out.log' }

module.exports = {
  apps: [
    { ...base, name: 'shop-api', script: path.posix.join('dist', 'main.js'), instances: 4, wait_ready: true, listen_timeout: 10000, kill_timeout: 5000,
      node_args: '--max-old-space-size=512 --require ./tracing.js', env: { PORT: 3000, FEATURES: { search: true, pay: [1, 2] } } },
    { ...base, name: 'Queue Worker', script: './dist/worker.js', exec_mode: 'fork', instances: 2, increment_var: 'METRICS_PORT',
      env: { METRICS_PORT: 9200, NODE_ENV: 'production' }, min_uptime: '10s', max_restarts: 10, restart_delay: 4000 },
    { ...base, name: 'report', script: 'dist/report.js', autorestart: false, cron_restart: '30 2 * * 1-5', args: ['--to', 'boss@example.org', '--subject', "day's report"] },
    { ...base, name: 'build', script: 'npm', args: 'run build -- --watch', watch: ['src', 'package.json'], watch_delay: 1000,
      ignore_watch: ['node_modules', /[\/\\]\./, '*.log'], watch_options: { followSymlinks: false, usePolling: true }, namespace: 'tools', onExit() {} },
  ],
}
