extension String {
  /// With the five characters that mean something in HTML replaced by character references.
  func escapedForHTML(_ budget: Budget) throws(TemplateError) -> String {
    var result = BoundedText(budget)
    try result.append(self) { scalar in
      switch scalar {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      case "\"": "&#34;"
      case "'": "&#39;"
      default: nil
      }
    }
    return result.text
  }
}
