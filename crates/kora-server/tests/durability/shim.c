/* A disk that fails: while the file named by FAILING_DISK exists, what it says is done to files below FAILING_DIR.
   "write 5" makes writes return error number 5, "sync 5" makes syncs return it, "slow 5" makes each sync take five
   milliseconds more. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The number that goes with calls of this kind on this file; 0: none. */
static int trouble(const char *kind, int fd) {
    const char *control = getenv("FAILING_DISK"), *dir = getenv("FAILING_DIR");
    if (!control || !dir) return 0;
    char link[64], path[4096], text[32];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    if (strncmp(path, dir, strlen(dir)) != 0) return 0;
    int file = (int)syscall(SYS_openat, AT_FDCWD, control, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t count = syscall(SYS_read, file, text, sizeof text - 1);
    syscall(SYS_close, file);
    if (count <= 0) return 0;
    text[count] = 0;
    size_t word = strlen(kind);
    return strncmp(text, kind, word) == 0 && text[word] == ' ' ? atoi(text + word + 1) : 0;
}

/* Takes as long as a slow disk. */
static void linger(int fd) {
    int ms = trouble("slow", fd);
    struct timespec rest = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&rest, NULL);
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name))
#define FAIL(kind, fd) do { int error = trouble(kind, fd); if (error) { errno = error; return -1; } } while (0)

ssize_t write(int fd, const void *bytes, size_t count) {
    FAIL("write", fd);
    return REAL(ssize_t, "write", int, const void *, size_t)(fd, bytes, count);
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    FAIL("write", fd);
    return REAL(ssize_t, "writev", int, const struct iovec *, int)(fd, pieces, count);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    FAIL("write", fd);
    return REAL(ssize_t, "pwrite", int, const void *, size_t, off_t)(fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    FAIL("write", fd);
    return REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t)(fd, bytes, count, offset);
}

int fsync(int fd) {
    linger(fd);
    FAIL("sync", fd);
    return REAL(int, "fsync", int)(fd);
}

int fdatasync(int fd) {
    linger(fd);
    FAIL("sync", fd);
    return REAL(int, "fdatasync", int)(fd);
}
