/* sys/mman.h -- see posix.h */
