extension BlockQ2_K: QuantizableBlock {
  static func quantize(
    row: UnsafePointer<Float>, count: Int, importance: UnsafePointer<Float>?, memory: QuantizerMemory,
    into blocks: UnsafeMutablePointer<Self>
  ) {
    for index in 0..<count / 256 {
      let (values, block) = (row + index * 256, blocks + index)
      let found = findScales(values, importance: importance.map { $0 + index * 256 }, memory)
      block.pointee.scale = found.scale
      block.pointee.minimumScale = found.minimumScale
      for group in 0..<16 {
        let (scale, minimum) = (memory.scales[group], memory.minimums[group])
        block.bytes(\.scales)[group] = fourBits(scale) | fourBits(minimum) << 4
        memory.requantize(
          values, group: group, count: 16, scale: found.scale.float * scale,
          minimum: found.minimumScale.float * minimum, 0, 3)
      }
      packTwoBits(memory.quants, into: block.bytes(\.quants))
    }
  }

  /// Scales and minimums of the groups, of four bits each, and their units.
  @inline(__always)
  private static func findScales(
    _ values: UnsafePointer<Float>, importance: UnsafePointer<Float>?, _ memory: QuantizerMemory
  ) -> BlockScales {
    let variance = importance == nil ? 0 : sumOfSquares(values, count: 256) / 256
    for first in [0, 8] {
      memory.loadGroups(values, first: first, count: 16)
      if let importance {
        memory.weigh(importance, variance: variance, first: first, count: 16)
        memory.search(GroupSearch(top: 3, from: -0.9, step: 0.05, steps: 36), first: first, count: 16)
      } else {
        for i in 0..<16 { memory.groups.weights[i] = memory.groups.values[i].magnitude }
        memory.search(
          GroupSearch(top: 3, from: -0.5, step: 0.1, steps: 15, absolute: true), first: first, count: 16)
      }
    }
    return importance == nil
      ? memory.roundScales(top: 15, count: 16) : memory.roundScalesWeighted(top: 15, count: 16)
  }
}

@inline(__always)
private func fourBits(_ number: Float) -> UInt8 { UInt8(exactly: number) ?? 0 }

/// Packs the low two bits of 256 numbers: of each half of 128, number 32 j + i as bits 2 j and 2 j + 1 of byte i.
@inline(__always)
func packTwoBits(_ quants: UnsafePointer<UInt8>, into bytes: UnsafeMutablePointer<UInt8>) {
  for half in 0..<2 {
    let q = quants + half &* 128
    for i in 0..<32 {
      let low = q[i] & 3 | (q[i &+ 32] & 3) &<< 2
      bytes[half &* 32 &+ i] = low | (q[i &+ 64] & 3) &<< 4 | q[i &+ 96] &<< 6
    }
  }
}
