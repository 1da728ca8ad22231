/* A layer between a program and the kernel, loaded before the C library: the calls that change files
   below FAULT_ROOT are counted, and the one of number FAULT_AT goes wrong.

   FAULT_ROOT  the folder, absolute; FAULT_LOG  a file that gets a line a call;
   FAULT_AT    which call, from 1; 0 for none; FAULT_HOW  0: the process is killed, else an errno. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_int calls;

static int below(const char *path) {
    const char *root = getenv("FAULT_ROOT");
    return root && strncmp(path, root, strlen(root)) == 0;
}

static int strike(const char *name, const char *path) {
    if (!below(path)) return 0;
    int number = atomic_fetch_add(&calls, 1) + 1;
    const char *log = getenv("FAULT_LOG"), *at = getenv("FAULT_AT"), *how = getenv("FAULT_HOW");
    char line[PATH_MAX + 64];
    int length = snprintf(line, sizeof line, "%s %s\n", name, path);
    int file = log ? syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;
    if (file >= 0) {
        syscall(SYS_write, file, line, (size_t)length);
        syscall(SYS_close, file);
    }
    if (!at || number != atoi(at)) return 0;
    if (!how || atoi(how) == 0) syscall(SYS_kill, getpid(), SIGKILL);
    errno = atoi(how);
    return 1;
}

static int strike_file(const char *name, int file) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strike(name, path);
}

static int strike_at(const char *name, int folder, const char *path) {
    char whole[PATH_MAX * 2], link[64];
    if (path[0] == '/') return strike(name, path);
    ssize_t length = 0;
    if (folder == AT_FDCWD) {
        if (!getcwd(whole, PATH_MAX)) return 0;
        length = (ssize_t)strlen(whole);
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        length = readlink(link, whole, PATH_MAX - 1);
        if (length < 0) return 0;
    }
    snprintf(whole + length, sizeof whole - (size_t)length, "/%s", path);
    return strike(name, whole);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPEN(name, head, pass, folder)                                        \
    int name(head const char *path, int flags, ...) {                         \
        mode_t mode = 0;                                                      \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                \
            va_list rest;                                                     \
            va_start(rest, flags);                                            \
            mode = va_arg(rest, mode_t);                                      \
            va_end(rest);                                                     \
        }                                                                     \
        if (flags & (O_CREAT | O_TRUNC) && strike_at(#name, folder, path)) return -1; \
        return REAL(name)(pass path, flags, mode);                            \
    }
#define COMMA ,
OPEN(open, , , AT_FDCWD)
OPEN(open64, , , AT_FDCWD)
OPEN(openat, int folder COMMA, folder COMMA, folder)
OPEN(openat64, int folder COMMA, folder COMMA, folder)

#define ON_FILE(type, name, parameters, arguments) \
    type name parameters { return strike_file(#name, file) ? -1 : REAL(name) arguments; }
ON_FILE(ssize_t, write, (int file, const void *data, size_t size), (file, data, size))
ON_FILE(ssize_t, writev, (int file, const struct iovec *data, int count), (file, data, count))
ON_FILE(ssize_t, pwrite64, (int file, const void *data, size_t size, off64_t at), (file, data, size, at))
ON_FILE(int, fsync, (int file), (file))
ON_FILE(int, fdatasync, (int file), (file))
ON_FILE(int, fchmod, (int file, mode_t mode), (file, mode))
ON_FILE(int, ftruncate, (int file, off_t size), (file, size))
ON_FILE(int, ftruncate64, (int file, off64_t size), (file, size))

#define ON_PATH(name, folder, path, parameters, arguments) \
    int name parameters { return strike_at(#name, folder, path) ? -1 : REAL(name) arguments; }
ON_PATH(mkdir, AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
ON_PATH(mkdirat, at, path, (int at, const char *path, mode_t mode), (at, path, mode))
ON_PATH(chmod, AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
ON_PATH(fchmodat, at, path, (int at, const char *path, mode_t mode, int flags), (at, path, mode, flags))
ON_PATH(unlink, AT_FDCWD, path, (const char *path), (path))
ON_PATH(unlinkat, at, path, (int at, const char *path, int flags), (at, path, flags))
ON_PATH(rmdir, AT_FDCWD, path, (const char *path), (path))
ON_PATH(rename, AT_FDCWD, to, (const char *from, const char *to), (from, to))
ON_PATH(renameat, at, to, (int from_at, const char *from, int at, const char *to), (from_at, from, at, to))
ON_PATH(symlink, AT_FDCWD, path, (const char *goal, const char *path), (goal, path))
ON_PATH(symlinkat, at, path, (const char *goal, int at, const char *path), (goal, at, path))
