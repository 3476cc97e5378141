// Finding one text in another.
extension StringMethods {
  static let searchMethods: [String: Method] = [
    "startswith": { (call) throws(TemplateError) in
      try affix(call, "startswith") { $0.starts(withBytesOf: $1) }
    },
    "endswith": { (call) throws(TemplateError) in
      try affix(call, "endswith") { $0.ends(withBytesOf: $1) }
    },
    "find": { (call) throws(TemplateError) in .int(try position(call, "find") ?? -1) },
    "rfind": { (call) throws(TemplateError) in .int(try position(call, "rfind", backwards: true) ?? -1) },
    "index": { (call) throws(TemplateError) in .int(try found(try position(call, "index"))) },
    "rindex": { (call) throws(TemplateError) in .int(try found(try position(call, "rindex", backwards: true))) },
    "count": { (call) throws(TemplateError) in
      let bound = try call.arguments.bound(to: "sub", "start", "end", of: "count")
      guard let section = try Section(call, bound) else { return .int(0) }
      let part = try bound.requiredText(0)
      if part.isEmpty { return .int(section.text.scalarCount + 1) }
      return .int(try ByteSearch(Array(part.utf8)).all(in: Array(section.text.utf8), call.budget).count)
    },
    "replace": { (call) throws(TemplateError) in
      let bound = try call.arguments.bound(to: "old", "new", "count", of: "replace")
      let limit = try bound.integer(2) ?? -1
      var new = try bound.requiredText(1)
      if call.receiver.isMarkup, let value = bound[1], !value.isMarkup { new = try new.escapedForHTML(call.budget) }
      return call.receiver.rewrapped(
        try replaced(call.text, try bound.requiredText(0), with: new, limit: limit, call.budget))
    },
  ]

  /// `text` with occurrences of `old` replaced by `new`; all of them when `limit` is negative.
  static func replaced(
    _ text: String, _ old: String, with new: String, limit: Int = -1, _ budget: Budget
  ) throws(TemplateError) -> String {
    let bytes = Array(text.utf8)
    let limit = limit < 0 ? Int.max : limit
    let places: [Int]
    if old.isEmpty {
      // The empty text is before every character and at the end.
      try budget.step(bytes.count)
      places = Array((bytes.indices.filter { bytes[$0] & 0xC0 != 0x80 } + [bytes.count]).prefix(limit))
    } else {
      places = try ByteSearch(Array(old.utf8)).all(in: bytes, limit: limit, budget)
    }
    let replacement = Array(new.utf8)
    try budget.allocate(places.count, times: replacement.count)
    var result: [UInt8] = []
    let (added, _) = places.count.multipliedReportingOverflow(by: replacement.count - old.utf8.count)
    try budget.allocate(bytes.count + added)
    result.reserveCapacity(bytes.count + added)
    var start = 0
    for place in places {
      result += bytes[start..<place]
      result += replacement
      start = place + old.utf8.count
    }
    result += bytes[start...]
    return String(utf8: result)
  }

  /// The part of a text between the optional `start` and `end` of a search.
  private struct Section {
    let text: String
    let offset: Int

    /// Nil when the part begins beyond the text, where not even the empty text is found.
    init?(_ call: Call, _ bound: BoundArguments) throws(TemplateError) {
      try call.budget.examine(call.text)
      let first = try bound.integer(1)
      let last = try bound.integer(2)
      if first == nil, last == nil {
        (text, offset) = (call.text, 0)
        return
      }
      let count = call.text.scalarCount
      let start = Self.counted(first ?? 0, count)
      let end = min(Self.counted(last ?? count, count), count)
      guard start <= count, start <= end else { return nil }
      (text, offset) = (call.text.scalars(from: start, to: end), start)
    }

    private static func counted(_ index: Int, _ count: Int) -> Int { index < 0 ? max(0, index + count) : index }
  }

  private static func affix(
    _ call: Call, _ name: String, _ matches: (String, String) -> Bool
  ) throws(TemplateError) -> JinjaValue {
    let bound = try call.arguments.bound(to: "prefix", "start", "end", of: name)
    guard let section = try Section(call, bound) else { return .bool(false) }
    let wanted = try bound.required(0)
    if let text = wanted.text { return .bool(matches(section.text, text)) }
    guard case .tuple(let candidates) = wanted else {
      throw .type("\(name) first arg must be str or a tuple of str, not \(wanted.typeName)")
    }
    for candidate in candidates {
      guard let text = candidate.text else { throw .type("tuple for \(name) must only contain str") }
      try call.budget.examine(text)
      if matches(section.text, text) { return .bool(true) }
    }
    return .bool(false)
  }

  /// Where the first argument is found, in code points.
  private static func position(_ call: Call, _ name: String, backwards: Bool = false) throws(TemplateError) -> Int? {
    let bound = try call.arguments.bound(to: "sub", "start", "end", of: name)
    let part = Array(try bound.requiredText(0).utf8)
    guard let section = try Section(call, bound) else { return nil }
    let bytes = Array(section.text.utf8)
    if part.isEmpty { return section.offset + (backwards ? section.text.scalarCount : 0) }
    let place =
      backwards
      ? try ByteSearch.allBackwards(part, in: bytes, limit: 1, call.budget).first
      : ByteSearch(part).first(in: bytes)
    guard let place else { return nil }
    return section.offset + bytes[..<place].count { $0 & 0xC0 != 0x80 }
  }

  private static func found(_ position: Int?) throws(TemplateError) -> Int {
    guard let position else { throw .value("substring not found") }
    return position
  }
}
