import KingletErrors
import KingletFiles

extension SafetensorsFolder {
  /// Some rows of a tensor as floats: `[rows.count, product of the other sizes]`. A tensor of one size has rows of one
  /// value.
  ///
  /// - Throws: `.unsupported` when the tensor does not hold fractions, `.invalidArgument` when it has no such rows.
  public func floats(of tensor: SafetensorsTensor, rows: Range<Int>) throws(KingletError) -> [Float] {
    guard let count = tensor.shape.first, rows.lowerBound >= 0, rows.upperBound <= count, count > 0 else {
      throw KingletError(.invalidArgument, "there are no rows \(rows)", at: "tensor \(quoted(tensor.name))")
    }
    guard tensor.type.isFloat else {
      throw KingletError(
        .unsupported, "values of type \(tensor.type.rawValue) are no fractions", at: "tensor \(quoted(tensor.name))")
    }
    let rowByteCount = tensor.byteCount / count
    return withBytes(of: tensor) { bytes in
      decode(bytes[rows.lowerBound * rowByteCount..<rows.upperBound * rowByteCount], as: tensor.type)
    }
  }
}

extension SafetensorsFile {
  /// All values of a tensor as floats.
  ///
  /// - Throws: `.unsupported` when the tensor does not hold fractions.
  public func floats(of tensor: SafetensorsTensor) throws(KingletError) -> [Float] {
    guard tensor.type.isFloat else {
      throw KingletError(
        .unsupported, "values of type \(tensor.type.rawValue) are no fractions", at: "tensor \(quoted(tensor.name))")
    }
    return withBytes(of: tensor) { decode($0[...], as: tensor.type) }
  }
}

/// The values in `bytes`, rounded to single precision where they are of double.
private func decode(_ bytes: Slice<UnsafeRawBufferPointer>, as type: SafetensorsType) -> [Float] {
  let source = UnsafeRawBufferPointer(rebasing: bytes)
  let count = source.count / type.byteCount
  return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
    if let input = source.baseAddress, let output = buffer.baseAddress, let dequantize = type.quantType?.dequantizer {
      dequantize(input, count, output)
    } else {
      for index in 0..<count {
        let bits = source.loadUnaligned(fromByteOffset: index * type.byteCount, as: UInt64.self)
        buffer.initializeElement(at: index, to: Float(Double(bitPattern: UInt64(littleEndian: bits))))
      }
    }
    initialized = count
  }
}
