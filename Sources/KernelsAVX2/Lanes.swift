import CIntrinsics

// KernelsAVX2: the kernel table for AVX2 with FMA and F16C. One vector holds 8 floats, 8 int32 or 32 int8; a panel of
// weights interleaves 8 rows so that lane r of every accumulator belongs to row r, and no product ever sums across
// lanes.
//
// Nothing from the standard library that could be specialised here may also be used by a baseline room: the linker
// might keep this copy. So these files use pointers, integers and intrinsics only.

typealias Floats = __m256
typealias Integers = __m256i

/// Eight copies of the 32 bits at `pointer + offset`.
@inline(__always)
func broadcastInt32(_ pointer: UnsafeRawPointer, _ offset: Int) -> Integers {
  _mm256_set1_epi32(pointer.load(fromByteOffset: offset, as: Int32.self))
}

@inline(__always)
func broadcastFloat(_ pointer: UnsafeRawPointer, _ offset: Int) -> Floats {
  _mm256_set1_ps(pointer.load(fromByteOffset: offset, as: Float.self))
}

@inline(__always)
func loadInt8s(_ pointer: UnsafeRawPointer, _ offset: Int) -> Integers {
  _mm256_loadu_si256((pointer + offset).assumingMemoryBound(to: __m256i_u.self))
}

/// Eight halves, widened.
@inline(__always)
func loadHalves(_ pointer: UnsafeRawPointer, _ offset: Int) -> Floats {
  _mm256_cvtph_ps(_mm_loadu_si128((pointer + offset).assumingMemoryBound(to: __m128i_u.self)))
}

/// Eight unsigned bytes, as 32-bit integers.
@inline(__always)
func loadUInt8s(_ pointer: UnsafeRawPointer, _ offset: Int) -> Integers {
  _mm256_cvtepu8_epi32(_mm_loadu_si64(pointer + offset))
}

@inline(__always)
func loadUInt8sAsFloats(_ pointer: UnsafeRawPointer, _ offset: Int) -> Floats {
  _mm256_cvtepi32_ps(loadUInt8s(pointer, offset))
}

/// Eight signed bytes, as floats.
@inline(__always)
func loadInt8sAsFloats(_ pointer: UnsafeRawPointer, _ offset: Int) -> Floats {
  _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadu_si64(pointer + offset)))
}

@inline(__always)
func negated(_ x: Floats) -> Floats { _mm256_sub_ps(_mm256_setzero_ps(), x) }

/// The sum of all lanes, always by the same tree.
@inline(__always)
func sumOfLanes(_ x: Floats) -> Float {
  let four = _mm_add_ps(_mm256_castps256_ps128(x), kinglet256_upper(x))
  let two = _mm_add_ps(four, _mm_movehl_ps(four, four))
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
}

/// The largest of all lanes.
@inline(__always)
func maximumOfLanes(_ x: Floats) -> Float {
  let four = _mm_max_ps(_mm256_castps256_ps128(x), kinglet256_upper(x))
  let two = _mm_max_ps(four, _mm_movehl_ps(four, four))
  return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
}
