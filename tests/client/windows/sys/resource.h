/* sys/resource.h -- see posix.h */
