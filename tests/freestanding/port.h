/* port.h -- what the test program asks of its port */
#ifndef port_h
#define port_h

extern unsigned port_faults;   /* denied accesses seen */
extern unsigned port_maps;     /* calls of mps_port_map */
extern unsigned port_protects; /* calls of mps_port_protect */

#endif
