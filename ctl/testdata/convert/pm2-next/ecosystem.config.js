// A Next.js site: one worker a CPU, reloaded at three in the morning.
module.exports = {
  apps: [
    {
      name: 'next-site',
      script: 'node_modules/next/dist/bin/next',
      args: 'start -p 3000',
      cwd: '/var/www/site',
      instances: 'max',
      exec_mode: 'cluster',
      autorestart: true,
      watch: false,
      max_memory_restart: '1G',
      cron_restart: '0 3 * * *',
      env: { NODE_ENV: 'development' },
      env_staging: { NODE_ENV: 'staging' },
      env_production: { NODE_ENV: 'production', PORT: 3000 },
    },
  ],
  deploy: {
    production: {
      user: 'node',
      host: ['10.0.0.1'],
      ref: 'origin/main',
      repo: 'git@example.org:site.git',
      path: '/var/www/site',
      'post-deploy': 'npm install && pm2 reload ecosystem.config.js --env production',
      env: { RELEASE: 'yes' },
    },
  },
};
