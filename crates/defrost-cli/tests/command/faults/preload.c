// Loaded before the C library: counts what a process does to files in its working folder and its large allocations, and lets one of
// these calls fail.
//
// FAULT_COUNT names the file for both numbers; FAULT_AT is the number of the call that fails, FAULT_MEMORY that of the allocation;
// with FAULT_ON, all later ones fail, too, or those alone that write if it is 2; FAULT_ERROR is errno; FAULT_CLOCK makes the clock
// jump each so many times that it is read.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NEXT(result, name, ...) \
    static result (*next)(__VA_ARGS__); \
    if (!next) next = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

// Smaller allocations always succeed: the standard library ends the process where they don't.
#define LARGE (256 << 10)

static atomic_long calls, allocations;
static atomic_char watched[65536];
static long at = -1, memory_at = -1, clock_every;
static int forever, error = EIO, is_set_up;

static long number(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

static void set_up(void) {
    if (is_set_up) return;
    is_set_up = 1;
    at = number("FAULT_AT", -1);
    memory_at = number("FAULT_MEMORY", -1);
    forever = number("FAULT_ON", 0);
    error = number("FAULT_ERROR", EIO);
    clock_every = number("FAULT_CLOCK", 0);
}

// Whether this call is one that fails.
static int fails_if(int writes) {
    set_up();
    long call = atomic_fetch_add(&calls, 1) + 1;
    if (at < 0 || call < at || (call > at && !forever) || (forever == 2 && !writes)) return 0;
    errno = error;
    return 1;
}

static int fails(void) { return fails_if(0); }

static int write_fails(void) { return fails_if(1); }

static int writes(int flags) { return (flags & O_ACCMODE) != O_RDONLY; }

// Whether this allocation is one that fails.
static int lacks(size_t size) {
    if (size < LARGE) return 0;
    set_up();
    long number = atomic_fetch_add(&allocations, 1) + 1;
    if (memory_at < 0 || number < memory_at || (number > memory_at && !forever)) return 0;
    errno = ENOMEM;
    return 1;
}

void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);

void *malloc(size_t size) { return lacks(size) ? NULL : __libc_malloc(size); }

void *calloc(size_t count, size_t size) { return lacks(count * size) ? NULL : __libc_calloc(count, size); }

void *realloc(void *old, size_t size) { return lacks(size) ? NULL : __libc_realloc(old, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    void *found = lacks(size) ? NULL : __libc_memalign(alignment, size);
    if (!found) return ENOMEM;
    *result = found;
    return 0;
}

static int inside(const char *path) {
    const char *folder = getenv("FAULT_FOLDER");
    return path[0] != '/' || (folder && !strncmp(path, folder, strlen(folder)));
}

static int is_watched(int fd) { return fd >= 0 && fd < 65536 && watched[fd]; }

__attribute__((destructor)) static void report(void) {
    const char *path = getenv("FAULT_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) fprintf(file, "%ld %ld", atomic_load(&calls), atomic_load(&allocations)), fclose(file);
}

static int opened(int fd, const char *path) {
    if (fd >= 0 && fd < 65536) watched[fd] = inside(path);
    return fd;
}

int open64(const char *path, int flags, ...) {
    NEXT(int, open64, const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    if (inside(path) && fails_if(writes(flags))) return -1;
    return opened(next(path, flags, mode), path);
}

int open(const char *path, int flags, ...) {
    NEXT(int, open, const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    if (inside(path) && fails_if(writes(flags))) return -1;
    return opened(next(path, flags, mode), path);
}

int close(int fd) {
    NEXT(int, close, int);
    if (fd >= 0 && fd < 65536) watched[fd] = 0;
    return next(fd);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    NEXT(ssize_t, write, int, const void *, size_t);
    return is_watched(fd) && write_fails() ? -1 : next(fd, bytes, count);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    NEXT(ssize_t, writev, int, const struct iovec *, int);
    return is_watched(fd) && write_fails() ? -1 : next(fd, parts, count);
}

ssize_t read(int fd, void *bytes, size_t count) {
    NEXT(ssize_t, read, int, void *, size_t);
    return is_watched(fd) && fails() ? -1 : next(fd, bytes, count);
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t offset) {
    NEXT(ssize_t, pread64, int, void *, size_t, off64_t);
    return is_watched(fd) && fails() ? -1 : next(fd, bytes, count, offset);
}

int fsync(int fd) {
    NEXT(int, fsync, int);
    return is_watched(fd) && write_fails() ? -1 : next(fd);
}

int rename(const char *from, const char *to) {
    NEXT(int, rename, const char *, const char *);
    return inside(from) && write_fails() ? -1 : next(from, to);
}

int unlink(const char *path) {
    NEXT(int, unlink, const char *);
    return inside(path) && write_fails() ? -1 : next(path);
}

int mkdir(const char *path, mode_t mode) {
    NEXT(int, mkdir, const char *, mode_t);
    return inside(path) && write_fails() ? -1 : next(path, mode);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *how, void *(*start)(void *), void *given) {
    NEXT(int, pthread_create, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    return fails() ? EAGAIN : next(thread, how, start, given);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    NEXT(int, clock_gettime, clockid_t, struct timespec *);
    static atomic_long reads, hours;
    int outcome = next(clock, now);
    set_up();
    if (outcome || !clock_every) return outcome;
    if (atomic_fetch_add(&reads, 1) % clock_every == 0) atomic_fetch_add(&hours, 1);
    // The time of day jumps to and fro, the other clocks onward.
    long jumped = atomic_load(&hours) * 3600;
    now->tv_sec += clock == CLOCK_REALTIME ? (jumped % 7200 ? jumped : -jumped) : jumped;
    return outcome;
}
