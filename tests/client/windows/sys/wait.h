/* sys/wait.h -- see posix.h */
