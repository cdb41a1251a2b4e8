// LD_PRELOAD library: makes the N-th file system call on one folder fail, be cut short, or kill the process. Calls are
// counted over open, flock, write, fsync, close, rename, link, remove, mkdir and rmdir, or over those of them that are
// asked for; flock, write, fsync and close by the descriptors that open gave for paths below the folder. Single-threaded
// use, as the program's: all its files are written by its main thread.
//
// FAULT_FOLDER  absolute path; calls on other paths pass
// FAULT_CALLS   names to count, separated by commas, or `all`; by name only: `realloc`, for blocks of whole megabytes from
//               two on, which is how HDF5 grows a file in memory; `pthread_create`; `cblas_sgemm`, which can only hang
// FAULT_AT      the call, from 1, at which it happens; 0: never
// FAULT_ACTION  kill | torn (writes half, then kills) | short (writes half) | hang (computes for ever) | a number: fails
//               with this errno
// FAULT_GOOD    1: from that call on, every counted call fails
// FAULT_LINKS   1: renameat2 is always EINVAL, as on file systems that cannot rename without replacing; 2: and link is
//               EPERM, as on those without links
// FAULT_LOG     file that gets one line per counted call, then `fault`
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { most_descriptors = 4096 };
static bool on_folder[most_descriptors];
static long calls = 0;

static const char* setting(const char* name) {
  const char* value = getenv(name);
  return value == NULL ? "" : value;
}

static bool is_below(const char* path) {
  const char* folder = setting("FAULT_FOLDER");
  return *folder != '\0' && strncmp(path, folder, strlen(folder)) == 0;
}

static bool is_counted(const char* name) {
  const char* names = setting("FAULT_CALLS");
  if (strcmp(names, "all") == 0) return true;
  const size_t length = strlen(name);
  for (const char* at = names; (at = strstr(at, name)) != NULL; at += length) {
    if ((at == names || at[-1] == ',') && (at[length] == ',' || at[length] == '\0')) return true;
  }
  return false;
}

