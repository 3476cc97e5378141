/// The reference of the activation quantiser.
enum PortableActivations {
  static func quantize(
    _ x: UnsafePointer<Float>, _ columns: Int, _ tile: UnsafeMutableRawPointer, _ width: Int, _ slot: Int
  ) {
    var record = tile
    for column in stride(from: 0, to: columns, by: ActivationLayout.columns) {
      var (total, shifts): (Float, Float) = (0, 0)
      for half in 0..<2 {
        let values = x + column + 16 * half
        var largest: Float = 0
        for i in 0..<16 where abs(values[i]) > largest { largest = abs(values[i]) }
        let scale = ActivationLayout.scale(largest: largest)
        let inverse = scale > ActivationLayout.smallest ? 1 / scale : 0
        var sums: (Int16, Int16) = (0, 0)
        for i in 0..<16 {
          let q = rounded(values[i] * inverse)
          record.storeBytes(of: q, toByteOffset: 32 * slot + 16 * half + i, as: Int8.self)
          if i < 8 { sums.0 += Int16(q) } else { sums.1 += Int16(q) }
        }
        let pair = ActivationLayout.pairSumOffset(width, slot) + 4 * half
        record.storeBytes(of: sums.0, toByteOffset: pair, as: Int16.self)
        record.storeBytes(of: sums.1, toByteOffset: pair + 2, as: Int16.self)
        record.storeBytes(of: scale, toByteOffset: ActivationLayout.scaleOffset(width, slot) + 4 * half, as: Float.self)
        let shift = -ActivationLayout.integerBase * scale
        record.storeBytes(of: shift, toByteOffset: ActivationLayout.shiftOffset(width, slot) + 4 * half, as: Float.self)
        total += scale * Float(sums.0 + sums.1)
        shifts += shift
      }
      record.storeBytes(of: total, toByteOffset: ActivationLayout.sumOffset(width, slot), as: Float.self)
      record.storeBytes(of: shifts, toByteOffset: ActivationLayout.bothShiftsOffset(width, slot), as: Float.self)
      record += width * ActivationLayout.byteCount(columns: 32)
    }
  }

  /// To the nearest integer, ties to even; what is not a number becomes 0.
  private static func rounded(_ value: Float) -> Int8 {
    let nearest = value.rounded(.toNearestOrEven)
    return nearest >= -127 && nearest <= 127 ? Int8(nearest) : 0
  }
}
