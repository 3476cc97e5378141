extension BlockQ4_K: QuantizableBlock {
  static func quantize(
    row: UnsafePointer<Float>, count: Int, importance: UnsafePointer<Float>?, memory: QuantizerMemory,
    into blocks: UnsafeMutablePointer<Self>
  ) {
    let search = GroupSearch(top: 15, from: -1, step: 0.1, steps: 20)
    for index in 0..<count / 256 {
      let (values, block) = (row + index * 256, blocks + index)
      let found = quantizeEightGroups(
        values, importance: importance.map { $0 + index * 256 }, search, memory: memory,
        scales: block.bytes(\.scales))
      block.pointee.scale = found.scale
      block.pointee.minimumScale = found.minimumScale
      packNibblePairs(memory.quants, into: block.bytes(\.nibbles))
    }
  }
}

/// Quantises eight groups of 32 values with 6-bit scales and minimums, as Q4_K and Q5_K have them.
@inline(__always)
func quantizeEightGroups(
  _ block: UnsafePointer<Float>, importance: UnsafePointer<Float>?, _ search: GroupSearch, memory: QuantizerMemory,
  scales: UnsafeMutablePointer<UInt8>
) -> BlockScales {
  memory.loadGroups(block, first: 0, count: 32)
  let found: BlockScales
  if let importance {
    let variance = 2 * sumOfSquares(block, count: 256) / 256
    memory.weigh(importance, variance: variance, first: 0, count: 32)
    memory.search(GroupSearch(top: search.top, from: -0.9, step: 0.05, steps: 36), first: 0, count: 32)
    found = memory.roundScalesWeighted(top: 63, count: 8)
  } else {
    memory.groups.weighByMagnitude(count: 32)
    memory.search(search, first: 0, count: 32)
    found = memory.roundScales(top: 63, count: 8)
  }
  packSixBits(memory.scales, memory.minimums, into: scales)
  for group in 0..<8 {
    memory.requantize(
      block, group: group, count: 32, scale: found.scale.float * memory.scales[group],
      minimum: found.minimumScale.float * memory.minimums[group], 0, search.top)
  }
  return found
}

extension GroupLanes {
  /// The magnitudes, and their quadratic mean, as weights.
  @inline(__always)
  func weighByMagnitude(count: Int) {
    var sum = Lanes.zero
    for i in 0..<count { sum += values[i] * values[i] }
    let mean = (sum / Float(count)).squareRoot()
    for i in 0..<count { weights[i] = mean + values[i].magnitude }
  }
}

/// Packs eight scales and minimums of six bits as `SixBitScales` reads them.
private func packSixBits(
  _ scales: UnsafePointer<Float>, _ minimums: UnsafePointer<Float>, into bytes: UnsafeMutablePointer<UInt8>
) {
  for k in 0..<4 {
    let (scale, minimum) = (sixBits(scales[k]), sixBits(minimums[k]))
    let (upperScale, upperMinimum) = (sixBits(scales[k + 4]), sixBits(minimums[k + 4]))
    bytes[k] = scale | (upperScale >> 4) << 6
    bytes[k + 4] = minimum | (upperMinimum >> 4) << 6
    bytes[k + 8] = upperScale & 15 | (upperMinimum & 15) << 4
  }
}

@inline(__always)
private func sixBits(_ number: Float) -> UInt8 { UInt8(exactly: number) ?? 0 }

/// Packs 256 numbers of four bits: pairs of 32 as the low and high halves of 32 bytes.
@inline(__always)
func packNibblePairs(_ quants: UnsafePointer<UInt8>, into bytes: UnsafeMutablePointer<UInt8>) {
  for pair in 0..<4 {
    let low = quants + pair &* 64
    for i in 0..<32 { bytes[pair &* 32 &+ i] = low[i] & 15 | low[i &+ 32] &<< 4 }
  }
}
