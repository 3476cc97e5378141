/// Comparing and hashing the bytes of short texts, eight at a time.
///
/// The span's loads check their bounds. They are called unsafe because not every type can take any bytes; integers can.
enum TokenText {
  /// Whether two texts of one length are the same.
  static func isEqual(_ left: RawSpan, _ right: RawSpan) -> Bool {
    var offset = 0
    while offset + 8 <= left.byteCount {
      if word(left, offset) != word(right, offset) { return false }
      offset += 8
    }
    return tail(left, offset) == tail(right, offset)
  }

  /// A hash that spreads over all 64 bits: multiply and fold, word by word.
  static func hash(_ text: RawSpan) -> UInt64 {
    var hash = UInt64(truncatingIfNeeded: text.byteCount) &* 0x9E37_79B9_7F4A_7C15
    var offset = 0
    while offset + 8 <= text.byteCount {
      hash = mix(hash ^ word(text, offset))
      offset += 8
    }
    return mix(hash ^ tail(text, offset))
  }

  /// The offset of the first space.
  static func firstSpace(in text: RawSpan) -> Int? {
    var offset = 0
    while offset < text.byteCount, byte(text, offset) != UInt8(ascii: " ") { offset += 1 }
    return offset < text.byteCount ? offset : nil
  }

  /// Appends a text to others.
  static func append(_ text: RawSpan, to bytes: inout [UInt8]) {
    bytes.append(addingCapacity: text.byteCount) { end in
      for offset in 0..<text.byteCount { end.append(byte(text, offset)) }
    }
  }

  /// A text as a `String`; where its bytes are not UTF-8, with replacement characters.
  static func string(_ text: RawSpan) -> String {
    var bytes: [UInt8] = []
    append(text, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The bytes of both.
  static func joined(_ first: RawSpan, _ second: RawSpan) -> [UInt8] {
    var bytes: [UInt8] = []
    append(first, to: &bytes)
    append(second, to: &bytes)
    return bytes
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    let product = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
    return product.high ^ product.low
  }

  private static func word(_ text: RawSpan, _ offset: Int) -> UInt64 {
    text.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
  }

  /// The last bytes, fewer than eight, as a number.
  private static func tail(_ text: RawSpan, _ start: Int) -> UInt64 {
    var value: UInt64 = 0
    for offset in start..<text.byteCount {
      value = value << 8 | UInt64(byte(text, offset))
    }
    return value
  }

  private static func byte(_ text: RawSpan, _ offset: Int) -> UInt8 {
    text.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
  }
}
