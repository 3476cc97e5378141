/// Filters for HTML and URLs.
enum MarkupFilters {
  static let table: [String: Filters.Filter] = [
    "safe": { (evaluator, value, _) throws(TemplateError) in .markup(try evaluator.text(of: value)) },
    "escape": escape,
    "e": escape,
    "forceescape": { (evaluator, value, _) throws(TemplateError) in
      .markup(try evaluator.text(of: value).escapedForHTML(evaluator.budget))
    },
    "striptags": { (evaluator, value, _) throws(TemplateError) in
      .string(try withoutTags(try evaluator.text(of: value), evaluator.budget))
    },
    "xmlattr": { (evaluator, value, arguments) throws(TemplateError) in
      let leadsWithSpace = try arguments.bound(to: "autospace", of: "xmlattr")[0]?.isTrue ?? true
      guard case .dictionary(let attributes) = value else { throw .type("xmlattr needs a mapping") }
      return .string(try list(attributes, leadsWithSpace: leadsWithSpace, evaluator))
    },
    "urlencode": { (evaluator, value, _) throws(TemplateError) in
      switch value {
      case .dictionary(let dictionary):
        return .string(try query(try DictionaryMethods.items(of: dictionary, evaluator.budget).elements, evaluator))
      case .array(let pairs), .tuple(let pairs): return .string(try query(pairs.elements, evaluator))
      default: return .string(try quoted(try evaluator.text(of: value), keeps: "/", evaluator.budget))
      }
    },
  ]

  private static let escape: Filters.Filter = { (evaluator, value, _) throws(TemplateError) in
    value.isMarkup ? value : .markup(try evaluator.text(of: value).escapedForHTML(evaluator.budget))
  }

  private static func list(
    _ attributes: JinjaDictionary, leadsWithSpace: Bool, _ evaluator: Evaluator
  ) throws(TemplateError) -> String {
    var result = BoundedText(evaluator.budget)
    var isFirst = true
    for entry in attributes.entries {
      if case .none = entry.value { continue }
      if entry.value.isUndefined { continue }
      guard let key = entry.key.text, !key.utf8.contains(where: { " \t\n\r\u{B}\u{C}/>=".utf8.contains($0) }) else {
        throw .value("Invalid character in attribute name: \(try evaluator.representation(of: entry.key))")
      }
      if !isFirst || leadsWithSpace { try result.append(" ") }
      isFirst = false
      let value = try evaluator.text(of: entry.value)
      try result.append(try key.escapedForHTML(evaluator.budget))
      try result.append("=\"")
      try result.append(entry.value.isMarkup ? value : try value.escapedForHTML(evaluator.budget))
      try result.append("\"")
    }
    return result.text
  }

  /// Without comments and tags, and with whitespace collapsed.
  private static func withoutTags(_ text: String, _ budget: Budget) throws(TemplateError) -> String {
    let withoutComments = try removing(from: "<!--", to: "-->", in: text, budget)
    let plain = try removing(from: "<", to: ">", in: withoutComments, budget)
    let words = plain.unicodeScalars.split { $0.isPythonSpace }.map { String($0) }
    var text = words.joined(separator: " ")
    let references = [("&lt;", "<"), ("&gt;", ">"), ("&#34;", "\""), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
    for (reference, character) in references {
      text = try StringMethods.replaced(text, reference, with: character, budget)
    }
    return text
  }

  private static func removing(
    from opening: String, to closing: String, in text: String, _ budget: Budget
  ) throws(TemplateError) -> String {
    let bytes = Array(text.utf8)
    let open = ByteSearch(Array(opening.utf8))
    let close = ByteSearch(Array(closing.utf8))
    var result: [UInt8] = []
    var position = 0
    while let start = open.first(in: bytes, from: position), let end = close.first(in: bytes, from: start) {
      try budget.step()
      result += bytes[position..<start]
      position = end + closing.utf8.count
    }
    result += bytes[position...]
    try budget.allocate(result.count)
    return String(utf8: result)
  }

  private static func query(_ pairs: [JinjaValue], _ evaluator: Evaluator) throws(TemplateError) -> String {
    var result = BoundedText(evaluator.budget)
    for (position, pair) in pairs.enumerated() {
      let parts = try evaluator.elements(of: pair)
      guard parts.count == 2 else { throw .value("urlencode needs pairs") }
      if position > 0 { try result.append("&") }
      try result.append(try quoted(try evaluator.text(of: parts[0]), keeps: "", evaluator.budget))
      try result.append("=")
      try result.append(try quoted(try evaluator.text(of: parts[1]), keeps: "", evaluator.budget))
    }
    return result.text
  }

  /// With all bytes but letters, digits and a few marks as `%hh`. In queries, where `keeps` is empty, a space is a
  /// plus.
  private static func quoted(_ text: String, keeps: String, _ budget: Budget) throws(TemplateError) -> String {
    try budget.allocate(text.utf8.count, times: 3)
    var result = ""
    for byte in text.utf8 {
      let scalar = Unicode.Scalar(byte)
      let isPlain = byte < 0x80 && (scalar.isPythonLetter || scalar.isPythonDigit)
      if isPlain || "_.-~".utf8.contains(byte) || keeps.utf8.contains(byte) {
        result.unicodeScalars.append(scalar)
      } else if byte == UInt8(ascii: " "), keeps.isEmpty {
        result += "+"
      } else {
        result += (byte < 0x10 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
      }
    }
    return result
  }
}
