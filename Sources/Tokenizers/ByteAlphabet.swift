/// The printable alphabet in which vocabularies of byte-level BPE are written.
///
/// GPT-2's vocabulary is a text file, so each of the 256 bytes got a visible character: those that are printable in
/// Latin-1 stand for themselves, the others, in ascending order, for U+0100 and up (a space is "Ġ", U+0120).
enum ByteAlphabet {
  /// The bytes that a text stands for. What is not written in the alphabet is copied as it is.
  static func decode(_ text: ArraySlice<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count)
    for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
      if let byte = byte(of: scalar) { bytes.append(byte) } else { bytes += scalar.utf8 }
    }
    return bytes
  }

  /// Appends the character that stands for `byte`, in UTF-8.
  static func spell(_ byte: UInt8, into text: inout [UInt8]) {
    let scalar = scalar(of: byte)
    if scalar < 0x80 {
      text.append(UInt8(scalar))
    } else {
      text.append(0xC0 | UInt8(scalar >> 6))
      text.append(0x80 | UInt8(scalar & 0x3F))
    }
  }

  private static func byte(of scalar: Unicode.Scalar) -> UInt8? {
    switch scalar.value {
    case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: UInt8(scalar.value)
    case 0x100...0x120: UInt8(scalar.value - 0x100)
    case 0x121...0x142: UInt8(scalar.value - 0x121 + 0x7F)
    case 0x143: 0xAD
    default: nil
    }
  }

  private static func scalar(of byte: UInt8) -> UInt16 {
    switch byte {
    case 0x00...0x20: 0x100 + UInt16(byte)
    case 0x7F...0xA0: 0x121 + UInt16(byte - 0x7F)
    case 0xAD: 0x143
    default: UInt16(byte)
    }
  }
}
