/* mpsio.h -- where the telemetry stream goes (part of the plinth)
 *
 * The library provides these functions for hosted systems; a client may
 * provide its own instead.  They can be called with the arena lock held and
 * in a signal handler, so they must not call the MPS nor touch memory it
 * manages.  The library never calls two of them at once.
 */

#ifndef mpsio_h
#define mpsio_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mps_io_s *mps_io_t;      /* an open stream */

/* Open the stream; called when there is first something to write.
 * mps_io_o receives the stream, which belongs to the library until
 * mps_io_destroy.  Another result than MPS_RES_OK turns output off. */
extern mps_res_t mps_io_create(mps_io_t *mps_io_o);

/* Close the stream; it is not used again. */
extern void mps_io_destroy(mps_io_t mps_io);

/* Write size bytes from buf, all of them or report an error (MPS_RES_IO).
 * buf belongs to the caller. */
extern mps_res_t mps_io_write(mps_io_t mps_io, void *buf, size_t size);

/* Push out whatever the stream has buffered. */
extern mps_res_t mps_io_flush(mps_io_t mps_io);

#ifdef __cplusplus
}
#endif

#endif /* mpsio_h */
