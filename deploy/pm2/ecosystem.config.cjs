// Rekindle under PM2: `pm2 start ecosystem.config.cjs`, from the folder that holds its `.env` (API_KEYS, STORE_URL).
// One process: it uses all cores by itself, and PM2's cluster mode is for Node programs only.
module.exports = {
  apps: [
    {
      name: "rekindle",
      script: process.env.REKINDLE_BINARY || "/usr/local/bin/rekindle",
      args: "serve",
      interpreter: "none",
      exec_mode: "fork",
      instances: 1,
      // Settings that are not secret can be here; the others belong into the environment or `.env`.
      env: {
        HOST: "127.0.0.1",
        PORT: "3000",
        LOG_FORMAT: "json",
      },
      // PM2 stops it with SIGINT, which drains, and kills after this: more than twice DRAIN_TIMEOUT_MS (10 s).
      kill_timeout: 45000,
      autorestart: true,
      // 0: it was stopped. 78: a setting is missing or wrong. 2: the command line is wrong. Another start would not help.
      stop_exit_codes: [0, 2, 78],
      exp_backoff_restart_delay: 200,
      min_uptime: 10000,
      max_restarts: 10,
      // The lines have their own time.
      time: false,
      merge_logs: true,
    },
  ],
};
