/// A safetensors file put together from its header's text, so that the reader's tests need not trust the writer.
func safetensors(_ header: String, dataByteCount: Int = 0) -> [UInt8] {
  safetensors(Array(header.utf8), dataByteCount: dataByteCount)
}

func safetensors(_ header: [UInt8], dataByteCount: Int = 0) -> [UInt8] {
  withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header
    + (0..<dataByteCount).map { UInt8(truncatingIfNeeded: $0) }
}

/// The header's entry of one tensor.
func entry(_ name: String, _ type: String, _ shape: String, _ start: Int, _ end: Int) -> String {
  "\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[\(start),\(end)]}"
}
