/// A text under construction, each addition to which is charged to the budget.
struct BoundedText {
  private(set) var text = ""
  private let budget: Budget

  init(_ budget: Budget) { self.budget = budget }

  mutating func append(_ piece: String) throws(TemplateError) {
    let added = piece.utf8.count
    try budget.allocate(added, size: text.utf8.count + added)
    text += piece
  }

  /// Appends `text`, with every scalar for which `replacement` gives a text replaced by that.
  mutating func append(
    _ text: String, replacing replacement: (Unicode.Scalar) -> String?
  ) throws(TemplateError) {
    try budget.examine(text)
    let scalars = text.unicodeScalars
    var start = scalars.startIndex
    for position in scalars.indices {
      guard let piece = replacement(scalars[position]) else { continue }
      try append(String(scalars[start..<position]))
      try append(piece)
      start = scalars.index(after: position)
    }
    try append(String(scalars[start...]))
  }

  /// Appends `count` copies of `piece`; none when `count` is negative.
  mutating func append(_ piece: String, count: Int) throws(TemplateError) {
    guard count > 0 else { return }
    let (added, overflow) = piece.utf8.count.multipliedReportingOverflow(by: count)
    let (size, tooLong) = added.addingReportingOverflow(text.utf8.count)
    try budget.allocate(overflow ? Int.max : added, size: overflow || tooLong ? Int.max : size)
    text.reserveCapacity(size)
    for _ in 0..<count { text += piece }
  }
}
