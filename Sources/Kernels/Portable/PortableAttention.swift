#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The references of the attention kernels: softmax over one page at a time (the partial results of Rabe and Staats 2021
/// and Dao et al. 2022), merged in ascending order of pages.
enum PortableAttention {
  static func attend(_ task: PageAttention) {
    let (layout, headSize) = (task.layout, task.layout.headSize)
    let seen = (0..<task.queryCount).map { Int(task.lower[$0])..<max(Int(task.lower[$0]), Int(task.upper[$0])) }
    let slots = (seen.map(\.lowerBound).min() ?? 0)..<(seen.map(\.upperBound).max() ?? 0)
    // Keys, and then values, of the page as floats, [256, headSize].
    let elements = task.workspace.assumingMemoryBound(to: Float.self)
    for slot in slots {
      for d in 0..<headSize {
        elements[slot * headSize + d] = PortableKVPages.key(layout, task.page, slot: slot, dimension: d)
      }
    }
    for i in 0..<task.queryCount {
      let (query, scores) = (task.queries + i * headSize, task.scores + i * KVPageLayout.positions)
      for slot in seen[i] {
        var score: Float = 0
        for d in 0..<headSize { score += query[d] * elements[slot * headSize + d] }
        if let bias = task.bias { score -= bias.slopes[i] * Float(abs(slot - Int(bias.slots[i]))) }
        scores[slot] = score
      }
    }
    for slot in slots {
      for d in 0..<headSize {
        elements[slot * headSize + d] = PortableKVPages.value(layout, task.page, slot: slot, dimension: d)
      }
    }
    for i in 0..<task.queryCount {
      let scores = task.scores + i * KVPageLayout.positions
      let out = task.out + i * PageAttention.resultStride(layout)
      let maximum = seen[i].reduce(-Float.infinity) { max($0, scores[$1]) }
      var sum: Float = 0
      for d in 0..<layout.valueStride { out[d] = 0 }
      for slot in seen[i] {
        let weight = expf(scores[slot] - maximum)
        sum += weight
        for d in 0..<headSize { out[d] += weight * elements[slot * headSize + d] }
      }
      out[layout.valueStride] = maximum
      out[layout.valueStride + 1] = sum
    }
  }

  static func merge(_ running: UnsafeMutablePointer<Float>, _ page: UnsafePointer<Float>, _ valueStride: Int) {
    guard page[valueStride] > -Float.infinity else { return }
    let maximum = max(running[valueStride], page[valueStride])
    let keep = expf(running[valueStride] - maximum)
    let add = expf(page[valueStride] - maximum)
    for i in 0..<valueStride { running[i] = running[i] * keep + page[i] * add }
    running[valueStride] = maximum
    running[valueStride + 1] = running[valueStride + 1] * keep + page[valueStride + 1] * add
  }

  static func finish(
    _ running: UnsafePointer<Float>, _ valueStride: Int, _ headSize: Int, _ out: UnsafeMutablePointer<Float>
  ) {
    let sum = running[valueStride + 1]
    for d in 0..<headSize { out[d] = running[d] / sum }
  }
}
