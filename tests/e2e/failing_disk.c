/* Makes the n-th write below a folder fail, in whichever process it happens. For LD_PRELOAD.

   FAIL_BELOW  the folder           FAIL_AT     which call fails, counted from 1 over all processes; 0: none
   FAIL_WITH   the error's number   FAIL_ON     1: every call from then on fails (a disk that is full), 0: one alone
   FAIL_COUNT  a file of 8 bytes in which all processes count                                                        */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic long *counter(void) {
    static _Atomic long *shared;
    const char *path = getenv("FAIL_COUNT");
    if (!shared && path) {
        int (*really_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
        int file = really_open(path, O_RDWR);
        if (file >= 0) {
            void *place = mmap(NULL, 8, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            if (place != MAP_FAILED) shared = place;
            close(file);
        }
    }
    return shared;
}

static int fails(int descriptor) {
    const char *below = getenv("FAIL_BELOW");
    char link[64], target[4096];
    if (!below || !counter()) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, target, sizeof target - 1);
    if (size <= 0) return 0;
    target[size] = 0;
    if (strncmp(target, below, strlen(below))) return 0;
    long number = atomic_fetch_add(counter(), 1) + 1, at = atol(getenv("FAIL_AT"));
    if (!at || number < at || (number > at && !atoi(getenv("FAIL_ON")))) return 0;
    errno = atoi(getenv("FAIL_WITH"));
    return 1;
}

#define FAILING(type, name, parameters, arguments)                      \
    type name parameters {                                              \
        type(*really) parameters = dlsym(RTLD_NEXT, #name);             \
        return fails(descriptor) ? (type)-1 : really arguments;         \
    }

FAILING(ssize_t, write, (int descriptor, const void *data, size_t size), (descriptor, data, size))
FAILING(ssize_t, writev, (int descriptor, const struct iovec *data, int n), (descriptor, data, n))
FAILING(ssize_t, pwrite, (int descriptor, const void *data, size_t size, off_t at), (descriptor, data, size, at))
FAILING(ssize_t, pwrite64, (int descriptor, const void *data, size_t size, off64_t at), (descriptor, data, size, at))
FAILING(int, fsync, (int descriptor), (descriptor))
FAILING(int, fdatasync, (int descriptor), (descriptor))
FAILING(int, ftruncate, (int descriptor, off_t size), (descriptor, size))
FAILING(int, ftruncate64, (int descriptor, off64_t size), (descriptor, size))
