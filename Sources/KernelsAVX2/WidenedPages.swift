import CIntrinsics
import KingletKernels

/// Attention over a page of Q8_0: its keys, and then its values, become floats in the workspace, laid out as in a page of
/// F32, and go the way of those.
@inline(__always)
func attendWidened(_ task: PageAttention, _ visible: Visible) {
  widenKeys(task, visible)
  score(FloatElement.self, task.over(task.workspace), visible)
  widenValues(task, visible)
  weigh(FloatElement.self, task.over(task.workspace - task.layout.valueOffset), visible)
}

extension PageAttention {
  /// The same task over another page.
  @inline(__always)
  fileprivate func over(_ page: UnsafeMutableRawPointer) -> PageAttention {
    PageAttention(
      layout: layout, page: UnsafeRawPointer(page), queries: queries, queryCount: queryCount, lower: lower,
      upper: upper, bias: bias, scores: scores, workspace: workspace, out: out)
  }
}

/// `[blocks][headSize][16 positions]`: a pair of dimensions is the low and the high bytes of 16 words.
@inline(__always)
private func widenKeys(_ task: PageAttention, _ visible: Visible) {
  let (headSize, groups) = (task.layout.headSize, task.layout.groups)
  let floats = task.workspace.assumingMemoryBound(to: Float.self)
  var slot = visible.lower & ~15
  while slot < visible.upper {
    let keys = task.page + slot &* groups &* 32
    let scales = task.page + task.layout.keyScaleOffset + slot &* groups &* 2
    var d = 0
    while d < headSize {
      let (low, high) = (loadHalves(scales, d / 32 &* 32), loadHalves(scales, d / 32 &* 32 &+ 16))
      let words = loadInt8s(keys, d &* 16)
      let out = floats + slot &* headSize + d &* 16
      store(lowBytes(words), low, high, out)
      if d &+ 1 < headSize { store(_mm256_srai_epi16(words, 8), low, high, out + 16) }
      d &+= 2
    }
    slot &+= 16
  }
}

/// `[256 positions][valueStride]`: a pair of positions is the low and the high bytes of 16 words.
@inline(__always)
private func widenValues(_ task: PageAttention, _ visible: Visible) {
  let stride = task.layout.valueStride
  let values = task.page + task.layout.valueOffset
  let floats = task.workspace.assumingMemoryBound(to: Float.self)
  var slot = visible.lower & ~1
  while slot < visible.upper {
    var d = 0
    while d < stride {
      let scales = task.page + task.layout.valueScaleOffset + (d / 32 &* KVPageLayout.positions &+ slot) &* 2
      let pair = _mm_cvtph_ps(_mm_loadu_si32(scales))
      let words = loadInt8s(values, slot &* stride &+ d &* 2)
      let out = floats + slot &* stride + d
      let (first, second) = (_mm256_broadcastss_ps(pair), _mm256_broadcastss_ps(_mm_movehdup_ps(pair)))
      store(lowBytes(words), first, first, out)
      store(_mm256_srai_epi16(words, 8), second, second, out + stride)
      d &+= 16
    }
    slot &+= 2
  }
}

/// The lower bytes of words, with their signs.
@inline(__always)
private func lowBytes(_ words: Integers) -> Integers { _mm256_srai_epi16(_mm256_slli_epi16(words, 8), 8) }

/// Sixteen 16-bit integers times scales, as floats.
@inline(__always)
private func store(_ values: Integers, _ low: Floats, _ high: Floats, _ out: UnsafeMutablePointer<Float>) {
  let first = _mm256_cvtepi16_epi32(_mm256_castsi256_si128(values))
  let second = _mm256_cvtepi16_epi32(kinglet256_upper_integers(values))
  _mm256_storeu_ps(out, _mm256_mul_ps(_mm256_cvtepi32_ps(first), low))
  _mm256_storeu_ps(out + 8, _mm256_mul_ps(_mm256_cvtepi32_ps(second), high))
}
