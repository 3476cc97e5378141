extension BlockQ5_K: QuantizableBlock {
  static func quantize(
    row: UnsafePointer<Float>, count: Int, importance: UnsafePointer<Float>?, memory: QuantizerMemory,
    into blocks: UnsafeMutablePointer<Self>
  ) {
    let search = GroupSearch(top: 31, from: -0.5, step: 0.1, steps: 15)
    for index in 0..<count / 256 {
      let (values, block) = (row + index * 256, blocks + index)
      let found = quantizeEightGroups(
        values, importance: importance.map { $0 + index * 256 }, search, memory: memory,
        scales: block.bytes(\.scales))
      block.pointee.scale = found.scale
      block.pointee.minimumScale = found.minimumScale
      packNibblePairs(memory.quants, into: block.bytes(\.nibbles))
      packFifthBitPlanes(memory.quants, into: block.bytes(\.highBits))
    }
  }
}

/// Gathers the fifth bits of 256 numbers: bit g of byte i is that of number 32 g + i.
@inline(__always)
private func packFifthBitPlanes(_ quants: UnsafePointer<UInt8>, into bytes: UnsafeMutablePointer<UInt8>) {
  for i in 0..<32 { bytes[i] = 0 }
  for group in 0..<8 {
    let shift = UInt8(truncatingIfNeeded: group)
    for i in 0..<32 { bytes[i] |= (quants[group &* 32 &+ i] &>> 4) &<< shift }
  }
}