static void log_line(const char* text) {
  const int file = (int)syscall(SYS_openat, AT_FDCWD, setting("FAULT_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (file < 0) return;
  syscall(SYS_write, file, text, strlen(text));
  syscall(SYS_write, file, "\n", 1);
  syscall(SYS_close, file);
}

static void die(void) {
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) pause();
}

/// What is to happen to this call: 0 nothing, > 0 this errno, < 0 half of it (and death, with -2).
static int fate(const char* name) {
  if (!is_counted(name)) return 0;
  ++calls;
  log_line(name);
  const long at = atol(setting("FAULT_AT"));
  const bool happens = at > 0 && (calls == at || (calls > at && strcmp(setting("FAULT_GOOD"), "1") == 0));
  if (!happens) return 0;
  log_line("fault");
  const char* action = setting("FAULT_ACTION");
  if (strcmp(action, "kill") == 0) die();
  if (strcmp(action, "hang") == 0) {
    for (volatile int turns = 0;;) ++turns;
  }
  if (strcmp(action, "short") == 0) return strcmp(name, "write") == 0 ? -1 : 0;
  if (strcmp(action, "torn") == 0) {
    if (strcmp(name, "write") != 0) die();
    return -2;
  }
  return atoi(action);
}

static int fail(int error_number) {
  errno = error_number;
  return -1;
}

static int open_with(const char* symbol, const char* path, int flags, mode_t mode) {
  int (*real)(const char*, int, ...) = (int (*)(const char*, int, ...))dlsym(RTLD_NEXT, symbol);
  const bool below = is_below(path);
  const int error_number = below ? fate("open") : 0;
  if (error_number > 0) return fail(error_number);
  const int file = real(path, flags, mode);
  if (file >= 0 && file < most_descriptors) on_folder[file] = below;
  return file;
}

static mode_t mode_of(int flags, va_list arguments) { return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0; }

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_with("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_with("open64", path, flags, mode);
}

static bool is_ours(int file) { return file >= 0 && file < most_descriptors && on_folder[file]; }

ssize_t write(int file, const void* bytes, size_t count) {
  const int error_number = is_ours(file) ? fate("write") : 0;
  if (error_number > 0) return fail(error_number);
  if (error_number < 0 && count > 1) count /= 2;
  const ssize_t written = syscall(SYS_write, file, bytes, count);
  if (error_number == -2) die();
  return written;
}

int flock(int file, int operation) {
  const int error_number = is_ours(file) ? fate("flock") : 0;
  return error_number > 0 ? fail(error_number) : (int)syscall(SYS_flock, file, operation);
}

int fsync(int file) {
  const int error_number = is_ours(file) ? fate("fsync") : 0;
  return error_number > 0 ? fail(error_number) : (int)syscall(SYS_fsync, file);
}

int close(int file) {
  const int error_number = is_ours(file) ? fate("close") : 0;
  if (is_ours(file)) on_folder[file] = false;
  const int result = (int)syscall(SYS_close, file);  // Linux closes it even where it fails
  return error_number > 0 ? fail(error_number) : result;
}

int rename(const char* from, const char* to) {
  const int error_number = is_below(to) ? fate("rename") : 0;
  return error_number > 0 ? fail(error_number) : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  if (is_below(to) && atoi(setting("FAULT_LINKS")) > 0) return fail(EINVAL);
  const int error_number = is_below(to) ? fate("rename") : 0;
  return error_number > 0 ? fail(error_number) : (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

int link(const char* from, const char* to) {
  if (is_below(to) && atoi(setting("FAULT_LINKS")) > 1) return fail(EPERM);
  const int error_number = is_below(to) ? fate("link") : 0;
  return error_number > 0 ? fail(error_number) : (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char* path) {
  const int error_number = is_below(path) ? fate("remove") : 0;
  return error_number > 0 ? fail(error_number) : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int rmdir(const char* path) {
  const int error_number = is_below(path) ? fate("rmdir") : 0;
  return error_number > 0 ? fail(error_number) : (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char* path) {
  const int error_number = is_below(path) ? fate("remove") : 0;
  if (error_number > 0) return fail(error_number);
  if (syscall(SYS_unlinkat, AT_FDCWD, path, 0) == 0) return 0;
  return errno == EISDIR ? (int)syscall(SYS_unlinkat, AT_FDCWD, path, AT_REMOVEDIR) : -1;
}

static void* (*real_realloc)(void*, size_t) = NULL;

/// Early: the loader calls realloc in the midst of loading a library, and there may not be asked for a symbol.
__attribute__((constructor)) static void find_realloc(void) {
  real_realloc = (void* (*)(void*, size_t))dlsym(RTLD_NEXT, "realloc");
}

void* realloc(void* block, size_t size) {
  if (real_realloc == NULL) find_realloc();
  const size_t megabyte = 1 << 20;
  if (size > megabyte && size % megabyte == 0 && strcmp(setting("FAULT_CALLS"), "realloc") == 0 && fate("realloc") > 0) {
    errno = ENOMEM;
    return NULL;
  }
  return real_realloc(block, size);
}

static bool is_asked_for(const char* name) { return strcmp(setting("FAULT_CALLS"), name) == 0; }

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*routine)(void*), void* argument) {
  typedef int (*create)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  const int error_number = is_asked_for("pthread_create") ? fate("pthread_create") : 0;
  return error_number > 0 ? error_number
                          : ((create)dlsym(RTLD_NEXT, "pthread_create"))(thread, attributes, routine, argument);
}

void cblas_sgemm(int order, int a_turned, int b_turned, int m, int n, int k, float alpha, const float* a, int a_stride,
                 const float* b, int b_stride, float beta, float* c, int c_stride) {
  typedef void (*product)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
  if (is_asked_for("cblas_sgemm")) fate("cblas_sgemm");
  ((product)dlsym(RTLD_NEXT, "cblas_sgemm"))(order, a_turned, b_turned, m, n, k, alpha, a, a_stride, b, b_stride, beta,
                                             c, c_stride);
}

int mkdir(const char* path, mode_t mode) {
  const int error_number = is_below(path) ? fate("mkdir") : 0;
  return error_number > 0 ? fail(error_number) : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}
