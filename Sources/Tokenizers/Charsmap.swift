/// The table of a SentencePiece normaliser (`tokenizer.ggml.precompiled_charsmap`): which texts are replaced by which.
///
/// Layout: the size of a trie in bytes (32 bits, little-endian), the trie, and the replacements, each ended by a zero
/// byte. The trie is a double array as darts-clone writes it (Yata et al. 2007; the packing of a unit is in its
/// `DoubleArrayUnit`). SentencePiece's `Normalizer` defines how it is used.
struct Charsmap: Sendable {
  private let units: [UInt32]
  private let replacements: [UInt8]

  /// No replacement of Unicode's compatibility forms comes near this length, nor does any text that is replaced; a file
  /// made to exhaust memory or time would exceed it.
  static let maximumLength = 1024

  /// Reads a table, or gives nil when it contradicts itself.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 4 else { return nil }
    let byteCount = Int(Self.word(bytes, 0))
    guard byteCount % 4 == 0, byteCount > 0, byteCount <= bytes.count - 4 else { return nil }
    units = stride(from: 4, to: 4 + byteCount, by: 4).map { Self.word(bytes, $0) }
    replacements = Array(bytes[(4 + byteCount)...])
    guard replacements.isEmpty || replacements.last == 0,
      replacements.split(separator: 0).allSatisfy({ $0.count <= Self.maximumLength })
    else { return nil }
  }

  /// The replacement of the longest text at `start` that has one, and the length of that text in bytes.
  func replacement(in text: [UInt8], at start: Int, before limit: Int) -> (text: ArraySlice<UInt8>, length: Int)? {
    var found: (text: ArraySlice<UInt8>, length: Int)?
    var node = Unit(units[0]).offset
    for position in start..<min(limit, start + Self.maximumLength) {
      node ^= Int(text[position])
      guard node < units.count, text[position] != 0 else { break }
      let unit = Unit(units[node])
      guard unit.label == UInt32(text[position]) else { break }
      node ^= unit.offset
      guard node < units.count else { break }
      if unit.hasLeaf, let replacement = replacement(at: Unit(units[node]).value) {
        found = (replacement, position + 1 - start)
      }
    }
    return found
  }

  private func replacement(at offset: Int) -> ArraySlice<UInt8>? {
    guard offset < replacements.count, let end = replacements[offset...].firstIndex(of: 0) else { return nil }
    return replacements[offset..<end]
  }

  private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
  }

  /// A node of the trie.
  private struct Unit {
    let bits: UInt32
    init(_ bits: UInt32) { self.bits = bits }

    /// The byte that leads here; the top bit is set where none does.
    var label: UInt32 { bits & 0x8000_00FF }
    /// Whether a text ends here.
    var hasLeaf: Bool { bits >> 8 & 1 == 1 }
    /// The distance, by exclusive or, to where the children are; with a leaf, the first of them holds its value.
    var offset: Int { Int(bits >> 10) << (bits >> 9 & 1 == 1 ? 8 : 0) }
    /// Where the replacement starts, in the first child of a node with a leaf.
    var value: Int { Int(bits & 0x7FFF_FFFF) }
  }
}
