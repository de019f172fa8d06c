// Loaded before the C library: counts what a process does to files in its working folder, and lets one of these calls fail.
//
// FAULT_COUNT names the file for the number of calls; FAULT_AT is the number of the call that fails; with FAULT_ON, all later
// ones fail, too; FAULT_ERROR is errno; FAULT_CLOCK makes the clock jump each so many times that it is read.
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

static atomic_long calls;
static atomic_char watched[65536];
static long at = -1, clock_every;
static int forever, error = EIO, is_set_up;

static long number(const char *name, long otherwise) {
    const char *text = getenv(name);
    return text ? atol(text) : otherwise;
}

static void set_up(void) {
    if (is_set_up) return;
    is_set_up = 1;
    at = number("FAULT_AT", -1);
    forever = number("FAULT_ON", 0);
    error = number("FAULT_ERROR", EIO);
    clock_every = number("FAULT_CLOCK", 0);
}

// Whether this call is the one that fails.
static int fails(void) {
    set_up();
    long call = atomic_fetch_add(&calls, 1) + 1;
    if (at < 0 || call < at || (call > at && !forever)) return 0;
    errno = error;
    return 1;
}

static int inside(const char *path) {
    const char *folder = getenv("FAULT_FOLDER");
    return path[0] != '/' || (folder && !strncmp(path, folder, strlen(folder)));
}

static int is_watched(int fd) { return fd >= 0 && fd < 65536 && watched[fd]; }

__attribute__((destructor)) static void report(void) {
    const char *path = getenv("FAULT_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (file) fprintf(file, "%ld", atomic_load(&calls)), fclose(file);
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
    if (inside(path) && fails()) return -1;
    return opened(next(path, flags, mode), path);
}

int open(const char *path, int flags, ...) {
    NEXT(int, open, const char *, int, ...);
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    if (inside(path) && fails()) return -1;
    return opened(next(path, flags, mode), path);
}

int close(int fd) {
    NEXT(int, close, int);
    if (fd >= 0 && fd < 65536) watched[fd] = 0;
    return next(fd);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    NEXT(ssize_t, write, int, const void *, size_t);
    return is_watched(fd) && fails() ? -1 : next(fd, bytes, count);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    NEXT(ssize_t, writev, int, const struct iovec *, int);
    return is_watched(fd) && fails() ? -1 : next(fd, parts, count);
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
    return is_watched(fd) && fails() ? -1 : next(fd);
}

int rename(const char *from, const char *to) {
    NEXT(int, rename, const char *, const char *);
    return inside(from) && fails() ? -1 : next(from, to);
}

int unlink(const char *path) {
    NEXT(int, unlink, const char *);
    return inside(path) && fails() ? -1 : next(path);
}

int mkdir(const char *path, mode_t mode) {
    NEXT(int, mkdir, const char *, mode_t);
    return inside(path) && fails() ? -1 : next(path, mode);
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
