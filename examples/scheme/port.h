/* port.h -- input and output, the reader and the printer */
#ifndef PORT_H
#define PORT_H

#include "object.h"

enum port_kind { PORT_STDOUT, PORT_STDERR, PORT_STDIN, PORT_OUT_STRING,
                 PORT_IN_STRING, PORT_FILE };

extern void port_init(void);
extern void port_finish(void);          /* closes what is open */
extern obj_t port_stdout(void), port_stderr(void), port_stdin(void);
extern obj_t make_port(enum port_kind kind, obj_t buffer);
extern enum port_kind port_kind(obj_t port);

/* A port that writes to a file.  It is closed by port_close, or after the
 * program has dropped it. */
extern obj_t port_open_file(const char *name);
extern void port_close(obj_t port);
extern size_t port_files(void);         /* files that are open */

extern int port_peek(obj_t port);               /* EOF at the end */
extern int port_getc(obj_t port);
extern void port_putc(obj_t port, int c);
extern void port_puts(obj_t port, const char *text);  /* not in the heap */
extern void port_put_string(obj_t port, obj_t string);

extern void print(obj_t port, obj_t x, int write);    /* print.c */
extern void print_error(obj_t condition);             /* on standard error */
extern obj_t read_datum(obj_t port);                  /* reader.c */

#endif
