/// Finds special tokens in a text: control and unknown tokens where the caller asks, user-defined ones always.
///
/// A trie, so that a text is walked once however many tokens there are (Gemma has 6,414).
struct SpecialTokenMatcher: Sendable {
  /// A character of one or more tokens. Node 0 is the root.
  private struct Node: Sendable {
    var byte: UInt8 = 0
    var firstChild: UInt32 = 0
    var sibling: UInt32 = 0
    /// The token that ends here, or -1.
    var id: Int32 = -1
    /// Whether that token is only found where the caller asks for control tokens.
    var isControl = false
  }

  private var nodes = [Node()]
  /// By the first byte of a token: the child of the root.
  private var roots = [UInt32](repeating: 0, count: 256)
  /// Tokens that swallow the whitespace after them.
  var stripping: Set<Int32> = []

  init(_ vocabulary: Vocabulary) {
    for id in vocabulary.ids {
      guard let kind = vocabulary.kind(of: id), kind.isSpecial, let range = vocabulary.range(of: id), !range.isEmpty
      else { continue }
      insert(vocabulary.bytes[range], id, isControl: kind != .userDefined)
    }
  }

  /// The special token that is spelled exactly so.
  func id(of text: some Sequence<UInt8>) -> Int32? {
    var node: UInt32 = 0
    for byte in text {
      node = child(of: node, byte)
      if node == 0 { return nil }
    }
    return nodes[Int(node)].id >= 0 ? nodes[Int(node)].id : nil
  }

  /// The first special token at or after `start`; the longest, where several start there.
  func next(in text: [UInt8], from start: Int, includingControl: Bool) -> (id: Int32, range: Range<Int>)? {
    for position in start..<text.count where roots[Int(text[position])] != 0 {
      if let found = longest(in: text, at: position, includingControl) { return found }
    }
    return nil
  }

  private func longest(in text: [UInt8], at start: Int, _ control: Bool) -> (id: Int32, range: Range<Int>)? {
    var found: (id: Int32, range: Range<Int>)?
    var node: UInt32 = 0
    for position in start..<text.count {
      node = child(of: node, text[position])
      if node == 0 { break }
      let (id, isControl) = (nodes[Int(node)].id, nodes[Int(node)].isControl)
      if id >= 0, control || !isControl { found = (id, start..<swallowed(after: id, in: text, position + 1)) }
    }
    return found
  }

  private func swallowed(after id: Int32, in text: [UInt8], _ end: Int) -> Int {
    guard !stripping.isEmpty, stripping.contains(id) else { return end }
    return text[end...].firstIndex { $0 != 0x20 && !(0x09...0x0D).contains($0) } ?? text.count
  }

  private func child(of node: UInt32, _ byte: UInt8) -> UInt32 {
    if node == 0 { return roots[Int(byte)] }
    var child = nodes[Int(node)].firstChild
    while child != 0, nodes[Int(child)].byte != byte { child = nodes[Int(child)].sibling }
    return child
  }

  private mutating func insert(_ text: ArraySlice<UInt8>, _ id: Int32, isControl: Bool) {
    var node: UInt32 = 0
    for byte in text {
      let existing = child(of: node, byte)
      if existing != 0 {
        node = existing
        continue
      }
      let new = UInt32(truncatingIfNeeded: nodes.count)
      if node == 0 {
        nodes.append(Node(byte: byte))
        roots[Int(byte)] = new
      } else {
        nodes.append(Node(byte: byte, sibling: nodes[Int(node)].firstChild))
        nodes[Int(node)].firstChild = new
      }
      node = new
    }
    // Of several tokens with one text the first is found.
    if nodes[Int(node)].id < 0 {
      nodes[Int(node)].id = id
      nodes[Int(node)].isControl = isControl
    }
  }
}
