/// Cuts one text.
struct PreTokenizerRun {
  let text: [UInt8]
  let range: Range<Int>
  /// `flags[i]` belongs to `text[range.lowerBound + i]`.
  private let flags: [CharacterFlags]
  private let stages: [[PreTokenizer.Rule]]

  init(_ preTokenizer: PreTokenizer, _ text: [UInt8], _ range: Range<Int>) {
    self.text = text
    self.range = range
    stages = preTokenizer.stages
    flags = CharacterFlags.ofBytes(text, range, more: preTokenizer.moreFlags)
  }

  /// Calls `body` with each word, in order.
  func forEachWord(_ body: (Range<Int>) -> Void) { cut(range, stage: 0, body) }

  private func cut(_ piece: Range<Int>, stage: Int, _ body: (Range<Int>) -> Void) {
    guard stage < stages.count else { return body(piece) }
    let rules = stages[stage]
    var start = piece.lowerBound
    var position = start
    while position < piece.upperBound {
      guard let end = match(rules, at: position, in: piece) else {
        position = next(position, before: piece.upperBound)
        continue
      }
      if start < position { cut(start..<position, stage: stage + 1, body) }
      cut(position..<end, stage: stage + 1, body)
      position = end
      start = end
    }
    if start < position { cut(start..<position, stage: stage + 1, body) }
  }

  private func match(_ rules: [PreTokenizer.Rule], at start: Int, in piece: Range<Int>) -> Int? {
    let limit = piece.upperBound
    for rule in rules {
      let end =
        switch rule {
        case .run(let of, let upTo, let after, let then):
          run(of, upTo, after, then, at: start, before: limit)
        case .block(let of, let count): block(of, count, at: start, before: limit)
        case .contraction(let ignoringCase): contraction(ignoringCase, at: start, before: limit)
        case .lineBreaks: lineBreaks(at: start, before: limit)
        case .whitespaceBeforeLast: whitespaceBeforeLast(at: start, before: limit)
        case .trailingWhitespace: trailingWhitespace(at: start, in: piece)
        }
      if let end { return end }
    }
    return nil
  }

  private func run(
    _ of: CharacterClass, _ upTo: Int, _ after: CharacterClass?, _ then: CharacterClass?, at start: Int,
    before limit: Int
  ) -> Int? {
    var body = start
    if let after, after.contains(flags(at: start)) { body = next(start, before: limit) }
    var end = skip(of, upTo, from: body, before: limit)
    if end == body, body > start {
      body = start
      end = skip(of, upTo, from: body, before: limit)
    }
    guard end > body else { return nil }
    return then.map { skip($0, .max, from: end, before: limit) } ?? end
  }

  private func block(_ of: CharacterClass, _ count: Int, at start: Int, before limit: Int) -> Int? {
    var position = start
    for _ in 0..<count {
      guard position < limit, of.contains(flags(at: position)) else { return nil }
      position = next(position, before: limit)
    }
    return position
  }

  private func contraction(_ ignoringCase: Bool, at start: Int, before limit: Int) -> Int? {
    guard text[start] == UInt8(ascii: "'") else { return nil }
    func letter(_ offset: Int) -> UInt8 {
      guard start + offset < limit else { return 0 }
      let byte = text[start + offset]
      return ignoringCase && (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
    }
    switch (letter(1), letter(2)) {
    case (UInt8(ascii: "s"), _), (UInt8(ascii: "t"), _), (UInt8(ascii: "m"), _), (UInt8(ascii: "d"), _):
      return start + 2
    case (UInt8(ascii: "r"), UInt8(ascii: "e")), (UInt8(ascii: "v"), UInt8(ascii: "e")),
      (UInt8(ascii: "l"), UInt8(ascii: "l")):
      return start + 3
    default: return nil
    }
  }

  private func lineBreaks(at start: Int, before limit: Int) -> Int? {
    var end = skip(.any(.whitespace), .max, from: start, before: limit)
    while end > start, !flags(at: end - 1).contains(.lineBreak) { end -= 1 }
    return end > start ? end : nil
  }

  private func whitespaceBeforeLast(at start: Int, before limit: Int) -> Int? {
    var end = skip(.any(.whitespace), .max, from: start, before: limit)
    if end < limit, end > start {
      end -= 1
      while end > start, isContinuation(end) { end -= 1 }
    }
    return end > start ? end : nil
  }

  private func trailingWhitespace(at start: Int, in piece: Range<Int>) -> Int? {
    // Of a run of whitespace only the first is asked: what is true of it is true of the rest.
    guard flags(at: start).contains(.whitespace),
      start == piece.lowerBound || !flags(at: start - 1).contains(.whitespace)
    else { return nil }
    let end = skip(.any(.whitespace), .max, from: start, before: piece.upperBound)
    return end == piece.upperBound ? end : nil
  }

  /// The end of up to `count` characters of a class.
  private func skip(_ of: CharacterClass, _ count: Int, from start: Int, before limit: Int) -> Int {
    var position = start
    var left = count
    while left > 0, position < limit, of.contains(flags(at: position)) {
      position = next(position, before: limit)
      left -= 1
    }
    return position
  }

  private func next(_ position: Int, before limit: Int) -> Int {
    var next = position + 1
    while next < limit, isContinuation(next) { next += 1 }
    return next
  }

  private func isContinuation(_ position: Int) -> Bool { text[position] & 0xC0 == 0x80 }
  private func flags(at position: Int) -> CharacterFlags { flags[position - range.lowerBound] }
}
