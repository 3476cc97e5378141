extension BlockQ8_0: QuantizableBlock {
  /// The largest magnitude becomes 127.
  static func quantize(
    row: UnsafePointer<Float>, count: Int, importance: UnsafePointer<Float>?, memory: QuantizerMemory,
    into blocks: UnsafeMutablePointer<Self>
  ) {
    for index in 0..<count / 32 {
      let (values, block) = (row + index * 32, blocks + index)
      let scale = extreme(values, count: 32).magnitude / 127
      let inverse = reciprocal(scale)
      block.pointee.scale = Half(scale)
      let quants = block.bytes(\.quants)
      for i in stride(from: 0, to: 32, by: 8) { (values.lanes(at: i) * inverse).roundedAway.storeBytes(to: quants + i) }
    }
  }
}
