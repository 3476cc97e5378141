#if canImport(Darwin)
  import Foundation
#else
  @_spi(_Unicode) import Swift
#endif

/// Unicode normalisation form C.
///
/// The standard library composes with its own tables, but on Apple's platforms it does not export the function, so
/// there (and only there: it comes with the system) Foundation does it.
enum CanonicalComposition {
  /// The normal form of `text[range]`.
  static func compose(_ text: [UInt8], _ range: Range<Int>) -> [UInt8] {
    var composed: [UInt8] = []
    composed.reserveCapacity(range.count)
    var position = range.lowerBound
    // Below U+0300, which starts with the byte CC, nothing composes, and no character has another form.
    while let found = text[position..<range.upperBound].firstIndex(where: { $0 >= 0xCC }) {
      // An ASCII character composes with what follows, never with what is before it, so text may be cut there.
      let start = text[position..<found].lastIndex { $0 < 0x80 } ?? position
      let end = text[found..<range.upperBound].firstIndex { $0 < 0x80 } ?? range.upperBound
      composed.append(contentsOf: text[position..<start])
      append(String(decoding: text[start..<end], as: UTF8.self), to: &composed)
      position = end
    }
    composed.append(contentsOf: text[position..<range.upperBound])
    return composed
  }

  private static func append(_ string: String, to composed: inout [UInt8]) {
    #if canImport(Darwin)
      composed.append(contentsOf: string.precomposedStringWithCanonicalMapping.utf8)
    #else
      for scalar in string._nfc { composed.append(contentsOf: scalar.utf8) }
    #endif
  }
}
