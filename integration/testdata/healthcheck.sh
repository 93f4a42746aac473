#!/bin/sh
# A health check as they are found: it asks the server, and leaves a process behind that nobody waits for.
sh -c 'sleep 0.1; exit 7' &
exec node /app/request.js /
