import KingletQuants

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
  static func append(_ p: KVAppend) {
    let layout = p.layout
    let block = p.slot / 16 * 16 * layout.headSize + p.slot % 16
    let values = p.page + layout.valueOffset
    for d in 0..<layout.headSize {
      store(p.key[d], layout, p.page, block + 16 * d)
      store(p.value[d], layout, values, p.slot * layout.valueStride + d)
    }
  }

  static func attend(_ task: PageAttention) {
    let headSize = task.layout.headSize
    let stride = PageAttention.resultStride(task.layout)
    for i in 0..<task.queryCount {
      let query = task.queries + i * headSize
      let scores = task.scores + i * KVPageLayout.positions
      let out = task.out + i * stride
      let visible = Int(task.lower[i])..<max(Int(task.lower[i]), Int(task.upper[i]))
      var maximum = -Float.infinity
      for slot in visible {
        var score: Float = 0
        let block = slot / 16 * 16 * headSize + slot % 16
        for d in 0..<headSize { score += query[d] * load(task.layout, task.page, block + 16 * d) }
        scores[slot] = score
        maximum = max(maximum, score)
      }
      var sum: Float = 0
      for d in 0..<task.layout.valueStride { out[d] = 0 }
      for slot in visible {
        let weight = expf(scores[slot] - maximum)
        sum += weight
        let row = slot * task.layout.valueStride
        for d in 0..<headSize {
          out[d] += weight * load(task.layout, task.page + task.layout.valueOffset, row + d)
        }
      }
      out[task.layout.valueStride] = maximum
      out[task.layout.valueStride + 1] = sum
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

  private static func load(_ layout: KVPageLayout, _ base: UnsafeRawPointer, _ index: Int) -> Float {
    layout.isHalf
      ? Half(bits: base.load(fromByteOffset: 2 * index, as: UInt16.self)).float
      : base.load(fromByteOffset: 4 * index, as: Float.self)
  }

  private static func store(_ value: Float, _ layout: KVPageLayout, _ base: UnsafeMutableRawPointer, _ index: Int) {
    if layout.isHalf {
      base.storeBytes(of: Half(min(max(value, -65_504), 65_504)).bits, toByteOffset: 2 * index, as: UInt16.self)
    } else {
      base.storeBytes(of: value, toByteOffset: 4 * index, as: Float.self)
    }
  }
}
