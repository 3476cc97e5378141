import KingletErrors
import KingletFiles

extension SafetensorsFolder {
  /// Some rows of a tensor as floats: `[rows.count, product of the other sizes]`. A tensor of one size has rows of one
  /// value.
  ///
  /// - Throws: `.unsupported` when the tensor does not hold fractions, `.invalidArgument` when it has no such rows.
  public func floats(of tensor: SafetensorsTensor, rows: Range<Int>) throws(KingletError) -> [Float] {
    let range = try tensor.byteRange(of: rows)
    return withBytes(of: tensor) { decode($0[range], as: tensor.type) }
  }
}

extension SafetensorsFile {
  /// Some rows of a tensor as floats, as a folder's.
  public func floats(of tensor: SafetensorsTensor, rows: Range<Int>) throws(KingletError) -> [Float] {
    let range = try tensor.byteRange(of: rows)
    return withBytes(of: tensor) { decode($0[range], as: tensor.type) }
  }

  /// All values of a tensor as floats.
  ///
  /// - Throws: `.unsupported` when the tensor does not hold fractions.
  public func floats(of tensor: SafetensorsTensor) throws(KingletError) -> [Float] {
    try tensor.checkFractions()
    return withBytes(of: tensor) { decode($0[...], as: tensor.type) }
  }
}

extension SafetensorsTensor {
  fileprivate func checkFractions() throws(KingletError) {
    guard type.isFloat else {
      throw KingletError(
        .unsupported, "values of type \(type.rawValue) are no fractions", at: "tensor \(quoted(name))")
    }
  }

  /// Where some rows lie within its bytes.
  fileprivate func byteRange(of rows: Range<Int>) throws(KingletError) -> Range<Int> {
    guard let count = shape.first, rows.lowerBound >= 0, rows.upperBound <= count, count > 0 else {
      throw KingletError(.invalidArgument, "there are no rows \(rows)", at: "tensor \(quoted(name))")
    }
    try checkFractions()
    let rowByteCount = byteCount / count
    return rows.lowerBound * rowByteCount..<rows.upperBound * rowByteCount
  }
}

/// The values in `bytes`, rounded to single precision where they are of double.
private func decode(_ bytes: Slice<UnsafeRawBufferPointer>, as type: SafetensorsType) -> [Float] {
  let source = UnsafeRawBufferPointer(rebasing: bytes)
  if let values = type.quantType?.floats(source) { return values }
  return stride(from: 0, to: source.count, by: type.byteCount).map { offset in
    let bits = source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    return Float(Double(bitPattern: UInt64(littleEndian: bits)))
  }
}
