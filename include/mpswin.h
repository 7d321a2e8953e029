/* mpswin.h -- <windows.h> for clients of the library on Windows
 *
 * Nothing but the inclusion; no other public header needs it.
 */

#ifndef mpswin_h
#define mpswin_h

#include <windows.h>

#endif /* mpswin_h */
