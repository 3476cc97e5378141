extension BlockQ4_0: QuantizableBlock {
  static func quantize(
    row: UnsafePointer<Float>, count: Int, importance: UnsafePointer<Float>?, memory: QuantizerMemory,
    into blocks: UnsafeMutablePointer<Self>
  ) {
    quantizeSymmetric(row: row, count: count, importance: importance, zero: 8, memory: memory) { index, scale, quants in
      blocks[index].scale = Half(scale)
      pack(nibbles: quants, into: (blocks + index).bytes(\.nibbles))
    }
  }
}

extension BlockQ4_1: QuantizableBlock {
  static func quantize(
    row: UnsafePointer<Float>, count: Int, importance: UnsafePointer<Float>?, memory: QuantizerMemory,
    into blocks: UnsafeMutablePointer<Self>
  ) {
    quantizeWithMinimum(row: row, count: count, importance: importance, top: 15, memory: memory) {
      index, scale, minimum, quants in
      blocks[index].scale = Half(scale)
      blocks[index].minimum = Half(minimum)
      pack(nibbles: quants, into: (blocks + index).bytes(\.nibbles))
    }
  }
}
