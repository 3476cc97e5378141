extension BlockQ3_K: QuantizableBlock {
  static func quantize(
    row: UnsafePointer<Float>, count: Int, importance: UnsafePointer<Float>?, memory: QuantizerMemory,
    into blocks: UnsafeMutablePointer<Self>
  ) {
    for index in 0..<count / 256 {
      let (values, block) = (row + index * 256, blocks + index)
      let scale = findScales(values, importance: importance.map { $0 + index * 256 }, memory)
      block.pointee.scale = scale
      packScales(memory.scales, into: block.bytes(\.scales))
      for group in 0..<16 {
        memory.requantize(
          values, group: group, count: 16, scale: scale.float * memory.scales[group], minimum: 0, -4, 3, zero: 4)
      }
      packThirdBits(memory.quants, into: block.bytes(\.highBits))
      packTwoBits(memory.quants, into: block.bytes(\.quants))
    }
  }

  /// Leaves the scales of the groups, integers from -32 to 31, in `memory` and returns their unit.
  @inline(__always)
  private static func findScales(
    _ values: UnsafePointer<Float>, importance: UnsafePointer<Float>?, _ memory: QuantizerMemory
  ) -> Half {
    let variance = importance == nil ? 0 : 2 * sumOfSquares(values, count: 256) / 256
    for first in [0, 8] {
      memory.loadGroups(values, first: first, count: 16)
      let scales: Lanes
      if let importance {
        memory.weigh(importance, variance: variance, first: first, count: 16)
        scales = memory.groups.searchScale(top: 4, count: 16)
      } else {
        memory.groups.weighBySquare(count: 16)
        scales = memory.groups.descendToScale(top: 4, count: 16)
      }
      memory.groups.storeQuants(count: 16, to: memory.quants + first * 16)
      memory.store(scales, to: memory.scales + first)
    }
    return importance == nil ? roundScales(memory.scales, memory) : roundScalesWeighted(memory)
  }

  /// Rounds the scales so that the one of largest magnitude becomes -32.
  private static func roundScales(_ scales: UnsafeMutablePointer<Float>, _ memory: QuantizerMemory) -> Half {
    let extreme = extreme(scales, count: 16)
    let inverse = -32 / extreme
    for i in [0, 8] {
      let rounded =
        extreme == 0 ? Lanes(repeating: -32) : (UnsafePointer(scales).lanes(at: i) * inverse).nearest(-32, 31)
      memory.store(rounded, to: scales + i)
    }
    return Half(extreme == 0 ? 0 : 1 / inverse)
  }

  private static func roundScalesWeighted(_ memory: QuantizerMemory) -> Half {
    for i in 0..<16 {
      memory.groups.values[i] = Lanes(memory.scales[i], 0, 0, 0, 0, 0, 0, 0)
      memory.groups.weights[i] = Lanes(repeating: memory.weightSums[i])
    }
    let scale = memory.groups.searchScale(top: 32, count: 16)[0]
    for i in 0..<16 { memory.scales[i] = memory.groups.quants[i][0] - 32 }
    return Half(scale)
  }
}

extension GroupLanes {
  /// The scales when values are scale * (q - top), q in 0 ..< 2 top; ggml's `make_q3_quants`.
  ///
  /// The value of largest magnitude takes the end of the range, then each q is moved to where it is best.
  func descendToScale(top: Float, count: Int) -> Lanes {
    let extreme = extreme(count: count)
    let inverse = -top / extreme
    var (xq, qq) = (Lanes.zero, Lanes.zero)
    for i in 0..<count {
      let quant = (inverse * values[i]).nearest(-top, top - 1)
      quants[i] = quant
      xq += weights[i] * values[i] * quant
      qq += weights[i] * quant * quant
    }
    descend(&xq, &qq, -top, top - 1, count: count)
    let isZero = extreme.magnitude .< vanishing
    for i in 0..<count { quants[i] = (quants[i] + top).replacing(with: 0, where: isZero) }
    return (xq / qq).replacing(with: 0, where: .!(qq .> 0) .| isZero)
  }
}

/// Packs sixteen signed scales of six bits as `BlockQ3_K.groupScale` reads them.
private func packScales(_ scales: UnsafePointer<Float>, into bytes: UnsafeMutablePointer<UInt8>) {
  func bits(_ group: Int) -> UInt8 { UInt8(exactly: scales[group] + 32) ?? 0 }
  for i in 0..<8 { bytes[i] = bits(i) & 15 | (bits(i + 8) & 15) << 4 }
  for i in 0..<4 {
    bytes[8 + i] = (0..<4).reduce(0) { $0 | (bits(i + 4 * $1) >> 4) << (2 * $1) }
  }
}

/// Gathers the third bits of 256 numbers: bit j of byte i is that of number 32 j + i.
private func packThirdBits(_ quants: UnsafePointer<UInt8>, into bytes: UnsafeMutablePointer<UInt8>) {
  for i in 0..<32 { bytes[i] = 0 }
  for plane in 0..<8 {
    let shift = UInt8(truncatingIfNeeded: plane)
    for i in 0..<32 { bytes[i] |= (quants[plane &* 32 &+ i] &>> 2 & 1) &<< shift }
  }
}
