import CIntrinsics

// KernelsAVX512: the kernel table for AVX-512 with VNNI. One vector holds 16 floats, 16 int32 or 64 int8; a panel of
// weights interleaves 16 rows so that lane r of every accumulator belongs to row r, and no kernel ever sums across lanes.
//
// Nothing from the standard library that could be specialised here may also be used by a baseline room: the linker might
// keep this copy. So these files use pointers, integers and intrinsics only.

typealias Floats = __m512
typealias Integers = __m512i

/// Sixteen copies of the 32 bits at `pointer + offset`; becomes the embedded broadcast of the instruction that uses it.
@inline(__always)
func broadcastInt32(_ pointer: UnsafeRawPointer, _ offset: Int) -> Integers {
  _mm512_set1_epi32(pointer.load(fromByteOffset: offset, as: Int32.self))
}

@inline(__always)
func broadcastFloat(_ pointer: UnsafeRawPointer, _ offset: Int) -> Floats {
  _mm512_set1_ps(pointer.load(fromByteOffset: offset, as: Float.self))
}

@inline(__always)
func loadInt8s(_ pointer: UnsafeRawPointer, _ offset: Int) -> Integers {
  _mm512_loadu_si512(pointer + offset)
}

@inline(__always)
func loadFloats(_ pointer: UnsafeRawPointer, _ offset: Int) -> Floats {
  _mm512_loadu_ps(pointer + offset)
}

/// Sixteen halves, widened.
@inline(__always)
func loadHalves(_ pointer: UnsafeRawPointer, _ offset: Int) -> Floats {
  _mm512_cvtph_ps(_mm256_loadu_si256((pointer + offset).assumingMemoryBound(to: __m256i_u.self)))
}

/// Sixteen unsigned bytes, as 32-bit integers.
@inline(__always)
func loadUInt8s(_ pointer: UnsafeRawPointer, _ offset: Int) -> Integers {
  _mm512_cvtepu8_epi32(_mm_loadu_si128((pointer + offset).assumingMemoryBound(to: __m128i_u.self)))
}

/// Sixteen unsigned bytes, as floats.
@inline(__always)
func loadUInt8sAsFloats(_ pointer: UnsafeRawPointer, _ offset: Int) -> Floats {
  _mm512_cvtepi32_ps(loadUInt8s(pointer, offset))
}

/// Sixteen signed bytes, as floats.
@inline(__always)
func loadInt8sAsFloats(_ pointer: UnsafeRawPointer, _ offset: Int) -> Floats {
  _mm512_cvtepi32_ps(
    _mm512_cvtepi8_epi32(_mm_loadu_si128((pointer + offset).assumingMemoryBound(to: __m128i_u.self))))
}
