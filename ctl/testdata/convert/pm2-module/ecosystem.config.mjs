// An ES module, as frameworks of today generate it.
import os from 'node:os'

const name = 'nuxt'

export default {
  apps: [
    {
      name,
      port: '3000',
      exec_mode: 'cluster',
      instances: Math.max(1, os.cpus().length * 0 + 2),
      script: './.output/server/index.mjs',
      instance_var: 'INSTANCE_ID',
      filter_env: ['AWS_'],
      log_type: 'json',
      source_map_support: true,
    },
    { name: 'nuxt', script: 'server.ts', interpreter: 'node@20.11.0', disable_logs: true },
  ],
}
