// Taking texts apart, and putting them together.
extension StringMethods {
  static let cutMethods: [String: Method] = [
    "strip": { (call) throws(TemplateError) in try strip(call, "strip", start: true, end: true) },
    "lstrip": { (call) throws(TemplateError) in try strip(call, "lstrip", start: true, end: false) },
    "rstrip": { (call) throws(TemplateError) in try strip(call, "rstrip", start: false, end: true) },
    "removeprefix": { (call) throws(TemplateError) in
      let prefix = try call.arguments.bound(to: "prefix", of: "removeprefix").requiredText(0)
      guard call.text.starts(withBytesOf: prefix) else { return call.receiver }
      return try call.result(String(call.text.unicodeScalars.dropFirst(prefix.scalarCount)))
    },
    "removesuffix": { (call) throws(TemplateError) in
      let suffix = try call.arguments.bound(to: "suffix", of: "removesuffix").requiredText(0)
      guard call.text.ends(withBytesOf: suffix) else { return call.receiver }
      return try call.result(String(call.text.unicodeScalars.dropLast(suffix.scalarCount)))
    },
    "expandtabs": { (call) throws(TemplateError) in
      let width = try call.arguments.bound(to: "tabsize", of: "expandtabs").integer(0) ?? 8
      return call.receiver.rewrapped(try expandingTabs(call.text, width, call.budget))
    },
    "split": { (call) throws(TemplateError) in try split(call, "split", backwards: false) },
    "rsplit": { (call) throws(TemplateError) in try split(call, "rsplit", backwards: true) },
    "splitlines": { (call) throws(TemplateError) in
      let keepsEnds = try call.arguments.bound(to: "keepends", of: "splitlines").flag(0)
      return try call.budget.array(try call.result(try lines(of: call.text, keepsEnds: keepsEnds, call.budget)))
    },
    "partition": { (call) throws(TemplateError) in try partition(call, "partition", backwards: false) },
    "rpartition": { (call) throws(TemplateError) in try partition(call, "rpartition", backwards: true) },
    "join": { (call) throws(TemplateError) in
      let items = try call.evaluator.elements(of: try call.arguments.bound(to: "iterable", of: "join").required(0))
      var result = BoundedText(call.budget)
      for (position, item) in items.enumerated() {
        guard let text = item.text else {
          throw .type("sequence item \(position): expected str instance, \(item.typeName) found")
        }
        if position > 0 { try result.append(call.text) }
        try result.append(call.receiver.isMarkup && !item.isMarkup ? try text.escapedForHTML(call.budget) : text)
      }
      return call.receiver.rewrapped(result.text)
    },
  ]

  private static func strip(
    _ call: Call, _ name: String, start: Bool, end: Bool
  ) throws(TemplateError) -> JinjaValue {
    let characters = try call.arguments.bound(to: "chars", of: name).text(0)
    return try call.result(stripped(call.text, of: characters, start: start, end: end, call.budget))
  }

  /// `text` without the given characters at its ends; without whitespace, if none are given.
  static func stripped(
    _ text: String, of characters: String?, start: Bool = true, end: Bool = true, _ budget: Budget
  ) throws(TemplateError) -> String {
    var set: Set<Unicode.Scalar> = []
    if let characters {
      try budget.study(characters)
      set = Set(characters.unicodeScalars)
    }
    let result = text.stripped(start: start, end: end) { characters == nil ? $0.isPythonSpace : set.contains($0) }
    // Only what goes is looked at.
    try budget.step((text.utf8.count - result.utf8.count) / 2)
    return result
  }

  private static func split(_ call: Call, _ name: String, backwards: Bool) throws(TemplateError) -> JinjaValue {
    let bound = try call.arguments.bound(to: "sep", "maxsplit", of: name)
    let limit = try bound.integer(1) ?? -1
    let parts: [String]
    if let separator = try bound.text(0) {
      guard !separator.isEmpty else { throw .value("empty separator") }
      parts = try split(call.text, at: separator, limit: limit, backwards: backwards, call.budget)
    } else {
      parts = try words(of: call.text, limit: limit, backwards: backwards, call.budget)
    }
    return try call.budget.array(try call.result(parts))
  }

