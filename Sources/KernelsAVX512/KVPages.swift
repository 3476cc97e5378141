import CIntrinsics
import KingletKernels

// Appending a position to a page, see `KVPageLayout`. Its values are a row; its key is a column, and goes there in
// halfwords: a half, or a pair of bytes.

@inline(never)
func appendKeyValue512(_ p: KVAppend) {
  switch p.layout.type {
  case .f16: appendHalves(p)
  case .f32: appendFloats(p)
  case .q8_0: appendBytes(p)
  }
}

@inline(__always)
private func appendHalves(_ p: KVAppend) {
  let headSize = p.layout.headSize
  let keys = p.page + (p.slot & ~15) &* headSize &* 2
  let values = p.page + p.layout.valueOffset + p.slot &* p.layout.valueStride &* 2
  var d = 0
  while d < headSize {
    let mask = headSize &- d >= 16 ? 0xFFFF : tailMask(headSize &- d)
    let key = kinglet512_half(bounded(_mm512_maskz_loadu_ps(mask, p.key + d)))
    storeColumn(_mm512_cvtepu16_epi32(key), keys + d &* 32, lane: p.slot & 15, mask)
    let value = kinglet512_half(bounded(_mm512_maskz_loadu_ps(mask, p.value + d)))
    _mm256_mask_storeu_epi16(values + d &* 2, mask, value)
    d &+= 16
  }
}

@inline(__always)
private func appendFloats(_ p: KVAppend) {
  let headSize = p.layout.headSize
  let keys = p.page + (p.slot & ~15) &* headSize &* 4
  let values = p.page + p.layout.valueOffset + p.slot &* p.layout.valueStride &* 4
  let column = (keys + (p.slot & 15) &* 4).assumingMemoryBound(to: Float.self)
  var d = 0
  while d < headSize {
    column[d &* 16] = p.key[d]
    d &+= 1
  }
  d = 0
  while d < headSize {
    let mask = headSize &- d >= 16 ? 0xFFFF : tailMask(headSize &- d)
    let row = (values + d &* 4).assumingMemoryBound(to: Float.self)
    _mm512_mask_storeu_ps(row, mask, _mm512_maskz_loadu_ps(mask, p.value + d))
    d &+= 16
  }
}

@inline(__always)
private func appendBytes(_ p: KVAppend) {
  let groups = p.layout.groups
  let block = p.slot & ~15
  let values = p.page + p.layout.valueOffset + (p.slot & ~1) &* groups &* 32
  var group = 0
  while group < groups {
    let key = RoundedGroup(p.key + group &* 32, count: p.layout.headSize &- group &* 32)
    let keys = p.page + (block &* groups &+ group &* 16) &* 32
    storeColumn(_mm512_cvtepu16_epi32(key.bytes), keys, lane: p.slot & 15, 0xFFFF)
    let keyScale = p.layout.keyScaleOffset &+ (block &* groups &+ group &* 16 &+ p.slot & 15) &* 2
    p.page.storeBytes(of: key.scale, toByteOffset: keyScale, as: UInt16.self)

    // The even or the odd bytes of 64.
    let value = RoundedGroup(p.value + group &* 32, count: p.layout.headSize &- group &* 32)
    let isOdd = p.slot & 1 == 1
    let words = _mm512_cvtepu8_epi16(value.bytes)
    _mm512_mask_storeu_epi8(
      values + group &* 64, isOdd ? 0xAAAA_AAAA_AAAA_AAAA : 0x5555_5555_5555_5555,
      isOdd ? _mm512_slli_epi16(words, 8) : words)
    let valueScale = p.layout.valueScaleOffset &+ (group &* KVPageLayout.positions &+ p.slot) &* 2
    p.page.storeBytes(of: value.scale, toByteOffset: valueScale, as: UInt16.self)
    group &+= 1
  }
}

/// Writes 16 halfwords, which come in the lower halves of words, to one lane of 16 rows of 16 halfwords.
@inline(__always)
private func storeColumn(_ values: Integers, _ rows: UnsafeMutableRawPointer, lane: Int, _ mask: UInt16) {
  // The memory is written in words: two lanes, of which one stays.
  let base = rows + (lane & ~1) &* 2
  let old = kinglet512_gather_rows(base, mask)
  let new =
    lane & 1 == 0
    ? _mm512_mask_blend_epi16(0x5555_5555, old, values)
    : _mm512_mask_blend_epi16(0xAAAA_AAAA, old, _mm512_slli_epi32(values, 16))
  kinglet512_scatter_rows(base, mask, new)
}

/// Up to 32 floats as bytes, multiples of one scale, a 127th of the largest of them; the scale of a group with NaN is NaN.
private struct RoundedGroup {
  let bytes: __m256i
  /// The bits of a half.
  let scale: UInt16

  @inline(__always)
  init(_ values: UnsafePointer<Float>, count: Int) {
    let low = _mm512_maskz_loadu_ps(count >= 16 ? 0xFFFF : tailMask(count), values)
    let high =
      count > 16
      ? _mm512_maskz_loadu_ps(count >= 32 ? 0xFFFF : tailMask(count &- 16), values + 16) : _mm512_setzero_ps()
    let isNumber = kinglet512_equal(low, low) & kinglet512_equal(high, high) == 0xFFFF
    let largest = _mm512_reduce_max_ps(_mm512_max_ps(_mm512_abs_ps(low), _mm512_abs_ps(high)))
    let half = kinglet512_half(bounded(_mm512_set1_ps(isNumber ? largest / 127 : .nan)))
    scale = UInt16(truncatingIfNeeded: kinglet512_low32(half))
    let stored = _mm512_cvtss_f32(_mm512_cvtph_ps(half))
    let inverse = _mm512_set1_ps(stored > 0 ? 1 / stored : 0)
    bytes = _mm256_set_m128i(rounded8(high, inverse), rounded8(low, inverse))
  }
}

/// x * inverse to the nearest bytes; what is not a number becomes 0.
@inline(__always)
private func rounded8(_ x: Floats, _ inverse: Floats) -> __m128i {
  let multiples = _mm512_mul_ps(x, inverse)
  let bounded = _mm512_min_ps(_mm512_max_ps(multiples, _mm512_set1_ps(-127)), _mm512_set1_ps(127))
  return _mm512_cvtsepi32_epi8(_mm512_maskz_cvtps_epi32(kinglet512_equal(multiples, multiples), bounded))
}

/// Into the range of halves; NaN, as a second operand, stays.
@inline(__always)
func bounded(_ x: Floats) -> Floats {
  _mm512_min_ps(_mm512_set1_ps(65_504), _mm512_max_ps(_mm512_set1_ps(-65_504), x))
}
