/// What a rendering has used of its limits. Everything whose cost a template can choose asks here first.
final class Budget {
  let limits: TemplateLimits
  private var steps = 0
  private var bytes = 0

  init(_ limits: TemplateLimits) { self.limits = limits }

  /// Charges `count` steps.
  func step(_ count: Int = 1) throws(TemplateError) {
    let (sum, overflow) = steps.addingReportingOverflow(count)
    guard !overflow, sum <= limits.maximumSteps else {
      throw .limit("the template takes more than \(limits.maximumSteps) steps")
    }
    steps = sum
  }

  /// Charges going through the bytes of `text`.
  func examine(_ text: String) throws(TemplateError) { try step(1 + text.utf8.count / 16) }

  /// Charges going through `text` one character at a time, which takes many times as long.
  func study(_ text: String) throws(TemplateError) { try step(1 + text.utf8.count / 4) }

  /// Charges `added` bytes of new text or list, part of a value of `size` bytes.
  func allocate(_ added: Int, size: Int? = nil) throws(TemplateError) {
    guard size ?? added <= limits.maximumValueBytes else {
      throw .limit("a value is larger than \(limits.maximumValueBytes) bytes")
    }
    let (sum, overflow) = bytes.addingReportingOverflow(added)
    guard !overflow, sum <= limits.maximumTotalBytes else {
      throw .limit("the template makes more than \(limits.maximumTotalBytes) bytes of text and lists")
    }
    bytes = sum
    try step(1 + added / 64)
  }

  /// Charges a text of `count` times `unit` bytes, which it may be impossible even to count.
  func allocate(_ count: Int, times unit: Int) throws(TemplateError) {
    let (product, overflow) = count.multipliedReportingOverflow(by: unit)
    try allocate(overflow ? Int.max : max(0, product))
  }

  /// Charges a list of `count` elements.
  func allocate(elements count: Int) throws(TemplateError) {
    try allocate(count, times: MemoryLayout<JinjaValue>.stride)
  }

  /// A list as a value, charged.
  func array(_ elements: [JinjaValue]) throws(TemplateError) -> JinjaValue {
    .array(try sequence(elements))
  }

  /// A tuple as a value, charged.
  func tuple(_ elements: [JinjaValue]) throws(TemplateError) -> JinjaValue {
    .tuple(try sequence(elements))
  }

  /// The elements of a list or tuple, charged.
  func sequence(_ elements: [JinjaValue]) throws(TemplateError) -> JinjaArray {
    try allocate(elements: elements.count)
    let array = JinjaArray(elements)
    try check(depth: array.depth)
    return array
  }

  /// Refuses values nested so deeply that walking or freeing them would need much stack.
  func check(depth: Int) throws(TemplateError) {
    guard depth <= limits.maximumValueDepth else {
      throw .limit("a value is nested more than \(limits.maximumValueDepth) levels deep")
    }
  }
}
