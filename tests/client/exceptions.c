/* exceptions.c -- Windows: who gets which exception, and threads that come and go
 *
 * Only for Windows (run.sh, EXE), where it takes the place of sigsegv.c and handlers.c.
 */

#include "world.h"

#ifdef HAVE_MPSX
#include "mpsx.h"
#endif

/* --- a store under a handler of its frame, which passes over it and answers 1 --- */

int guarded_store(volatile word *p, word value);
extern char guarded_after[];

static volatile int frames_called;

EXCEPTION_DISPOSITION frame_handler(EXCEPTION_RECORD *record, void *frame, CONTEXT *context,
                                    void *dispatcher);
EXCEPTION_DISPOSITION frame_handler(EXCEPTION_RECORD *record, void *frame, CONTEXT *context,
                                    void *dispatcher)
{
  (void)frame; (void)dispatcher;
  if (record->ExceptionCode != EXCEPTION_ACCESS_VIOLATION)
    return ExceptionContinueSearch;
  ++frames_called;
#ifdef _WIN64
  context->Rip = (DWORD64)(word)guarded_after;
  context->Rax = 1;
#else
  context->Eip = (DWORD)guarded_after;
  context->Eax = 1;
#endif
  return ExceptionContinueExecution;
}

#ifdef _WIN64
__asm__(
  ".text\n"
  ".globl guarded_store\n"
  ".globl guarded_after\n"
  ".seh_proc guarded_store\n"
  ".seh_handler frame_handler, @except\n"
  "guarded_store:\n"
  "  subq $40, %rsp\n"
  "  .seh_stackalloc 40\n"
  "  .seh_endprologue\n"
  "  xorl %eax, %eax\n"
  "  movq %rdx, (%rcx)\n"
  "guarded_after:\n"
  "  nop\n"
  "  addq $40, %rsp\n"
  "  ret\n"
  ".seh_endproc\n"
);
#else
__asm__(
  ".text\n"
  ".globl _guarded_store\n"
  ".globl _guarded_after\n"
  "_guarded_store:\n"
  "  pushl $_frame_handler\n"
  "  pushl %fs:0\n"
  "  movl %esp, %fs:0\n"
  "  movl 12(%esp), %ecx\n"
  "  movl 16(%esp), %edx\n"
  "  xorl %eax, %eax\n"
  "  movl %edx, (%ecx)\n"
  "_guarded_after:\n"
  "  movl (%esp), %ecx\n"
  "  movl %ecx, %fs:0\n"
  "  addl $8, %esp\n"
  "  ret\n"
);
#endif

/* --- an object that is write protected --- */

static word hits(void)
{
  mps_x_stats_s s;
  s.struct_size = sizeof s;
  CHECK_OK(mps_x_stats(arena, &s));
  return s.barrier_hits_read + s.barrier_hits_write;
}

static obj_t protected_object(void)
{
  int i;
  world();
  for (i = 0; i < KEEP; ++i) {
    obj_t o = obj_new(ap, 0, KIND_VECTOR, 4, (word)i);
    o->slot[0] = (word)keep[i / 2];
    keep[i] = o;
  }
  CHECK_OK(mps_arena_collect(arena));
  CHECK_OK(mps_arena_collect(arena));
  mps_arena_release(arena);
  return keep[KEEP - 1];
}

/* --- cases --- */

static void frames(void)
{
  obj_t o = protected_object();
  word before = hits();
  volatile word *wild = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE, -1, 0);
  CHECK_EQ(guarded_store(&o->slot[1], number(7)), 0);
  CHECK_EQ(o->slot[1], number(7));
  CHECK_EQ(frames_called, 0);
  CHECK(hits() > before);
  CHECK_EQ(guarded_store(wild, 7), 1);
  CHECK_EQ(frames_called, 1);
}

static volatile word *page;
static volatile int opened, others;

static LONG WINAPI opens_page(EXCEPTION_POINTERS *x)
{
  if (x->ExceptionRecord->ExceptionCode != EXCEPTION_ACCESS_VIOLATION)
    return EXCEPTION_CONTINUE_SEARCH;
  if (x->ExceptionRecord->ExceptionInformation[1] != (ULONG_PTR)page) {
    ++others;
    return EXCEPTION_CONTINUE_SEARCH;
  }
  ++opened;
  return mprotect((void *)page, 4096, PROT_READ | PROT_WRITE) == 0
         ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}

static void vectored(void)
{
  obj_t o = protected_object();
  word before = hits();
  page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE, -1, 0);
  CHECK(AddVectoredExceptionHandler(0, opens_page) != NULL);    /* behind the library's */
  *page = 5;
  CHECK(*page == 5 && opened == 1);
  o->slot[1] = number(9);
  CHECK(hits() > before && others == 0);
}

static void last_error(void)
{
  obj_t o = protected_object();
  word before = hits();
  SetLastError(4711);
  o->slot[1] = number(3);
  CHECK_EQ(GetLastError(), 4711);
  CHECK(hits() > before);
}

static void wild(void)
{
  (void)protected_object();
  *(volatile word *)mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE, -1, 0) = 1;
}

static LONG WINAPI sees_overflow(EXCEPTION_POINTERS *x)
{
  if (x->ExceptionRecord->ExceptionCode == EXCEPTION_STACK_OVERFLOW)
    ExitProcess(7);
  return EXCEPTION_CONTINUE_SEARCH;
}

static int deeper(volatile char *p, int depth)
{
  volatile char here[512];
  here[0] = p == NULL ? 1 : p[0];
  return depth < 0 ? here[0] : deeper(here, depth + 1) + here[0];
}

static int (*volatile deep)(volatile char *, int) = deeper;

static void overflow(void)
{
  (void)protected_object();
  CHECK(AddVectoredExceptionHandler(0, sees_overflow) != NULL);
  (void)(*deep)(NULL, 0);
}

static const case_s deaths[] = {{"wild", wild}, {"overflow", overflow}};

/* How a process ends that does this. */
static DWORD ends(const char *how)
{
  char program[MAX_PATH];
  STARTUPINFOA start;
  PROCESS_INFORMATION info;
  DWORD code;
  memset(&start, 0, sizeof start);
  start.cb = sizeof start;
  CHECK(GetModuleFileNameA(NULL, program, sizeof program) != 0);
  CHECK_EQ(setenv("MPS_TEST_DIES", how, 1), 0);
  CHECK(CreateProcessA(program, NULL, NULL, NULL, FALSE, 0, NULL, NULL, &start, &info));
  CHECK_EQ(WaitForSingleObject(info.hProcess, INFINITE), WAIT_OBJECT_0);
  CHECK(GetExitCodeProcess(info.hProcess, &code));
  return code;
}

static void ends_wild(void)
{
  CHECK_EQ(ends("wild"), (DWORD)EXCEPTION_ACCESS_VIOLATION);
}

static void ends_overflow(void)
{
  CHECK_EQ(ends("overflow"), 7);
}

static mps_thr_t forgotten;
static mps_root_t forgotten_root;

static DWORD WINAPI registers_and_ends(void *arg)
{
  (void)arg;
  CHECK_OK(mps_thread_reg(&forgotten, arena));
  CHECK_OK(mps_x_root_create_stack(&forgotten_root, arena, forgotten));
  return 0;
}

static void ended(void)
{
  HANDLE t;
  size_t n;
  (void)protected_object();
  for (n = 0; n < 20; ++n) {
    t = CreateThread(NULL, 0, registers_and_ends, NULL, 0, NULL);
    CHECK(t != NULL && WaitForSingleObject(t, INFINITE) == WAIT_OBJECT_0);
    CHECK(CloseHandle(t));
    CHECK_OK(mps_arena_collect(arena));
    mps_root_destroy(forgotten_root);
    mps_thread_dereg(forgotten);
  }
}

static void handles_go_back(void)
{
  DWORD before, after;
  size_t n;
  mps_thr_t t;
  world();
  CHECK_OK(mps_thread_reg(&t, arena));
  mps_thread_dereg(t);
  CHECK(GetProcessHandleCount(GetCurrentProcess(), &before));
  for (n = 0; n < 5000; ++n) {          /* 64 KB of addresses each, if they did not */
    CHECK_OK(mps_thread_reg(&t, arena));
    mps_thread_dereg(t);
  }
  CHECK(GetProcessHandleCount(GetCurrentProcess(), &after));
  CHECK_EQ(after, before);
}

static void *thread_fiber;

static void CALLBACK on_fiber(void *arg)
{
  (void)arg;
  reports_leave = 1;
  REPORTED((void)mps_arena_collect(arena));
  fflush(stdout);
  _exit(0);
}

static void fiber(void)
{
  mps_thr_t t;
  mps_root_t r;
  (void)protected_object();
  CHECK_OK(mps_thread_reg(&t, arena));
  CHECK_OK(mps_x_root_create_stack(&r, arena, t));
  thread_fiber = ConvertThreadToFiber(NULL);
  CHECK(thread_fiber != NULL);
  SwitchToFiber(CreateFiber(0, on_fiber, NULL));
  CHECK(!"back from the fiber");
}

static const case_s cases[] = {
  {"a frame's handler gets what is not the library's, and nothing else", frames},
  {"so does a vectored handler behind the library's", vectored},
  {"the last error outlives a barrier hit", last_error},
  {"a wild access ends the program", ends_wild},
  {"stack overflow comes to its handler", ends_overflow},
  {"a thread that has ended is no obstacle", ended},
  {"handles and memory of threads go back", handles_go_back},
  {"a thread that runs a fiber is reported", fiber},
};

int main(void)
{
  const char *how = getenv("MPS_TEST_DIES");
  size_t i;
  SetErrorMode(SEM_NOGPFAULTERRORBOX);
  test_begin("exceptions");
  for (i = 0; how != NULL && i < sizeof deaths / sizeof deaths[0]; ++i)
    if (strcmp(how, deaths[i].name) == 0) {
      deaths[i].run();
      return 1;
    }
  return CASES_RUN(cases);
}
