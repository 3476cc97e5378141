import CXML
import KingletErrors

/// HTML: the text of its main part, with headings, without navigation, scripts and other boilerplate.
///
/// libxml2 repairs what is broken and stops at 256 levels of nesting; the walk over its tree has a stack of its own.
struct HTMLText {
  private var bytes: [UInt8] = []
  private var blocks: [Block] = []
  private var headings: [(level: Int, text: String)] = []
  private var title: String?
  /// The text of the block being read, and what it is.
  private var current: [UInt8] = []
  /// The XPath of the block's element.
  private var currentElement: String?
  /// How many of `steps` lead to the block element that was entered last, until it or its text ends.
  private var blockDepth: Int?
  /// The steps of the XPath to the node that is being read. Counted on the way down: libxml2 would count the siblings
  /// before each node, which takes hours for a page with a million of them.
  private var steps: [String] = []
  private var currentLevel: Int?
  private var isPreformatted = false
  private var endsWithSpace = true

  static func load(_ file: [UInt8], _ decoded: DecodedText?) throws(KingletError) -> LoadedDocument {
    var parser = HTMLText()
    // A page that is not UTF-8 says its encoding itself, or is Windows-1252 as browsers take it.
    let isUnicode = decoded.map { $0.encoding != "windows-1252" } ?? false
    let source = isUnicode ? Array((decoded?.text ?? "").utf8) : file
    let encoding = isUnicode ? "UTF-8" : saysEncoding(file) ? nil : "windows-1252"
    guard source.count < Int(Int32.max) else { throw KingletError(.unsupported, "HTML beyond 2 GB is not read") }
    guard !hasTooManyAttributes(source) else {
      throw KingletError(.unsupported, "its elements have too many attributes")
    }
    let options = HTML_PARSE_RECOVER.rawValue | HTML_PARSE_NOERROR.rawValue | HTML_PARSE_NOWARNING.rawValue
    let flags = Int32(bitPattern: options | HTML_PARSE_NONET.rawValue)
    let tree = source.withUnsafeBytes { raw in
      htmlReadMemory(raw.bindMemory(to: CChar.self).baseAddress, Int32(raw.count), nil, encoding, flags)
    }
    guard let tree else { throw KingletError(.fileCorrupt, "there is no HTML in it") }
    defer { xmlFreeDoc(tree) }
    if let root = xmlDocGetRootElement(tree) { parser.walk(root) }
    var notes = decoded?.notes ?? []
    if let last = xmlGetLastError(), last.pointee.code == XML_ERR_DOCUMENT_END.rawValue || isTooDeep(last) {
      notes.append("nested too deeply: what lies deeper than 256 elements was left out")
    }
    xmlResetLastError()
    return LoadedDocument(
      format: .html, encoding: encoding?.lowercased() ?? "as the page says", title: parser.title,
      text: String(decoding: parser.bytes, as: UTF8.self), blocks: parser.blocks, notes: notes)
  }

  /// libxml2 compares each attribute of an element with all others: a tag with a million would keep it busy for hours.
  private static func hasTooManyAttributes(_ source: [UInt8]) -> Bool {
    let mostComparisons = 1_000_000_000
    var (comparisons, index) = (0, 0)
    while let tag = source[index...].firstIndex(of: UInt8(ascii: "<")) {
      index = tag + 1
      guard index < source.count, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(source[index] | 0x20)
      else { continue }
      var words = 0
      var last = UInt8(ascii: " ")
      var quotationMark: UInt8?
      while index < source.count {
        let byte = source[index]
        index += 1
        if let mark = quotationMark {
          if byte == mark { quotationMark = nil }
          continue
        }
        if byte == UInt8(ascii: ">") { break }
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'"), last == UInt8(ascii: "=") { quotationMark = byte }
        // Values in quotation marks may stand side by side.
        if isSpace(last) || last == UInt8(ascii: "=") { words += 1 }
        last = byte
      }
      comparisons += min(words, 1 << 20) * min(words, 1 << 20)
      if comparisons > mostComparisons { return true }
    }
    return false
  }

  private static func isTooDeep(_ error: UnsafePointer<xmlError>) -> Bool {
    error.pointee.message.map { String(cString: $0).contains("depth") } ?? false
  }

