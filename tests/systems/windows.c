/* windows.c -- what ports/windows relies on, against the headers of MinGW-w64
 *
 * Compiled for Windows on x86-64 and on IA-32 (tools/test-systems.sh); nothing runs. The values
 * on the right are those of the port: ports/windows/sys.rs.
 */

#define _WIN32_WINNT 0x0601     /* Windows 7, the first with InitializeContext */

#include <windows.h>
#include <stddef.h>
#include <stdio.h>

#define IS(what, value) _Static_assert((what) == (value), #what)
#define WORD_SIZE sizeof(void *)
#ifdef _WIN64
#define EITHER(x86_64, ia32) (x86_64)
#else
#define EITHER(x86_64, ia32) (ia32)
#endif
/* Is the function declared so? */
#define SAME(function, result, ...) \
  _Static_assert(__builtin_types_compatible_p(__typeof__(&function), result (WINAPI *)(__VA_ARGS__)), #function)

#ifdef windows_wrong            /* must not compile: the script tries */
IS(PAGE_READONLY, 1);
#endif
IS(PAGE_NOACCESS, 1);
IS(PAGE_READONLY, 2);
IS(PAGE_READWRITE, 4);
IS(MEM_COMMIT, 0x1000);
IS(MEM_RESERVE, 0x2000);
IS(MEM_DECOMMIT, 0x4000);
IS(MEM_RELEASE, 0x8000);
IS((DWORD)EXCEPTION_ACCESS_VIOLATION, 0xC0000005);
IS(EXCEPTION_READ_FAULT, 0);
IS(EXCEPTION_WRITE_FAULT, 1);
IS(EXCEPTION_CONTINUE_EXECUTION, -1);
IS(EXCEPTION_CONTINUE_SEARCH, 0);
IS(GET_MODULE_HANDLE_EX_FLAG_PIN, 1);
IS(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS, 4);
IS(DUPLICATE_SAME_ACCESS, 2);
IS(WAIT_OBJECT_0, 0);
IS(GENERIC_WRITE, 0x40000000);
IS(FILE_SHARE_READ, 1);
IS(CREATE_ALWAYS, 2);
IS(FILE_ATTRIBUTE_NORMAL, 0x80);
IS(INVALID_HANDLE_VALUE, (HANDLE)-1);

/* Structures. */
IS(sizeof(EXCEPTION_RECORD), EITHER(152, 80));
IS(offsetof(EXCEPTION_RECORD, ExceptionCode), 0);
IS(offsetof(EXCEPTION_RECORD, ExceptionFlags), 4);
IS(offsetof(EXCEPTION_RECORD, ExceptionRecord), 8);
IS(offsetof(EXCEPTION_RECORD, ExceptionAddress), 8 + WORD_SIZE);
IS(offsetof(EXCEPTION_RECORD, NumberParameters), 8 + 2 * WORD_SIZE);
IS(offsetof(EXCEPTION_RECORD, ExceptionInformation), EITHER(32, 20));
IS(EXCEPTION_MAXIMUM_PARAMETERS, 15);
IS(offsetof(EXCEPTION_POINTERS, ExceptionRecord), 0);
IS(offsetof(EXCEPTION_POINTERS, ContextRecord), WORD_SIZE);
IS(sizeof(MEMORY_BASIC_INFORMATION), EITHER(48, 28));
IS(offsetof(MEMORY_BASIC_INFORMATION, AllocationBase), WORD_SIZE);
IS(offsetof(MEMORY_BASIC_INFORMATION, RegionSize), 3 * WORD_SIZE);
IS(sizeof(SYSTEM_INFO), EITHER(48, 36));
IS(offsetof(SYSTEM_INFO, dwPageSize), 4);
IS(offsetof(NT_TIB, StackBase), WORD_SIZE);
IS(offsetof(NT_TIB, StackLimit), 2 * WORD_SIZE);
IS(offsetof(NT_TIB, Self), 6 * WORD_SIZE);
IS(sizeof(HANDLE), WORD_SIZE);
IS(sizeof(LARGE_INTEGER), 8);

/* Contexts. */
IS(sizeof(CONTEXT), EITHER(1232, 716));
IS(offsetof(CONTEXT, ContextFlags), EITHER(0x30, 0));
#ifdef _WIN64
IS(offsetof(CONTEXT, Rsp), 0x98);
IS(CONTEXT_CONTROL | CONTEXT_INTEGER | CONTEXT_FLOATING_POINT, 0x100000 | 1 | 2 | 8);
#else
IS(offsetof(CONTEXT, Esp), 0xC4);
IS(CONTEXT_CONTROL | CONTEXT_INTEGER | CONTEXT_FLOATING_POINT | CONTEXT_EXTENDED_REGISTERS,
   0x10000 | 1 | 2 | 8 | 0x20);
#endif
/* The headers have these for IA-32 alone, by this name; on x86-64 the same bits go with the
 * other processor's. */
IS(WOW64_CONTEXT_XSTATE, 0x10000 | 0x40);
IS(WOW64_CONTEXT_EXCEPTION_ACTIVE, 0x08000000);
IS(WOW64_CONTEXT_SERVICE_ACTIVE, 0x10000000);
IS(WOW64_CONTEXT_EXCEPTION_REQUEST, 0x40000000);
IS((DWORD)WOW64_CONTEXT_EXCEPTION_REPORTING, 0x80000000);
IS(XSTATE_MASK_AVX, 4);
IS(XSTATE_MASK_AVX512, 0xE0);

/* Functions. */
SAME(VirtualAlloc, LPVOID, LPVOID, SIZE_T, DWORD, DWORD);
SAME(VirtualFree, WINBOOL, LPVOID, SIZE_T, DWORD);
SAME(VirtualProtect, WINBOOL, LPVOID, SIZE_T, DWORD, PDWORD);
SAME(VirtualQuery, SIZE_T, LPCVOID, PMEMORY_BASIC_INFORMATION, SIZE_T);
SAME(GetSystemInfo, void, LPSYSTEM_INFO);
SAME(AddVectoredExceptionHandler, PVOID, ULONG, PVECTORED_EXCEPTION_HANDLER);
SAME(GetModuleHandleExW, WINBOOL, DWORD, LPCWSTR, HMODULE *);
SAME(GetLastError, DWORD, void);
SAME(SetLastError, void, DWORD);
SAME(GetCurrentProcess, HANDLE, void);
SAME(GetCurrentProcessId, DWORD, void);
SAME(GetCurrentThread, HANDLE, void);
SAME(GetCurrentThreadId, DWORD, void);
SAME(DuplicateHandle, WINBOOL, HANDLE, HANDLE, HANDLE, LPHANDLE, DWORD, WINBOOL, DWORD);
SAME(CloseHandle, WINBOOL, HANDLE);
SAME(SuspendThread, DWORD, HANDLE);
SAME(ResumeThread, DWORD, HANDLE);
SAME(GetThreadContext, WINBOOL, HANDLE, LPCONTEXT);
SAME(WaitForSingleObject, DWORD, HANDLE, DWORD);
SAME(SwitchToThread, WINBOOL, void);
SAME(Sleep, void, DWORD);
SAME(GetEnabledXStateFeatures, DWORD64, void);
SAME(InitializeContext, WINBOOL, PVOID, DWORD, PCONTEXT *, PDWORD);
SAME(SetXStateFeaturesMask, WINBOOL, PCONTEXT, DWORD64);
SAME(QueryPerformanceCounter, WINBOOL, LARGE_INTEGER *);
SAME(QueryPerformanceFrequency, WINBOOL, LARGE_INTEGER *);
SAME(CreateFileA, HANDLE, LPCSTR, DWORD, DWORD, LPSECURITY_ATTRIBUTES, DWORD, DWORD, HANDLE);
SAME(WriteFile, WINBOOL, HANDLE, LPCVOID, DWORD, LPDWORD, LPOVERLAPPED);
_Static_assert(__builtin_types_compatible_p(__typeof__(&__acrt_iob_func), FILE *(__cdecl *)(unsigned)),
               "__acrt_iob_func");
