#!/usr/bin/env bash
# shellcheck disable=SC2016 # Swift's mangled names begin with a dollar sign.
# scripts/check-isa on small libraries whose functions bear the names Swift would give them.
set -euo pipefail
# shellcheck source=Tests/Scripts/support/harness.bash
source "$(dirname "${BASH_SOURCE[0]}")/support/harness.bash"

compiler=$(command -v clang || command -v cc || true)
if [[ $(uname -sm) != 'Linux x86_64' || -z $compiler ]]; then
  echo 'skipped: needs a C compiler for x86-64 on Linux'
  exit 0
fi

# check SOURCE…: checks a library of these functions, each on one line.
check() {
  {
    printf '%s\n' '#include <immintrin.h>' '#include <string.h>' '#define WIDE __attribute__((target("avx512f,avx512bw")))' \
      '#define NAMED(name) __asm__(name) __attribute__((visibility("hidden"), noinline, used))' "$@"
  } >"$work/code.c"
  "$compiler" -O1 -fno-builtin -shared -fPIC -nostdlib -o "$work/code.so" "$work/code.c"
  run "$source_root/scripts/check-isa" "$work/code.so"
}

plain='void plain(float *x) NAMED("$s14KingletTensors5plainyyF"); void plain(float *x) { x[0] *= 2; }'
kernel='WIDE void kernel(float *x) NAMED("$s20KingletKernelsAVX5126kernelyyF");
WIDE void kernel(float *x) { _mm512_storeu_ps(x, _mm512_add_ps(_mm512_loadu_ps(x), _mm512_set1_ps(1))); }'

check "$plain" "$kernel"
expect 'a kernel in its room is right' exits 0
expect 'and counted' same "$out" 'check-isa: 1 kernels, and all wide vectors keep to their rooms'

check "$plain"
expect 'a binary without kernels is suspicious' exits 1

check "$kernel" 'WIDE void leak(float *x) NAMED("$s14KingletTensors4leakyyF");
WIDE void leak(float *x) { _mm512_storeu_ps(x, _mm512_setzero_ps()); }'
expect 'a wide instruction outside the room is wrong' exits 1
expect 'and named' says 'KingletTensors4leakyyF is outside'

check "$kernel" 'WIDE void leak(void) NAMED("$sSa4leakyyF");
WIDE void leak(void) { __asm__ volatile("knotd %k1, %k1"); }'
expect 'so is one on mask registers alone' says 'leakyyF is outside'

check "$kernel" "$plain" 'WIDE void calls(float *x) NAMED("$s20KingletKernelsAVX5125callsyyF");
WIDE void calls(float *x) { plain(x); _mm512_storeu_ps(x, _mm512_setzero_ps()); plain(x); }'
expect 'a kernel that calls out of its room is wrong' exits 1
expect 'and so is the tail call' same "$(grep -c 'callsyyF leaves its room: [cj].*plainyyF' <<<"$err")" 2

check "$kernel" 'WIDE void calls(float *x, void (*f)(void)) NAMED("$s20KingletKernelsAVX5125callsyyF");
WIDE void calls(float *x, void (*f)(void)) { _mm512_storeu_ps(x, _mm512_setzero_ps()); f(); x[0] = 1; }'
expect 'so is a kernel that calls it knows not what' says 'callsyyF leaves its room: call'

check "$kernel" 'WIDE void calls(float *x) NAMED("$s20KingletKernelsAVX5125callsyyF");
WIDE void calls(float *x) { _mm512_storeu_ps(x, _mm512_setzero_ps()); kernel(x); memset(x, 0, 64); x[0] = 1; }'
expect 'kernels may call each other, and clear memory' exits 0

check "$kernel" "$plain" 'WIDE void table(float *x) NAMED("$s14KingletKernels11KernelTableV0aB6AVX512E5tableyyF");
WIDE void table(float *x) { plain(x); _mm512_storeu_ps(x, _mm512_setzero_ps()); plain(x); }'
expect 'what fills the table may call what it likes' exits 0

check "$plain" "$kernel" 'void copy(float *x) NAMED("copy"); void copy(float *x) { plain(x); plain(x); x[0] = 1; }'
objcopy --strip-symbol=copy "$work/code.so"
run "$source_root/scripts/check-isa" "$work/code.so"
expect 'code without a symbol is not the kernel before it' exits 0

narrow='__attribute__((target("avx2"))) void narrow(float *x) NAMED("$s18KingletKernelsAVX26narrowyyF");
__attribute__((target("avx2"))) void narrow(float *x) { _mm256_storeu_ps(x, _mm256_setzero_ps()); }'
check "$kernel" "$narrow"
expect 'each instruction set has its room' same "$out" 'check-isa: 2 kernels, and all wide vectors keep to their rooms'

check "$kernel" 'WIDE void wide(float *x) NAMED("$s18KingletKernelsAVX24wideyyF");
WIDE void wide(float *x) { _mm512_storeu_ps(x, _mm512_setzero_ps()); }'
expect 'AVX-512 in the room of AVX2 is wrong' says 'wideyyF is in the room of AVX2, but has'

check "$kernel" 'WIDE void calls(float *x) NAMED("$s18KingletKernelsAVX25callsyyF");
WIDE void calls(float *x) { kernel(x); _mm256_storeu_ps(x, _mm256_setzero_ps()); x[0] = 1; }'
expect 'so is a call from one of the rooms into the other' says 'callsyyF leaves its room: call'

run "$source_root/scripts/check-isa" "$work/nothing"
expect 'a binary that is not there is an error' exits 1
finish
