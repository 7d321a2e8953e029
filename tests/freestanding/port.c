/* port.c -- the port hooks of mpsport.h on top of a host's libc
 *
 * The archive under test knows nothing of the host; this file stands for a
 * machine. It is also an example of a port: memory and protection, one
 * thread. With BARE it has neither, and only client arenas work. With STACK it
 * says where the thread's stack is, which a port may leave out.
 */

#define _GNU_SOURCE
#include "mpsport.h"
#include "port.h"

unsigned port_faults, port_maps, port_protects;

MPS_PORT_DEFINE
MPS_PORT_DEFINE_NO_FORK
MPS_PORT_DEFINE_NO_INTERRUPTS
MPS_PORT_DEFINE_ONE_THREAD

#ifdef STACK

#include <pthread.h>

int mps_port_thread_stack(void **base_o, void **limit_o)
{
  pthread_attr_t attr;
  size_t size;
  if (pthread_getattr_np(pthread_self(), &attr) != 0)
    return 5;
  pthread_attr_getstack(&attr, base_o, &size);
  pthread_attr_destroy(&attr);
  *limit_o = (char *)*base_o + size;
  return 0;
}

#endif /* STACK */

#ifdef BARE

MPS_PORT_DEFINE_NO_VM
MPS_PORT_DEFINE_NO_PROTECT

unsigned mps_port_capabilities(void) { return 0; }
size_t mps_port_page_size(void) { return 4096; }

#else /* BARE */

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

static mps_port_fault_t fault;

unsigned mps_port_capabilities(void) { return MPS_PORT_VM | MPS_PORT_PROTECT; }

size_t mps_port_page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

int mps_port_reserve(void **base_o, size_t size, size_t align)
{
  char *p, *base;
  if (size > ~(size_t)0 - align)
    return 2; /* the sum would wrap around */
  p = mmap(0, size + align, PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED)
    return 2;
  base = p + (align - (uintptr_t)p % align) % align;
  if (base > p)
    munmap(p, (size_t)(base - p));
  if (p + align > base)
    munmap(base + size, (size_t)(p + align - base));
  *base_o = base;
  return 0;
}

void mps_port_release(void *base, size_t size) { munmap(base, size); }

int mps_port_map(void *base, size_t size)
{
  ++port_maps;
  return mprotect(base, size, PROT_READ | PROT_WRITE) == 0 ? 0 : 3;
}

void mps_port_unmap(void *base, size_t size)
{
  mmap(base, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

int mps_port_protect(void *base, size_t size, int denied)
{
  int mode = denied & 1 ? PROT_NONE : denied & 2 ? PROT_READ : PROT_READ | PROT_WRITE;
  ++port_protects;
  return mprotect(base, size, mode) == 0 ? 0 : 3;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
#ifdef REG_ERR
  ucontext_t *uc = context;
  int is_write = (uc->uc_mcontext.gregs[REG_ERR] & 2) != 0;
#else
  int is_write = 1; /* when in doubt */
  (void)context;
#endif
  (void)sig;
  ++port_faults;
  if (!fault((size_t)info->si_addr, is_write))
    abort();
}

int mps_port_install_faults(mps_port_fault_t handler)
{
  struct sigaction sa = {0};
  fault = handler;
  sa.sa_sigaction = on_fault;
  sa.sa_flags = SA_SIGINFO | SA_NODEFER;
  return sigaction(SIGSEGV, &sa, 0) == 0 ? 0 : 1;
}

#endif /* BARE */