  /// Whether the first kilobyte names an encoding, as it must to count.
  private static func saysEncoding(_ file: [UInt8]) -> Bool {
    String(decoding: file.prefix(1024), as: UTF8.self).lowercased().contains("charset=")
  }

  /// Reads the title, finds the main part and reads that.
  private mutating func walk(_ root: xmlNodePtr) {
    var main: xmlNodePtr?
    var articles: [xmlNodePtr] = []
    forEachNode(under: root) { node in
      guard let name = elementName(node) else { return false }
      switch name {
      case "title": if title == nil { title = text(of: node).map(headingText) }
      case "main": main = main ?? node
      case "article": articles.append(node)
      default: if attribute(node, "role") == "main" { main = main ?? node }
      }
      return true
    }
    read(main ?? (articles.count == 1 ? articles[0] : root))
    if title == nil { title = headings.first?.text }
  }

  private mutating func read(_ start: xmlNodePtr) {
    // Nodes to be entered with the last step of their path, and, without one, those to be left.
    var stack: [(node: xmlNodePtr, step: String?)] = [(start, path(start) ?? "")]
    while let (node, step) = stack.popLast() {
      guard let name = elementName(node) else {
        if isText(node) { append(content(of: node)) }
        continue
      }
      guard let step else {
        leave(name)
        continue
      }
      if Self.boilerplate.contains(name) || isHidden(node) || node != start && isPageHeader(node, name) { continue }
      if name == "br" {
        appendLineBreak()
        continue
      }
      steps.append(step)
      if Self.blockElements.contains(name) { beginBlock(name) }
      stack.append((node, nil))
      stack += children(of: node).reversed()
    }
    endBlock()
  }

  private func children(of node: xmlNodePtr) -> [(node: xmlNodePtr, step: String?)] {
    var names: [(node: xmlNodePtr, name: String, number: Int)] = []
    var counts: [String: Int] = [:]
    var child = node.pointee.children
    while let next = child {
      let name = elementName(next) ?? ""
      counts[name, default: 0] += 1
      names.append((next, name, counts[name] ?? 1))
      child = next.pointee.next
    }
    return names.map { ($0.node, counts[$0.name] == 1 ? "/\($0.name)" : "/\($0.name)[\($0.number)]") }
  }

  private mutating func beginBlock(_ name: String) {
    endBlock()
    blockDepth = steps.count
    currentLevel = Self.level(name)
    if name == "pre" { isPreformatted = true }
    if name == "li" { current = Array("- ".utf8) }
  }

  private mutating func leave(_ name: String) {
    if Self.blockElements.contains(name) { endBlock() }
    if name == "td" || name == "th" { appendSeparator() }
    if name == "pre" { isPreformatted = false }
    steps.removeLast()
  }

  private mutating func append(_ text: UnsafePointer<xmlChar>?) {
    guard var pointer = text else { return }
    while pointer.pointee != 0 {
      let byte = pointer.pointee
      pointer += 1
      if isSpace(byte), !isPreformatted {
        if !endsWithSpace { current.append(0x20) }
        endsWithSpace = true
        continue
      }
      if currentElement == nil { currentElement = steps.prefix(blockDepth ?? steps.count).joined() }
      current.append(byte)
      endsWithSpace = false
    }
  }

  private mutating func appendSeparator() {
    if !current.isEmpty { current += " | ".utf8 }
    endsWithSpace = true
  }

  private mutating func appendLineBreak() {
    if !current.isEmpty { current.append(UInt8(ascii: "\n")) }
    endsWithSpace = true
  }

  private mutating func endBlock() {
    defer {
      current = []
      currentElement = nil
      blockDepth = nil
      currentLevel = nil
      endsWithSpace = true
    }
    while let last = current.last, isSpace(last) || last == UInt8(ascii: "|") { current.removeLast() }
    if !isPreformatted, let first = current.firstIndex(where: { !isSpace($0) }) { current.removeFirst(first) }
    if current.isEmpty || current == [UInt8(ascii: "-")] { return }
    let content = String(decoding: current, as: UTF8.self)
    if let level = currentLevel {
      headings.removeAll { $0.level >= level }
      headings.append((level, headingText(content)))
    }
    if !bytes.isEmpty { bytes += "\n\n".utf8 }
    let start = bytes.count
    bytes += current
    let place = Place(element: currentElement)
    let kind: Block.Kind = currentLevel != nil ? .heading : isPreformatted ? .code : .prose
    blocks.append(Block(kind, start..<bytes.count, heading: headings.map(\.text), place: place))
  }

  private static func level(_ name: String) -> Int? {
    guard name.count == 2, name.first == "h", let level = name.last?.wholeNumberValue, (1...6).contains(level) else {
      return nil
    }
    return level
  }

  private static let boilerplate: Set = [
    "head", "script", "style", "noscript", "template", "nav", "footer", "aside", "form", "button", "select", "svg",
    "iframe", "object", "embed", "canvas", "audio", "video", "dialog", "menu",
  ]
  private static let boilerplateRoles: Set = ["navigation", "banner", "contentinfo", "complementary", "search"]
  private static let boilerplateNames: Set = [
    "nav", "navbar", "navigation", "menu", "sidebar", "breadcrumb", "breadcrumbs", "footer", "cookie", "cookies",
    "cookie-banner", "advert", "advertisement", "ads", "social", "share", "skip-link", "toc",
  ]
  private static let blockElements: Set = [
    "html", "body", "main", "article", "section", "div", "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li",
    "dl", "dt", "dd", "table", "thead", "tbody", "tfoot", "tr", "caption", "pre", "blockquote", "figure", "figcaption",
    "address", "hr", "header", "details", "summary", "center", "fieldset",
  ]

  private func isHidden(_ node: xmlNodePtr) -> Bool {
    if xmlHasProp(node, "hidden") != nil || attribute(node, "aria-hidden") == "true" { return true }
    if let role = attribute(node, "role"), Self.boilerplateRoles.contains(role) { return true }
    if let style = attribute(node, "style"), style.filter({ $0 != " " }).contains("display:none") { return true }
    return ["class", "id"].contains { name in
      attribute(node, name)?.lowercased().split(separator: " ")
        .contains { Self.boilerplateNames.contains(String($0)) } ?? false
    }
  }

  /// A header without a heading: the banner of a site, not the head of an article.
  private func isPageHeader(_ node: xmlNodePtr, _ name: String) -> Bool {
    guard name == "header" else { return false }
    var hasHeading = false
    forEachNode(under: node) { node in
      if let name = elementName(node), Self.level(name) != nil { hasHeading = true }
      return !hasHeading
    }
    return !hasHeading
  }
}

/// Visits nodes in the order of the document; `body` says whether to enter a node.
private func forEachNode(under root: xmlNodePtr, _ body: (xmlNodePtr) -> Bool) {
  var stack = [root]
  while let node = stack.popLast() {
    guard body(node) else { continue }
    var child = node.pointee.last
    while let next = child {
      stack.append(next)
      child = next.pointee.prev
    }
  }
}

private func elementName(_ node: xmlNodePtr) -> String? {
  guard node.pointee.type == XML_ELEMENT_NODE, let name = node.pointee.name else { return nil }
  return String(cString: name).lowercased()
}

private func isText(_ node: xmlNodePtr) -> Bool {
  node.pointee.type == XML_TEXT_NODE || node.pointee.type == XML_CDATA_SECTION_NODE
}

private func content(of node: xmlNodePtr) -> UnsafePointer<xmlChar>? { UnsafePointer(node.pointee.content) }

private func text(of node: xmlNodePtr) -> String? {
  guard let raw = xmlNodeGetContent(node) else { return nil }
  defer { kinglet_xml_free(raw) }
  let text = String(cString: raw).split(whereSeparator: \.isWhitespace).joined(separator: " ")
  return text.isEmpty ? nil : text
}

private func attribute(_ node: xmlNodePtr, _ name: String) -> String? {
  guard let raw = xmlGetProp(node, name) else { return nil }
  defer { kinglet_xml_free(raw) }
  return String(cString: raw)
}

/// The XPath of an element.
private func path(_ node: xmlNodePtr) -> String? {
  guard let raw = xmlGetNodePath(node) else { return nil }
  defer { kinglet_xml_free(raw) }
  return String(cString: raw)
}