  /// The parts of `text` between occurrences of `separator`, at most `limit` of which split it unless it is negative.
  static func split(
    _ text: String, at separator: String, limit: Int, backwards: Bool, _ budget: Budget
  ) throws(TemplateError) -> [String] {
    let bytes = Array(text.utf8)
    let needle = Array(separator.utf8)
    let limit = limit < 0 ? Int.max : limit
    let places =
      backwards
      ? try ByteSearch.allBackwards(needle, in: bytes, limit: limit, budget).reversed()
      : try ByteSearch(needle).all(in: bytes, limit: limit, budget)
    var parts: [String] = []
    var start = 0
    for place in places {
      parts.append(String(utf8: bytes[start..<place]))
      start = place + needle.count
    }
    parts.append(String(utf8: bytes[start...]))
    return parts
  }

  /// The parts of `text` between runs of whitespace; what remains after `limit` splits stays in one piece.
  private static func words(
    of text: String, limit: Int, backwards: Bool, _ budget: Budget
  ) throws(TemplateError) -> [String] {
    let limit = limit < 0 ? Int.max : limit
    var rest = text.unicodeScalars[...]
    var words: [String] = []
    while true {
      rest = backwards ? trimmedEnd(rest) : rest.drop { $0.isPythonSpace }
      guard !rest.isEmpty else { break }
      try budget.step()
      guard words.count < limit else {
        words.append(String(rest))
        break
      }
      if backwards {
        let start = rest.lastIndex { $0.isPythonSpace }.map(rest.index(after:)) ?? rest.startIndex
        words.append(String(rest[start...]))
        rest = rest[..<start]
      } else {
        let end = rest.firstIndex { $0.isPythonSpace } ?? rest.endIndex
        words.append(String(rest[..<end]))
        rest = rest[end...]
      }
    }
    return backwards ? words.reversed() : words
  }

  private static func expandingTabs(_ text: String, _ width: Int, _ budget: Budget) throws(TemplateError) -> String {
    var result = BoundedText(budget)
    for line in try lines(of: text, keepsEnds: true, budget) {
      var column = 0
      for (position, part) in try split(line, at: "\t", limit: -1, backwards: false, budget).enumerated() {
        if position > 0, width > 0 {
          try result.append(" ", count: width - column % width)
          column = 0
        }
        try result.append(part)
        column += part.scalarCount
      }
    }
    return result.text
  }

  private static func trimmedEnd(_ scalars: Substring.UnicodeScalarView) -> Substring.UnicodeScalarView {
    var rest = scalars
    while let last = rest.last, last.isPythonSpace { rest.removeLast() }
    return rest
  }

  /// `str.splitlines`.
  static func lines(of text: String, keepsEnds: Bool = false, _ budget: Budget) throws(TemplateError) -> [String] {
    let scalars = text.unicodeScalars
    var lines: [String] = []
    var start = scalars.startIndex
    var index = start
    while index < scalars.endIndex {
      var next = scalars.index(after: index)
      if scalars[index].isPythonLineBreak {
        try budget.step()
        if scalars[index] == "\r", next < scalars.endIndex, scalars[next] == "\n" { next = scalars.index(after: next) }
        lines.append(String(scalars[start..<(keepsEnds ? next : index)]))
        start = next
      }
      index = next
    }
    if start < scalars.endIndex { lines.append(String(scalars[start...])) }
    return lines
  }

  private static func partition(_ call: Call, _ name: String, backwards: Bool) throws(TemplateError) -> JinjaValue {
    let separator = try call.arguments.bound(to: "sep", of: name).requiredText(0)
    guard !separator.isEmpty else { throw .value("empty separator") }
    let parts = try split(call.text, at: separator, limit: 1, backwards: backwards, call.budget)
    let texts =
      parts.count == 2 ? [parts[0], separator, parts[1]] : backwards ? ["", "", call.text] : [call.text, "", ""]
    return try call.budget.tuple(try call.result(texts))
  }
}
