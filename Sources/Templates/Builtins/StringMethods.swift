/// The methods of texts. They work on code points, and give HTML where the text was HTML.
enum StringMethods {
  /// A call of a method.
  struct Call {
    let evaluator: Evaluator
    let receiver: JinjaValue
    let text: String
    let arguments: Arguments

    var budget: Budget { evaluator.budget }

    /// A text as the result, charged.
    func result(_ text: String) throws(TemplateError) -> JinjaValue {
      try budget.allocate(text.utf8.count)
      return receiver.rewrapped(text)
    }

    /// Texts as the result, charged.
    func result(_ texts: [String]) throws(TemplateError) -> [JinjaValue] {
      try budget.allocate(text.utf8.count)
      return texts.map(receiver.rewrapped)
    }
  }

  typealias Method = @Sendable (Call) throws(TemplateError) -> JinjaValue

  static func named(_ name: String) -> Method? { table[name] }

  private static let table = [caseMethods, searchMethods, cutMethods, paddingMethods, classMethods]
    .reduce(into: [String: Method]()) { table, family in table.merge(family) { first, _ in first } }

  private static let caseMethods: [String: Method] = [
    "upper": mapping(\.uppercase),
    "lower": mapping(\.lowercase),
    "casefold": mapping { $0.lowercase.replacingSharpS },
    "title": mapping(\.titlecase),
    "capitalize": mapping(\.capitalizedFirst),
    "swapcase": mapping(\.swappedCase),
  ]

  private static func mapping(_ change: @escaping @Sendable (String) -> String) -> Method {
    { (call) throws(TemplateError) in
      _ = try call.arguments.bound(of: "this method")
      try call.budget.study(call.text)
      return try call.result(change(call.text))
    }
  }

  private static let classMethods: [String: Method] = [
    "isspace": all { $0.isPythonSpace },
    "isdigit": all { $0.isPythonDigit },
    "isdecimal": all { $0.properties.numericType == .decimal },
    "isnumeric": all { $0.isPythonNumeric },
    "isalpha": all { $0.isPythonLetter },
    "isalnum": all { $0.isPythonLetter || $0.isPythonNumeric },
    "isascii": asking { $0.utf8.allSatisfy { $0 < 0x80 } },
    "isupper": asking(\.isAllUppercase),
    "islower": asking(\.isAllLowercase),
    "istitle": asking { text in
      text.unicodeScalars.contains { $0.properties.isCased } && text.isIdentical(to: text.titlecase)
    },
    "isidentifier": asking { text in
      text.unicodeScalars.first.map { $0 == "_" || $0.properties.isXIDStart } ?? false
        && text.unicodeScalars.allSatisfy { $0.properties.isXIDContinue }
    },
  ]

  private static func asking(_ question: @escaping @Sendable (String) -> Bool) -> Method {
    { (call) throws(TemplateError) in
      _ = try call.arguments.bound(of: "this method")
      try call.budget.study(call.text)
      return .bool(question(call.text))
    }
  }

  /// Whether the text is not empty and all of it is of a class.
  private static func all(_ belongs: @escaping @Sendable (Unicode.Scalar) -> Bool) -> Method {
    asking { !$0.isEmpty && $0.unicodeScalars.allSatisfy(belongs) }
  }

  private static let paddingMethods: [String: Method] = [
    "ljust": { (call) throws(TemplateError) in try pad(call, .left, "ljust") },
    "rjust": { (call) throws(TemplateError) in try pad(call, .right, "rjust") },
    "center": { (call) throws(TemplateError) in try pad(call, .center, "center") },
    "zfill": { (call) throws(TemplateError) in
      let width = try call.arguments.bound(to: "width", of: "zfill").requiredInteger(0)
      let isSigned = call.text.utf8.first.map { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") } ?? false
      let field = FieldFormat(fill: "0", alignment: .afterSign, width: width)
      let sign = isSigned ? String(call.text.unicodeScalars.prefix(1)) : ""
      let digits = String(call.text.unicodeScalars.dropFirst(isSigned ? 1 : 0))
      return call.receiver.rewrapped(try field.padded(sign, digits, call.budget))
    },
    "format": { (call) throws(TemplateError) in
      call.receiver.rewrapped(
        try call.evaluator.braceFormatted(call.text, call.arguments, escapes: call.receiver.isMarkup))
    },
    "format_map": { (call) throws(TemplateError) in
      guard case .dictionary(let values) = try call.arguments.bound(to: "mapping", of: "format_map").required(0) else {
        throw .type("format_map() wants a mapping")
      }
      let arguments = Arguments(named: values.entries.compactMap { entry in entry.key.text.map { ($0, entry.value) } })
      return call.receiver.rewrapped(
        try call.evaluator.braceFormatted(call.text, arguments, escapes: call.receiver.isMarkup))
    },
  ]

  private static func pad(
    _ call: Call, _ alignment: FieldFormat.Alignment, _ name: String
  ) throws(TemplateError) -> JinjaValue {
    let bound = try call.arguments.bound(to: "width", "fillchar", of: name)
    let fill = try bound.text(1) ?? " "
    guard let scalar = fill.unicodeScalars.first, fill.scalarCount == 1 else {
      throw .type("The fill character must be exactly one character long")
    }
    let width = try bound.requiredInteger(0)
    return call.receiver.rewrapped(try padded(call.text, to: width, alignment, fill: scalar, call.budget))
  }

  /// `text` padded to `width` code points.
  static func padded(
    _ text: String, to width: Int, _ alignment: FieldFormat.Alignment, fill: Unicode.Scalar = " ", _ budget: Budget
  ) throws(TemplateError) -> String {
    // Where the padding is odd, Python's `center` gives the extra character to the right, or to the left if the width
    // is odd as well.
    let missing = width - text.scalarCount
    if alignment == .center, missing > 0, missing % 2 == 1, width % 2 == 1 {
      var result = BoundedText(budget)
      try result.append(String(fill), count: missing / 2 + 1)
      try result.append(text)
      try result.append(String(fill), count: missing / 2)
      return result.text
    }
    return try FieldFormat(fill: fill, alignment: alignment, width: width).formatted(text, budget)
  }
}
