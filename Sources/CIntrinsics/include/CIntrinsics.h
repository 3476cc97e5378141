// CIntrinsics: a header-only doorway to instructions and system calls that Swift cannot name. No algorithms live here.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)
#include "CIntrinsicsX86.h"
#elif defined(__aarch64__)
#include <arm_neon.h>
static inline void kinglet_spin_pause(void) { __asm__ volatile("yield"); }
#endif

// Asks for a cache line, to be kept in the second-level cache. Any address will do: nothing is read from it.
static inline void kinglet_prefetch(const void *address) { __builtin_prefetch(address, 0, 2); }

#if defined(__linux__)
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// Sleeps while *word is `expected`. Returns at a wake, at a signal, or at once when the word differs.
static inline void kinglet_futex_wait(const void *word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, (void *)0, (void *)0, 0);
}

// The processors a thread (0: this one) may run on, as bits; returns the bytes filled in, or -1.
static inline long kinglet_affinity(int thread, void *bits, unsigned long byteCount) {
  return syscall(SYS_sched_getaffinity, thread, byteCount, bits);
}

// Has a thread moved at once if it is elsewhere; -1 if it may not be.
static inline long kinglet_set_affinity(int thread, const void *bits, unsigned long byteCount) {
  return syscall(SYS_sched_setaffinity, thread, byteCount, bits);
}

// The processor this thread is on, or -1. (The headers of the C library declare it for GNU sources only.)
int sched_getcpu(void);

// What a clock of the system shows, in nanoseconds, or -1.
static inline int64_t kinglet_time(clockid_t clock) {
  struct timespec time;
  return clock_gettime(clock, &time) == 0 ? (int64_t)time.tv_sec * 1000000000 + time.tv_nsec : -1;
}

// The clock of the time for which a thread has had a processor. Its number is as in the kernel's posix-timers.h.
static inline clockid_t kinglet_thread_clock(int thread) { return (clockid_t)((~(unsigned)thread << 3) | 6); }

// Asked for once by each thread: a system call.
static inline int kinglet_thread_id(void) {
  static _Thread_local int thread = 0;
  if (thread == 0) thread = (int)syscall(SYS_gettid);
  return thread;
}

static inline void kinglet_futex_wake_all(const void *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, (void *)0, (void *)0, 0);
}
#endif
