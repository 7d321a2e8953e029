/* posix.h -- what client programs use of POSIX, on Windows
 *
 * Included before all else (tools/test-systems.sh). There is no fork: programs that need it
 * are left out by name there. MinGW-w64 has threads and the rest.
 */

#ifndef posix_h
#define posix_h

#include <windows.h>
#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <setjmp.h>
#include <stdlib.h>
#include <unistd.h>

/* Words that programs use, and windows.h defines as nothing. */
#undef near
#undef far

/* No signals, so no mask to keep. */
#define sigjmp_buf jmp_buf
#define sigsetjmp(buf, mask) setjmp(buf)
#define siglongjmp(buf, value) longjmp(buf, value)

/* sys/mman.h */
#define PROT_NONE 0
#define PROT_READ 1
#define PROT_WRITE 2
#define MAP_PRIVATE 2
#define MAP_FIXED 0x10
#define MAP_ANONYMOUS 0x20
#define MAP_NORESERVE 0x4000
#define MAP_FAILED ((void *)-1)

static inline DWORD posix_mode(int prot)
{
  return prot & PROT_WRITE ? PAGE_READWRITE : prot & PROT_READ ? PAGE_READONLY : PAGE_NOACCESS;
}

static inline void *mmap(void *addr, size_t size, int prot, int flags, int fd, long off)
{
  void *p;
  (void)fd; (void)off;
  p = VirtualAlloc(addr, size, prot == PROT_NONE && (flags & MAP_NORESERVE) ? MEM_RESERVE
                               : MEM_RESERVE | MEM_COMMIT, posix_mode(prot));
  return p == NULL ? MAP_FAILED : p;
}

/* Of all that one mmap gave. */
static inline int munmap(void *addr, size_t size)
{
  (void)size;
  return VirtualFree(addr, 0, MEM_RELEASE) ? 0 : -1;
}

static inline int mprotect(void *addr, size_t size, int prot)
{
  DWORD old;
  return VirtualProtect(addr, size, posix_mode(prot), &old) ? 0 : -1;
}

/* Is there an allocation? */
static inline int mincore(void *addr, size_t size, unsigned char *out)
{
  MEMORY_BASIC_INFORMATION m;
  (void)size; (void)out;
  return VirtualQuery(addr, &m, sizeof m) != 0 && m.State != MEM_FREE ? 0 : -1;
}

/* sys/resource.h: there are no limits to set (MPS_TEST_NO_RLIMIT) */
struct rlimit { size_t rlim_cur, rlim_max; };
#define RLIMIT_DATA 2
static inline int setrlimit(int what, const struct rlimit *limit)
{
  (void)what; (void)limit;
  return -1;
}

/* unistd.h, stdlib.h */
#define _SC_PAGESIZE 1
static inline long sysconf(int what)
{
  SYSTEM_INFO s;
  (void)what;
  GetSystemInfo(&s);
  return (long)s.dwPageSize;
}

static inline int pipe(int *fd)
{
  return _pipe(fd, 4096, _O_BINARY);
}

static inline unsigned alarm(unsigned seconds)  /* run.sh has a limit of its own */
{
  (void)seconds;
  return 0;
}

static inline int setenv(const char *name, const char *value, int replace)
{
  (void)replace;
  return _putenv_s(name, value);
}

static inline int unsetenv(const char *name)
{
  return _putenv_s(name, "");
}

static inline int posix_memalign(void **p_o, size_t align, size_t size)
{
  *p_o = _aligned_malloc(size, align);          /* never freed */
  return *p_o == NULL;
}

#endif /* posix_h */
