// Package schedule knows when: the five fields of cron, time zones, and whether somebody has set the clock.
//
// An Expression is parsed once, and asked for the instant after another one; it has no state and no timer. Local time is
// not what one wishes (an hour is skipped in spring and comes twice in autumn), and so:
//
//   - with an hour of *, the expression goes by real time: "*/5 * * * *" comes every five minutes, whatever is done to the
//     clocks, and "30 * * * *" every hour;
//   - with hours that are named, a time comes once a day: one in the skipped hour at the end of the gap, one in the hour
//     that comes twice in the first of them.
//
// That is the rule of Debian's cron(8). Nothing here knows of apps; spec checks expressions with it, supervise asks it for
// the next one.
package schedule
