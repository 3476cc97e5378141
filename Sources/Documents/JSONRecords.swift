import KingletErrors
import KingletFiles

/// JSON: the records of an array, each with its pointer; JSONL: one record a line.
enum JSONRecords {
  static func load(_ decoded: DecodedText, _ options: LoadingOptions) throws(KingletError) -> LoadedDocument {
    let document = try JSONValue(withoutMark(decoded.text))
    var writer = try RecordWriter(.json, options)
    writer.notes = decoded.notes
    let (pointer, value) = try records(of: document, options.records)
    if case .array(let records) = value {
      for (index, record) in records.enumerated() {
        writer.append(record, row: nil, pointer: "\(pointer)/\(index)")
      }
    } else {
      writer.append(value, row: nil, pointer: pointer)
    }
    return writer.document(encoding: decoded.encoding)
  }

  static func loadLines(_ decoded: DecodedText, _ options: LoadingOptions) throws(KingletError) -> LoadedDocument {
    var writer = try RecordWriter(.jsonl, options)
    writer.notes = decoded.notes
    var (bad, good) = (0, 0)
    var firstBad: String?
    for (index, line) in withoutMark(decoded.text).utf8.split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false
    ).enumerated() {
      if line.allSatisfy(isSpace) { continue }
      do throws(KingletError) {
        writer.append(try JSONValue(String(decoding: line, as: UTF8.self)), row: index + 1)
        good += 1
      } catch {
        bad += 1
        if firstBad == nil { firstBad = "line \(index + 1), \(error.location ?? ""): \(error.message)" }
      }
    }
    if let firstBad {
      // A file in which no line is JSON is something else.
      if good == 0 { throw KingletError(.fileCorrupt, firstBad) }
      writer.notes.append("\(bad) \(bad == 1 ? "line was" : "lines were") left out: \(firstBad)")
    }
    return writer.document(encoding: decoded.encoding)
  }

  private static func withoutMark(_ text: String) -> String {
    text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
  }

  private static func records(
    of document: JSONValue, _ pointer: String?
  ) throws(KingletError) -> (pointer: String, value: JSONValue) {
    if let pointer { return (pointer, try resolve(pointer, in: document)) }
    guard let members = document.members else { return ("", document) }
    let arrays = members.filter { $0.value.array.map { !$0.isEmpty && $0.allSatisfy { $0.members != nil } } ?? false }
    guard arrays.count == 1, let only = arrays.first else { return ("", document) }
    return ("/" + escaped(only.key), only.value)
  }

  /// The value that a pointer (RFC 6901) leads to.
  static func resolve(_ pointer: String, in document: JSONValue) throws(KingletError) -> JSONValue {
    var value = document
    for part in pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
      let name = String(part.replacing("~1", with: "/").replacing("~0", with: "~"))
      let element = value.array.map { array in Int(name).flatMap { array.indices.contains($0) ? array[$0] : nil } }
      guard let next = element ?? value[name] else {
        throw KingletError(.invalidArgument, "there is nothing at the JSON pointer", at: pointer)
      }
      value = next
    }
    return value
  }

  private static func escaped(_ name: String) -> String { name.replacing("~", with: "~0").replacing("/", with: "~1") }
}
