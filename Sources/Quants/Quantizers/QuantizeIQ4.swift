extension BlockIQ4_NL: QuantizableBlock {
  static func quantize(
    row: UnsafePointer<Float>, count: Int, importance: UnsafePointer<Float>?, memory: QuantizerMemory,
    into blocks: UnsafeMutablePointer<Self>
  ) {
    let groups = memory.groups
    for first in stride(from: 0, to: count / 32, by: 8) {
      let blockCount = min(8, count / 32 - first)
      groups.load(row + first * 32, groups: blockCount, count: 32, into: groups.values)
      if let importance {
        groups.load(importance + first * 32, groups: blockCount, count: 32, into: groups.weights)
        groups.weigh(variance: groups.sumOfSquares(count: 32) * (2 / 32), count: 32)
      } else {
        groups.weighBySquare(count: 32)
      }
      let scales = groups.searchLevelScale(count: 32)
      groups.chooseLevels(inverse: (1 / scales).replacing(with: 0, where: scales .== 0), count: 32)
      groups.storeQuants(count: 32, to: memory.quants)
      for lane in 0..<blockCount {
        blocks[first + lane].scale = Half(scales[lane])
        pack(nibbles: memory.quants + lane * 32, into: (blocks + first + lane).bytes(\.nibbles))
      }
    }
  }
}

extension BlockIQ4_XS: QuantizableBlock {
  static func quantize(
    row: UnsafePointer<Float>, count: Int, importance: UnsafePointer<Float>?, memory: QuantizerMemory,
    into blocks: UnsafeMutablePointer<Self>
  ) {
    let groups = memory.groups
    for index in 0..<count / 256 {
      let (values, block) = (row + index * 256, blocks + index)
      groups.load(values, count: 32, into: groups.values)
      if let importance {
        groups.load(importance + index * 256, count: 32, into: groups.weights)
        groups.weigh(variance: Lanes(repeating: sumOfSquares(values, count: 256) * (2 / 256)), count: 32)
      } else {
        groups.weighBySquare(count: 32)
      }
      let scales = groups.searchLevelScale(count: 32)
      memory.store(scales, to: memory.scales)
      // The scale of largest magnitude becomes -32.
      let scale = extreme(memory.scales, count: 8) / -32
      let rounded = (scales * (scale == 0 ? 0 : 1 / scale)).nearest(-32, 31)
      let groupScales = rounded * scale
      groups.chooseLevels(inverse: (1 / groupScales).replacing(with: 0, where: groupScales .== 0), count: 32)
      groups.storeQuants(count: 32, to: memory.quants)
      block.pointee.scale = Half(scale)
      packScales(rounded, into: block)
      for group in 0..<8 {
        pack(nibbles: memory.quants + group * 32, into: block.bytes(\.nibbles) + group * 16)
      }
    }
  }

  /// Packs eight signed scales of six bits as `groupScale` reads them.
  private static func packScales(_ scales: Lanes, into block: UnsafeMutablePointer<Self>) {
    func bits(_ group: Int) -> UInt8 { UInt8(exactly: scales[group] + 32) ?? 0 }
    func highBits(_ first: Int) -> UInt8 { (0..<4).reduce(0) { $0 | (bits(first + $1) >> 4) << (2 * $1) } }
    block.pointee.highScales = (highBits(0), highBits(4))
    for i in 0..<4 { block.bytes(\.lowScales)[i] = bits(2 * i) & 15 | (bits(2 * i + 1) & 15) << 4 }
  }
}

extension GroupLanes {
  /// The scales that leave the least weighted square error when values are scale * level, of `iq4Levels`; the method of
  /// ggml's `quantize_row_iq4_nl_impl`.
  ///
  /// The value of largest magnitude is put at the upper end of the levels, then about the lower end in 15 tries.
  @inline(__always)
  func searchLevelScale(count: Int) -> Lanes {
    let extreme = extreme(count: count)
    var sums = levelSums(1 / (extreme / 127), count: count)
    var scale = (sums.xq / sums.qq).replacing(with: 0, where: .!(sums.qq .> 0))
    var gain = scale * sums.xq
    for step in -7...7 {
      sums = levelSums((Float(step) - 127) / extreme, count: count)
      let isBetter = (sums.qq .> 0) .& (sums.xq * sums.xq .> gain * sums.qq)
      scale = scale.replacing(with: sums.xq / sums.qq, where: isBetter)
      gain = gain.replacing(with: scale * sums.xq, where: isBetter)
    }
    return scale.replacing(with: 0, where: extreme.magnitude .< vanishing)
  }

  @inline(__always)
  private func levelSums(_ inverse: Lanes, count: Int) -> (xq: Lanes, qq: Lanes) {
    var (xq, qq) = (Lanes.zero, Lanes.zero)
    for i in 0..<count {
      let level = climb(
        inverse * values[i], from: -127, by: (23, 21, 18, 16, 14, 13, 12, 11, 12, 12, 13, 15, 16, 20, 24))
      let weighted = weights[i] * level
      xq += weighted * values[i]
      qq += weighted * level
    }
    return (xq, qq)
  }

  /// The indices of the levels nearest to the values times `inverse`.
  @inline(__always)
  func chooseLevels(inverse: Lanes, count: Int) {
    for i in 0..<count {
      quants[i] = climb(inverse * values[i], from: 0, by: (1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1))
    }
  }

  /// The sum of squares of each group, added in order.
  @inline(__always)
  func sumOfSquares(count: Int) -> Lanes {
    var sum = Lanes.zero
    for i in 0..<count { sum += values[i] * values[i] }
    return sum
  }
}

private typealias Rises = (
  Float, Float, Float, Float, Float, Float, Float, Float, Float, Float, Float, Float, Float, Float, Float
)

/// Adds to `start` one rise for each of the middles between neighbouring `iq4Levels` that `x` has reached.
///
/// With the distances of the levels as rises this is the level nearest to `x`, without a branch or a table.
@inline(__always)
private func climb(_ x: Lanes, from start: Float, by rises: Rises) -> Lanes {
  var height = Lanes(repeating: start)
  func rise(_ middle: Float, _ by: Float) {
    // Not "at or above": NaN climbs to the top, as it does elsewhere.
    height += Lanes(repeating: by).replacing(with: 0, where: x .< middle)
  }
  rise(-115.5, rises.0)
  rise(-93.5, rises.1)
  rise(-74, rises.2)
  rise(-57, rises.3)
  rise(-42, rises.4)
  rise(-28.5, rises.5)
  rise(-16, rises.6)
  rise(-4.5, rises.7)
  rise(7, rises.8)
  rise(19, rises.9)
  rise(31.5, rises.10)
  rise(45.5, rises.11)
  rise(61, rises.12)
  rise(79, rises.13)
  rise(101, rises.14)
  return height
}
