// CIntrinsics: a header-only doorway to instructions and system calls that Swift cannot name. No algorithms live here.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>
#include <cpuid.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif
