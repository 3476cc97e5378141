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
#include <unistd.h>

// Sleeps while *word is `expected`. Returns at a wake, at a signal, or at once when the word differs.
static inline void kinglet_futex_wait(const void *word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, (void *)0, (void *)0, 0);
}

// The processors this thread may run on, as bits; returns the bytes filled in, or -1.
static inline long kinglet_affinity(void *bits, unsigned long byteCount) {
  return syscall(SYS_sched_getaffinity, 0, byteCount, bits);
}

static inline void kinglet_futex_wake_all(const void *word) {
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, (void *)0, (void *)0, 0);
}
#endif
