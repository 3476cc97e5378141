import CIntrinsics
import KingletKernels

/// Turns the scores of all queries into weights, and writes the maximum and the sum behind each query's output.
@inline(__always)
func softmax(_ task: PageAttention, _ visible: Visible) {
  let stride = task.layout.valueStride
  // Memory has nothing else to do meanwhile: the first values are fetched, a cache line with every vector of scores, unless
  // that was done with the last keys (`scoreStreams`).
  var values = firstValue(task, visible)
  var i = 0
  while i < task.queryCount {
    softmax(task.scores + i &* KVPageLayout.positions, visible, task.out + i &* (stride &+ 16) + stride, values)
    values += (visible.upper &- visible.block) / 16 &* 64
    i &+= 1
  }
}

@inline(__always)
private func softmax(
  _ scores: UnsafeMutablePointer<Float>, _ visible: Visible, _ result: UnsafeMutablePointer<Float>,
  _ values: UnsafeRawPointer
) {
  var largest = _mm512_set1_ps(-.infinity)
  var slot = visible.block
  while slot < visible.upper {
    largest = _mm512_max_ps(largest, _mm512_loadu_ps(scores + slot))
    slot &+= 16
  }
  let maximum = _mm512_reduce_max_ps(largest)
  // Nothing seen: any finite shift turns the -infinities into exact zeros.
  let shift = _mm512_set1_ps(maximum > -.infinity ? maximum : 0)
  var sum = _mm512_setzero_ps()
  slot = visible.block
  while slot < visible.upper {
    kinglet512_prefetch(values + (slot &- visible.block) &* 4)
    let weights = exponential(_mm512_sub_ps(_mm512_loadu_ps(scores + slot), shift))
    _mm512_storeu_ps(scores + slot, weights)
    sum = _mm512_add_ps(sum, weights)
    slot &+= 16
  }
  result[0] = maximum
  result[1] = _mm512_reduce_add_ps(sum)
}
