extension QuantType {
  /// The values that whole blocks of this type hold; nil for a type that cannot be read.
  public func floats(_ bytes: UnsafeRawBufferPointer) -> [Float]? {
    guard let dequantize = dequantizer else { return nil }
    let count = bytes.count / blockByteCount * blockSize
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      guard let input = bytes.baseAddress, let output = buffer.baseAddress else { return }
      dequantize(input, count, output)
      initialized = count
    }
  }

  /// Whole blocks of this type that hold `values`; nil for a type that cannot be made, or when they are no whole blocks.
  public func bytes(_ values: [Float]) -> [UInt8]? {
    guard let quantize = quantizer, let byteCount = byteCount(forElements: values.count) else { return nil }
    return [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initialized in
      values.withUnsafeBufferPointer { values in
        guard let input = values.baseAddress, let output = buffer.baseAddress else { return }
        quantize(input, values.count, nil, output)
        initialized = byteCount
      }
    }
  }
}
