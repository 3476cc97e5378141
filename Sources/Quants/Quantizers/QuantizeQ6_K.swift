extension BlockQ6_K: QuantizableBlock {
  static func quantize(
    row: UnsafePointer<Float>, count: Int, importance: UnsafePointer<Float>?, memory: QuantizerMemory,
    into blocks: UnsafeMutablePointer<Self>
  ) {
    for index in 0..<count / 256 {
      let (values, block) = (row + index * 256, blocks + index)
      for first in [0, 8] {
        memory.loadGroups(values, first: first, count: 16)
        if let importance {
          let weights = importance + index * 256 + first * 16
          memory.groups.load(weights, count: 16, into: memory.groups.weights)
        } else {
          memory.groups.weighBySquare(count: 16)
        }
        memory.store(memory.groups.searchScale(top: 32, count: 16), to: memory.scales + first)
        memory.groups.storeQuants(count: 16, to: memory.quants + first * 16)
      }
      let extreme = extreme(memory.scales, count: 16)
      if extreme.magnitude < vanishing {
        UnsafeMutableRawPointer(block).initializeMemory(as: UInt8.self, repeating: 0, count: type.blockByteCount)
        continue
      }
      quantize(values, byScale: extreme, memory, into: block)
    }
  }

  /// Quantises with signed byte scales of which the one of largest magnitude becomes -128.
  private static func quantize(
    _ values: UnsafePointer<Float>, byScale extreme: Float, _ memory: QuantizerMemory,
    into block: UnsafeMutablePointer<Self>
  ) {
    let inverse = -128 / extreme
    let scale = Half(1 / inverse)
    block.pointee.scale = scale
    for i in [0, 8] {
      let scales = (UnsafePointer(memory.scales).lanes(at: i) * inverse).nearest(-128, 127)
      scales.storeBytes(to: block.bytes(\.scales) + i)
      memory.store(scales, to: memory.scales + i)
    }
    for group in 0..<16 {
      memory.requantize(
        values, group: group, count: 16, scale: scale.float * memory.scales[group], minimum: 0, -32, 31, zero: 32)
    }
    for half in 0..<2 {
      let quants = memory.quants + half * 128
      let nibbles = block.bytes(\.nibbles) + half * 64
      let highBits = block.bytes(\.highBits) + half * 32
      for i in 0..<32 {
        let (a, b, c, d) = (quants[i], quants[i &+ 32], quants[i &+ 64], quants[i &+ 96])
        nibbles[i] = a & 15 | c &<< 4
        nibbles[i &+ 32] = b & 15 | d &<< 4
        highBits[i] = a &>> 4 | (b &>> 4) &<< 2 | (c &>> 4) &<< 4 | (d &>> 4) &<< 6
      }
    }
  }
}
