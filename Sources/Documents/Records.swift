import KingletErrors
import KingletFiles

/// Puts the text of a document together from records, each of which becomes a block.
struct RecordWriter {
  private let format: DocumentFormat
  private let template: Template?
  private let identifierField: String?
  private var bytes: [UInt8] = []
  private var blocks: [Block] = []
  private var emptyCount = 0
  var notes: [String] = []

  init(_ format: DocumentFormat, _ options: LoadingOptions) throws(KingletError) {
    self.format = format
    var template: Template?
    if let text = options.template { template = try Template(text) }
    self.template = template
    identifierField = options.identifier
  }

  mutating func append(_ record: JSONValue, row: Int?, pointer: String? = nil) {
    let text = template?.render(record) ?? Self.defaultText(record, without: identifierField)
    guard text.utf8.contains(where: { !isSpace($0) }) else {
      emptyCount += 1
      return
    }
    if !bytes.isEmpty { bytes.append(UInt8(ascii: "\n")) }
    let start = bytes.count
    bytes += text.utf8
    blocks.append(
      Block(
        .record, start..<bytes.count,
        place: Place(row: row, pointer: pointer, identifier: identifier(of: record), fields: Self.fields(of: record))))
  }

  func document(encoding: String = "utf-8") -> LoadedDocument {
    let empty = emptyCount == 0 ? [] : ["\(emptyCount) \(emptyCount == 1 ? "record has" : "records have") no text"]
    return LoadedDocument(
      format: format, encoding: encoding, text: String(decoding: bytes, as: UTF8.self), blocks: blocks,
      notes: notes + empty)
  }

  private static let identifierNames = ["_id", "id", "doc_id", "docid", "ID", "Id"]
  private static let bodyNames = ["text", "body", "content", "passage", "abstract"]
  private static let titleNames = ["title", "headline", "name", "subject"]

  private func identifier(of record: JSONValue) -> String? {
    let names = identifierField.map { [$0] } ?? Self.identifierNames
    return names.lazy.compactMap { record[$0]?.plainText }.first { !$0.isEmpty }
  }

  /// Without a template: the body under its title, if the record has one; or else all fields, each on a line.
  private static func defaultText(_ record: JSONValue, without identifierField: String?) -> String {
    guard let members = record.members else { return record.plainText }
    func first(_ names: [String]) -> String? { names.lazy.compactMap { record[$0]?.string }.first { !$0.isEmpty } }
    if let body = first(bodyNames) {
      guard let title = first(titleNames), !body.hasPrefix(title) else { return body }
      return title + "\n" + body
    }
    let identifiers = identifierField.map { [$0] } ?? identifierNames
    return members.filter { !identifiers.contains($0.key) && !$0.value.plainText.isEmpty }
      .map { "\($0.key): \($0.value.plainText)" }.joined(separator: "\n")
  }

  /// What filters can ask for: numbers and texts short enough to be looked up rather than searched.
  private static func fields(of record: JSONValue) -> [String: FieldValue]? {
    guard let members = record.members else { return nil }
    var fields: [String: FieldValue] = [:]
    for member in members.prefix(64) where member.key.utf8.count <= 64 {
      switch member.value {
      case .integer(let value): fields[member.key] = .number(Double(value))
      case .number(let value) where value.isFinite: fields[member.key] = .number(value)
      case .bool(let value): fields[member.key] = .text(value ? "true" : "false")
      case .string(let value) where !value.isEmpty && value.utf8.count <= 120: fields[member.key] = .text(value)
      default: break
      }
    }
    return fields.isEmpty ? nil : fields
  }
}
