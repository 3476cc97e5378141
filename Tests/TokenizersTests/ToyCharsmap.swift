/// A table of replacements in the layout that SentencePiece writes: a trie of which every node has 256 places of its own
/// for its children.
enum ToyCharsmap {
  static func encode(_ rules: [(String, String)]) -> [UInt8] {
    var units = [UInt32](repeating: unused, count: 512)
    units[0] = unit(label: 0, at: 0, children: 256)
    var blocks = [0: 256]
    var replacements: [UInt8] = []
    for (key, value) in rules {
      var node = 0
      for byte in key.utf8 {
        let child = (blocks[node] ?? 0) + Int(byte)
        if units[child] == unused {
          blocks[child] = units.count
          units[child] = unit(label: byte, at: child, children: units.count)
          units += [UInt32](repeating: unused, count: 256)
        }
        node = child
      }
      units[node] |= 1 << 8
      units[blocks[node] ?? 0] = 0x8000_0000 | UInt32(replacements.count)
      replacements += Array(value.utf8) + [0]
    }
    let trie = units.flatMap(bytes)
    return bytes(UInt32(trie.count)) + trie + replacements
  }

  private static let unused: UInt32 = 0x8000_0000 | 0xFF

  private static func unit(label: UInt8, at position: Int, children: Int) -> UInt32 {
    UInt32(position ^ children) << 10 | UInt32(label)
  }

  private static func bytes(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }
}
