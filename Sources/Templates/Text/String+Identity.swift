// Swift compares strings by canonical equivalence, Python by code points. Templates need Python's: the order of code
// points is the order of their UTF-8.
extension String {
  /// Whether both are the same code points.
  func isIdentical(to other: String) -> Bool {
    utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
  }

  /// Whether the code points of this come before those of `other`.
  func precedes(_ other: String) -> Bool { utf8.lexicographicallyPrecedes(other.utf8) }

  func starts(withBytesOf prefix: String) -> Bool { utf8.starts(with: prefix.utf8) }

  func ends(withBytesOf suffix: String) -> Bool {
    utf8.count >= suffix.utf8.count && utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }
}
