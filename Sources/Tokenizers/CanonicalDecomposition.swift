#if canImport(Darwin)
  import Foundation
#else
  @_spi(_Unicode) import Swift
#endif

/// Unicode normalisation form D of single characters, from the tables of the standard library (see
/// `CanonicalComposition` about Apple's platforms).
///
/// Marks are not brought into their canonical order: callers drop nearly all of them, and sorting a run of a million
/// marks is what an attacker would send.
enum CanonicalDecomposition {
  /// Calls `body` with the characters that a character is made of; itself, for most.
  static func forEach(_ scalar: Unicode.Scalar, _ body: (Unicode.Scalar) -> Void) {
    // Below U+00C0 nothing decomposes, and neither do the ideographs of the main block.
    if scalar.value < 0xC0 || (0x2E80...0xABFF).contains(scalar.value) && !isKana(scalar) { return body(scalar) }
    #if canImport(Darwin)
      String(scalar).decomposedStringWithCanonicalMapping.unicodeScalars.forEach(body)
    #else
      for part in String(scalar)._nfd { body(part) }
    #endif
  }

  private static func isKana(_ scalar: Unicode.Scalar) -> Bool { (0x3040...0x30FF).contains(scalar.value) }
}
