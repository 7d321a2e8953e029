/* stats.h -- what -m and -s print, on standard error */
#ifndef STATS_H
#define STATS_H

/* monitor: report collections; log: a line for each, on a terminal too. */
typedef struct { int monitor, log, summary; } stats_options_s;

extern void stats_start(const stats_options_s *options);
extern int stats_fuel(void);          /* procedure calls between samples */
extern void stats_sample(void);       /* called once per stats_fuel calls */
extern void stats_poll(void);         /* has there been a collection? */
extern double stats_clock(void);      /* 0 unless -s was given */
extern void stats_stall(double start);  /* time spent in one slow allocation */
extern double stats_now(void);        /* seconds since stats_start */
extern void stats_hide(void);         /* before anything else is written */
extern void stats_summary(void);

#endif
